/** ConfigMaps: names of keys, and how much they hold (`ValidateConfigMap`). */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { type JsonObject, objectAt } from '../json.ts';
import { invalidValue, tooLong } from '../problems.ts';

const MOST_BYTES = 1024 * 1024;
const KEY = /^[-._a-zA-Z0-9]{1,253}$/;
const KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

export function checkConfigMap(object: JsonObject): StatusCause[] {
  const [data, binary] = [objectAt(object, 'data'), objectAt(object, 'binaryData')];
  const causes = [...Object.keys(data).map((key) => ['data', key] as const), ...Object.keys(binary).map((key) => ['binaryData', key] as const)].flatMap(([where, key]) => {
    const problem = keyProblem(key);
    return problem === undefined ? [] : [invalidValue(`${where}[${key}]`, key, problem)];
  });
  for (const key of Object.keys(data)) if (Object.hasOwn(binary, key)) causes.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'));
  const bytes = Object.values(data).reduce<number>((sum, value) => sum + Buffer.byteLength(String(value)), 0) + Object.values(binary).reduce<number>((sum, value) => sum + String(value).length * 3 / 4, 0);
  // It is about the whole, which kube-apiserver calls so.
  if (bytes > MOST_BYTES) causes.push(tooLong('[]', MOST_BYTES));
  return causes;
}

function keyProblem(key: string): string | undefined {
  if (key === '.' || key === '..') return `must not be '${key}'`;
  return KEY.test(key) ? undefined : KEY_TEXT;
}
