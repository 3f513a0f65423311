/** `x-kubernetes-list-type`, its keys, and `x-kubernetes-map-type` in a definition's schema. */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, type JsonObject, objectAt } from '../json.ts';
import { fieldForbidden, invalidValue, notSupported, required } from '../problems.ts';

const LIST = 'x-kubernetes-list-type';
const KEYS = 'x-kubernetes-list-map-keys';
const MAP = 'x-kubernetes-map-type';

export function judgeListsAndMaps(schema: JsonObject, field: string, causes: StatusCause[]): void {
  const { [LIST]: listType, [MAP]: mapType, type } = schema;
  const keys = Array.isArray(schema[KEYS]) ? schema[KEYS] as unknown[] : [];
  if (listType !== undefined && type !== 'array') causes.push(invalidValue(`${field}.type`, type ?? '', `must be array if ${LIST} is specified`));
  else if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType as string)) causes.push(notSupported(`${field}.${LIST}`, listType, ['atomic', 'set', 'map']));
  if (mapType !== undefined && type !== 'object') causes.push(invalidValue(`${field}.type`, type ?? '', `must be object if ${MAP} is specified`));
  else if (mapType !== undefined && !['atomic', 'granular'].includes(mapType as string)) causes.push(notSupported(`${field}.${MAP}`, mapType, ['atomic', 'granular']));
  if (keys.length > 0 && listType === undefined) causes.push(required(`${field}.${LIST}`, `must be map if ${KEYS} is non-empty`));
  if (keys.length > 0 && listType !== undefined && listType !== 'map') causes.push(invalidValue(`${field}.${LIST}`, listType, `must be map if ${KEYS} is non-empty`));
  const items = objectAt(schema, 'items');
  if (listType === 'map') judgeKeys(keys, items, field, causes);
  if (listType === 'set') judgeSetItems(items, `${field}.items`, causes);
}

function judgeKeys(keys: readonly unknown[], items: JsonObject, field: string, causes: StatusCause[]): void {
  if (keys.length === 0) {
    causes.push(required(`${field}.${KEYS}`, `must not be empty if ${LIST} is map`));
    return;
  }
  if (items['type'] !== 'object') causes.push(invalidValue(`${field}.items.type`, items['type'] ?? '', `must be object if parent array's ${LIST} is map`));
  const properties = objectAt(items, 'properties');
  const needed = Array.isArray(items['required']) ? items['required'] as unknown[] : [];
  for (const key of new Set(keys.map(String))) {
    const property = properties[key];
    if (!isObject(property)) causes.push(invalidValue(`${field}.${KEYS}`, keys, 'entries must all be names of item properties'));
    else if (!needed.includes(key) && property['default'] === undefined) causes.push(required(`${field}.items.properties[${key}].default`, `this property is in ${KEYS}, so it must have a default or be a required property`));
  }
  if (new Set(keys).size < keys.length) causes.push(invalidValue(`${field}.${KEYS}`, keys, 'must not contain duplicate entries'));
}

/** Items of a set are one value each. */
function judgeSetItems(items: JsonObject, field: string, causes: StatusCause[]): void {
  if (items['nullable'] === true) causes.push(fieldForbidden(`${field}.nullable`, `cannot be nullable when ${LIST} is set`));
  if (items['type'] === 'object' && items[MAP] !== 'atomic') causes.push(invalidValue(`${field}.${MAP}`, items[MAP] ?? null, `must be atomic as item of a list with ${LIST}=set`));
  if (items['type'] === 'array' && items[LIST] !== undefined && items[LIST] !== 'atomic') causes.push(invalidValue(`${field}.${LIST}`, items[LIST], `must be atomic as item of a list with ${LIST}=set`));
}
