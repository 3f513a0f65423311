/** Who owns which fields after a write: `metadata.managedFields`, server-side apply and its conflicts (structured-merge-diff `merge/update.go`). */
import type { ManagedFieldsEntry, StatusCause } from '../../../mesh/ports/kubernetes.ts';
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { equal, isObject, type JsonObject, objectAt, textAt } from '../json.ts';
import { ApiProblem } from '../problems.ts';
import { difference, emptySet, type FieldSet, fromFieldsV1, intersection, isEmptySet, pathTexts, toFieldsV1, union, withoutPath } from './field-set.ts';
import { fieldsAppliedBefore, rememberApplied } from './last-applied.ts';
import { compare, fieldsOf, mergeApplied, removeFields } from './typed.ts';

export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource?: string;
  /** RFC 3339. */
  readonly time: string;
}

interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  time: string;
  set: FieldSet;
}

/** Fields that belong to the server: nobody owns them. */
const UNOWNED: readonly (readonly string[])[] = [
  ['f:apiVersion'], ['f:kind'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'generation', 'managedFields', 'resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds']
    .map((name) => ['f:metadata', `f:${name}`]),
];
const MOST_UPDATERS = 10;

function owned(set: FieldSet): FieldSet {
  const reduced = UNOWNED.reduce(withoutPath, set);
  const metadata = reduced.children.get('f:metadata');
  if (metadata === undefined) return reduced;
  metadata.member = false;
  return isEmptySet(metadata) ? withoutPath(reduced, ['f:metadata']) : reduced;
}

/** Entries that are not well formed count as absent. */
function readOwners(object: JsonObject): Owner[] {
  const entries = objectAt(object, 'metadata')['managedFields'];
  if (!Array.isArray(entries)) return [];
  const owners: Owner[] = [];
  for (const entry of entries as unknown[]) {
    if (!isObject(entry)) return [];
    const set = fromFieldsV1(entry['fieldsV1']);
    const operation = entry['operation'];
    if (set === undefined || (operation !== 'Apply' && operation !== 'Update')) return [];
    const text = (key: string): string => textAt(entry, key) ?? '';
    owners.push({ manager: text('manager'), operation, apiVersion: text('apiVersion'), subresource: text('subresource'), time: text('time'), set });
  }
  return owners;
}

function writeOwners(object: JsonObject, owners: readonly Owner[]): void {
  const entries = owners.filter((owner) => !isEmptySet(owner.set)).sort(byOrder).map((owner): ManagedFieldsEntry => ({
    manager: owner.manager, operation: owner.operation, apiVersion: owner.apiVersion, ...(owner.time === '' ? {} : { time: owner.time }),
    fieldsType: 'FieldsV1', fieldsV1: toFieldsV1(owner.set), ...(owner.subresource === '' ? {} : { subresource: owner.subresource }),
  }));
  const metadata = objectAt(object, 'metadata');
  if (entries.length === 0) delete metadata['managedFields'];
  else metadata['managedFields'] = entries;
}

const byOrder = (a: Owner, b: Owner): number =>
  order(a.operation, b.operation) || order(a.time, b.time) || order(a.manager, b.manager) || order(a.apiVersion, b.apiVersion) || order(a.subresource, b.subresource);
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const isSame = (owner: Owner, writer: Writer, operation: Owner['operation']): boolean =>
  owner.manager === writer.manager && owner.operation === operation && owner.subresource === (writer.subresource ?? '')
  && (operation === 'Apply' || owner.apiVersion === writer.apiVersion);

/** As kube-apiserver: fields are not converted between groups, so that owners that wrote through another group are forgotten. */
const isOfGroup = (owner: Owner, writer: Writer): boolean => groupOf(owner.apiVersion) === groupOf(writer.apiVersion);
const groupOf = (apiVersion: string): string => apiVersion.slice(0, Math.max(0, apiVersion.indexOf('/')));

const withoutOwners = (object: JsonObject): JsonObject => {
  const { managedFields: _managedFields, ...metadata } = objectAt(object, 'metadata');
  return { ...object, metadata };
};

/** When who wrote is no change: kube-apiserver leaves the object as it is then (`endpoints/handlers/fieldmanager/equality.go`). */
export function withoutTimes(object: JsonObject): JsonObject {
  const { managedFields, ...metadata } = objectAt(object, 'metadata');
  if (!Array.isArray(managedFields)) return object;
  return { ...object, metadata: { ...metadata, managedFields: managedFields.map((entry) => (isObject(entry) ? { ...entry, time: undefined } : entry)) } };
}

/** `next` as it will be stored; sets its `managedFields`. `live` undefined: it is being created, `blank` is what everybody starts from. */
export function trackUpdate(schema: StructuralSchema, live: JsonObject | undefined, blank: JsonObject, next: JsonObject, writer: Writer): void {
  // As kube-apiserver: who owned nothing of an object since it was wiped goes on owning nothing, until somebody applies.
  if (live !== undefined && readOwners(live).length === 0) {
    writeOwners(next, isReset(next) ? [] : readOwners(next));
    return;
  }
  let owners = isReset(next) ? [] : readOwners(next);
  if (owners.length === 0 && !isReset(next) && live !== undefined) owners = readOwners(live);
  owners = owners.filter((owner) => isOfGroup(owner, writer));
  const { added, modified, removed } = compare(schema, withoutOwners(live ?? blank), withoutOwners(next));
  const taken = owned(union(added, modified));
  let mine = owners.find((owner) => isSame(owner, writer, 'Update'));
  for (const owner of owners) {
    if (owner !== mine) owner.set = difference(difference(owner.set, modified), removed);
  }
  if (!isReset(next) && (!isEmptySet(taken) || mine !== undefined)) {
    const set = union(difference(mine?.set ?? emptySet(), removed), taken);
    if (mine === undefined) {
      mine = { manager: writer.manager, operation: 'Update', apiVersion: writer.apiVersion, subresource: writer.subresource ?? '', time: writer.time, set };
      owners.push(mine);
    } else if (!equal(toFieldsV1(mine.set), toFieldsV1(set)) || !isEmptySet(taken)) {
      mine.set = set;
      mine.time = writer.time;
    }
  }
  writeOwners(next, bounded(owners));
}

/** `managedFields: [{}]` wipes them. */
function isReset(object: JsonObject): boolean {
  const entries = objectAt(object, 'metadata')['managedFields'];
  return Array.isArray(entries) && entries.length === 1 && isObject(entries[0]) && Object.keys(entries[0]).length === 0;
}

/** Of many updaters the oldest are united, so that the list stays short. */
function bounded(owners: readonly Owner[]): readonly Owner[] {
  const updaters = owners.filter((owner) => owner.operation === 'Update' && owner.subresource === '').sort(byOrder);
  if (updaters.length <= MOST_UPDATERS) return owners;
  const oldest = updaters.slice(0, updaters.length - MOST_UPDATERS + 1);
  const ancient = oldest.map((owner) => owner.set).reduce(union);
  return [
    ...owners.filter((owner) => !oldest.includes(owner)),
    { manager: 'ancient-changes', operation: 'Update', apiVersion: oldest[0]?.apiVersion ?? '', subresource: '', time: oldest.at(-1)?.time ?? '', set: ancient },
  ];
}

/**
 * Server-side apply: the object that `config` makes of `live`, without `managedFields`. Call `settle` with the object as it will be stored
 * (defaults, allocations) to get its owners written. Throws 409 with a cause per field that another manager owns, unless `force`.
 */
export function apply(schema: StructuralSchema, live: JsonObject, config: JsonObject, ignored: readonly (readonly string[])[], writer: Writer, { force, blank }: { readonly force: boolean; readonly blank: JsonObject }): {
  readonly merged: JsonObject;
  settle(stored: JsonObject): void;
} {
  const owners = readOwners(live);
  const base = withoutOwners(live);
  if (owners.length === 0) {
    const everything = owned(ignored.reduce(withoutPath, compare(schema, blank, base).added));
    if (!isEmptySet(everything)) owners.push({ manager: 'before-first-apply', operation: 'Update', apiVersion: writer.apiVersion, subresource: '', time: writer.time, set: everything });
  }
  const known = owners.filter((owner) => isOfGroup(owner, writer));
  const mine = known.find((owner) => isSame(owner, writer, 'Apply'));
  const others = known.filter((owner) => owner !== mine);
  const wanted = owned(ignored.reduce(withoutPath, fieldsOf(schema, config)));
  const united = mergeApplied(schema, base, config) as JsonObject;
  const dropped = difference(mine?.set ?? emptySet(), wanted);
  const claimed = others.reduce((all, owner) => union(all, owner.set), wanted);
  const merged = isEmptySet(dropped) ? united : removeFields(schema, united, dropped, claimed) as JsonObject;

  const { added, modified, removed } = compare(schema, base, merged);
  const changed = union(added, modified);
  const conflicts = others.map((owner) => ({ owner, fields: intersection(owner.set, changed) })).filter(({ fields }) => !isEmptySet(fields));
  const own = conflicts.length === 0 || force ? emptySet() : fieldsAppliedBefore(schema, base, writer.manager);
  const refused = force ? [] : conflicts.map(({ owner, fields }) => ({ owner, fields: difference(fields, own) })).filter(({ fields }) => !isEmptySet(fields));
  if (refused.length > 0) throw applyConflict(refused);
  for (const { owner, fields } of conflicts) owner.set = difference(owner.set, fields);
  for (const owner of others) owner.set = difference(owner.set, removed);

  // As in kube-apiserver: an apply that changes nothing but owners carries no new time.
  const time = equal(base, merged) ? mine?.time ?? '' : writer.time;
  return {
    merged: rememberApplied(merged, config, writer.manager),
    settle(stored) {
      writeOwners(stored, [...others, { manager: writer.manager, operation: 'Apply', apiVersion: writer.apiVersion, subresource: writer.subresource ?? '', time, set: wanted }]);
    },
  };
}

function applyConflict(conflicts: readonly { readonly owner: Owner; readonly fields: FieldSet }[]): ApiProblem {
  const byManager = conflicts.map(({ owner, fields }) => ({ text: managerText(owner), paths: pathTexts(fields) })).sort((a, b) => order(a.text, b.text));
  const causes: StatusCause[] = byManager.flatMap(({ text, paths }) => paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${text}`, field })));
  const texts = byManager.map(({ text, paths }) => (causes.length === 1
    ? `conflict with ${text}: ${paths[0]}`
    : `conflicts with ${text}:\n${paths.map((path) => `- ${path}`).join('\n')}`));
  return new ApiProblem(409, 'Conflict', `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${texts.join('\n')}`, {}, causes);
}

function managerText(owner: Owner): string {
  const name = JSON.stringify(owner.manager) + (owner.subresource === '' ? '' : ` with subresource ${JSON.stringify(owner.subresource)}`);
  return owner.operation === 'Update' ? `${name} using ${owner.apiVersion}` : name;
}
