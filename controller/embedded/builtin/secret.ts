/** Secrets: `stringData`, the default type, base64. */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, type JsonObject, member, objectAt, put } from '../json.ts';
import { invalidValue, required, tooLong } from '../problems.ts';

/** The whole of a Secret's or ConfigMap's data (Kubernetes: 1 MiB). */
const MOST_BYTES = 1024 * 1024;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function defaultSecret(object: JsonObject): void {
  const texts = member(object, 'stringData');
  if (isObject(texts)) {
    const data: JsonObject = { ...objectAt(object, 'data') };
    for (const [key, text] of Object.entries(texts)) if (typeof text === 'string') put(data, key, Buffer.from(text, 'utf8').toString('base64'));
    object['data'] = data;
  }
  delete object['stringData'];
  if (object['type'] === undefined || object['type'] === '') object['type'] = 'Opaque';
}

const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
};

export function checkSecret(object: JsonObject, previous: JsonObject | undefined): StatusCause[] {
  const causes: StatusCause[] = [];
  const data = objectAt(object, 'data');
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key)) causes.push(invalidValue(`data[${key}]`, key, "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"));
    // Values are secrets: never quoted.
    if (typeof value === 'string' && !BASE64.test(value)) causes.push({ reason: 'FieldValueInvalid', field: `data[${key}]`, message: 'Invalid value: is not base64; give plain text in stringData' });
    bytes += typeof value === 'string' ? value.length * 3 / 4 : 0;
  }
  if (bytes > MOST_BYTES) causes.push(tooLong('data', MOST_BYTES));
  for (const key of REQUIRED_KEYS[String(object['type'])] ?? []) if (!Object.hasOwn(data, key)) causes.push(required(`data[${key}]`));
  if (previous !== undefined && previous['type'] !== object['type']) causes.push(invalidValue('type', object['type'], 'field is immutable'));
  return causes;
}
