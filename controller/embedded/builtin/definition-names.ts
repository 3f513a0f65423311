/** Which names of a definition are taken, and whether its kind is established (apiextensions-apiserver `naming_controller.go`, `establishing_controller.go`). */
import { isObject, type JsonObject, objectAt, textAt } from '../json.ts';

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** `acceptedNames` and `conditions`. `definitions`: all, itself as it was among them. */
export function namingStatus(crd: JsonObject, definitions: Iterable<JsonObject>, now: string): JsonObject {
  const [spec, before] = [objectAt(crd, 'spec'), statusOf(crd, definitions)];
  const names = objectAt(spec, 'names');
  const taken = takenNames(crd, definitions);
  const previous = objectAt(before, 'acceptedNames');
  const accepted: JsonObject = { ...previous, plural: previous['plural'] ?? '', kind: previous['kind'] ?? '' };
  let refusal: readonly [reason: string, name: string] | undefined;
  for (const [key, reason, among] of [['plural', 'PluralConflict', taken.resources], ['singular', 'SingularConflict', taken.resources], ['shortNames', 'ShortNamesConflict', taken.resources], ['kind', 'KindConflict', taken.kinds], ['listKind', 'ListKindConflict', taken.kinds]] as const) {
    const wanted = key === 'shortNames' ? texts(names[key]) : [textAt(names, key) ?? ''];
    const clash = wanted.find((name) => name !== '' && among.has(name));
    if (clash !== undefined) refusal = [reason, clash];
    else if (names[key] === undefined) delete accepted[key];
    else accepted[key] = names[key];
  }
  if (names['categories'] !== undefined) accepted['categories'] = names['categories'];
  const isEstablished = conditionOf(before, 'Established')?.['status'] === 'True' || refusal === undefined;
  return {
    conditions: [
      refusal === undefined ? condition(before, now, 'NamesAccepted', true, 'NoConflicts', 'no conflicts found')
        : condition(before, now, 'NamesAccepted', false, refusal[0], `${JSON.stringify(refusal[1])} is already in use`),
      isEstablished ? condition(before, now, 'Established', true, 'InitialNamesAccepted', 'the initial names have been accepted')
        : condition(before, now, 'Established', false, 'NotAccepted', 'not all names are accepted'),
    ],
    acceptedNames: accepted,
  };
}

export const isEstablished = (crd: JsonObject): boolean => conditionOf(objectAt(crd, 'status'), 'Established')?.['status'] === 'True';

const nameOf = (crd: JsonObject): unknown => objectAt(crd, 'metadata')['name'];
const groupOf = (crd: JsonObject): unknown => objectAt(crd, 'spec')['group'];

function statusOf(crd: JsonObject, definitions: Iterable<JsonObject>): JsonObject {
  for (const each of definitions) if (nameOf(each) === nameOf(crd)) return objectAt(each, 'status');
  return {};
}

/** By other definitions of the group. */
function takenNames(crd: JsonObject, definitions: Iterable<JsonObject>): { readonly resources: Set<unknown>; readonly kinds: Set<unknown> } {
  const [resources, kinds] = [new Set<unknown>(), new Set<unknown>()];
  for (const other of definitions) {
    if (nameOf(other) === nameOf(crd) || groupOf(other) !== groupOf(crd)) continue;
    const accepted = objectAt(objectAt(other, 'status'), 'acceptedNames');
    for (const name of [accepted['plural'], accepted['singular'], ...texts(accepted['shortNames'])]) resources.add(name);
    for (const name of [accepted['kind'], accepted['listKind']]) kinds.add(name);
  }
  return { resources, kinds };
}

const conditionOf = (status: JsonObject, type: string): JsonObject | undefined =>
  (Array.isArray(status['conditions']) ? status['conditions'].filter(isObject) : []).find((each) => each['type'] === type);

function condition(before: JsonObject, now: string, type: string, holds: boolean, reason: string, message: string): JsonObject {
  const status = holds ? 'True' : 'False';
  const earlier = conditionOf(before, type);
  return { type, status, lastTransitionTime: earlier?.['status'] === status ? earlier['lastTransitionTime'] : now, reason, message };
}
