/** What `kubectl apply` remembers in an annotation, where the same kubectl goes on with server-side apply (apimachinery `managedfields/internal/lastapplied*.go`). */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { isObject, type JsonObject, objectAt, textAt } from '../json.ts';
import { difference, emptySet, type FieldSet } from './field-set.ts';
import { compare, fieldsOf } from './typed.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** The one whose annotation it is; another name opts out. */
const KUBECTL = 'kubectl';

const remembered = (object: JsonObject): string => textAt(objectAt(objectAt(object, 'metadata'), 'annotations'), ANNOTATION) ?? '';

/** Fields that `manager` may take from others without force: it applied them on the client side, and they still are as it applied them. */
export function fieldsAppliedBefore(schema: StructuralSchema, live: JsonObject, manager: string): FieldSet {
  const before = manager === KUBECTL ? parsed(remembered(live)) : undefined;
  if (before === undefined) return emptySet();
  const { added, modified, removed } = compare(schema, before, live);
  return [added, modified, removed].reduce(difference, fieldsOf(schema, before));
}

/** `object` with an annotation that says what is applied now, so that a client-side apply may follow. */
export function rememberApplied(object: JsonObject, config: JsonObject, manager: string): JsonObject {
  if (manager !== KUBECTL || remembered(object) === '') return object;
  const metadata = objectAt(config, 'metadata');
  const { [ANNOTATION]: _itself, ...annotations } = objectAt(metadata, 'annotations');
  const { annotations: _annotations, managedFields: _managedFields, ...rest } = metadata;
  const text = goJson({ ...config, metadata: { ...rest, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) } });
  const live = objectAt(object, 'metadata');
  return { ...object, metadata: { ...live, annotations: { ...objectAt(live, 'annotations'), [ANNOTATION]: `${text}\n` } } };
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** As Go writes it: maps in the order of their keys, and what HTML or JavaScript could take for its own as `\u0026` (encoding/json, `HTMLEscape`). */
const goJson = (value: unknown): string => JSON.stringify(sorted(value)).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  return isObject(value) ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value;
}
