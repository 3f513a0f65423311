/** Compares what a field manager would apply with what it owns (`FieldsV1`, structured-merge-diff's text form) and with what is there. */
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isAbsent = (value: unknown): boolean => value === undefined || value === null;

const isEmpty = (value: unknown): boolean => (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0);

/**
 * Every value of `wanted` stands in `actual`; what the server added (defaults) is no difference.
 * `typed`: of a kind that is built into the server, or metadata: there an empty map or list is as good as none, while a custom resource keeps it.
 */
function carries(wanted: unknown, actual: unknown, typed: boolean): boolean {
  if (isAbsent(wanted) || (typed && isEmpty(wanted) && isAbsent(actual))) return true;
  if (Array.isArray(wanted)) {
    return Array.isArray(actual) && actual.length === wanted.length && wanted.every((item, index) => carries(item, actual[index], typed));
  }
  if (isObject(wanted)) return isObject(actual) && Object.keys(wanted).every((key) => carries(wanted[key], actual[key], typed));
  return wanted === actual;
}

/** Members that name the object or that the server sets: nobody owns them. */
const UNOWNED_METADATA = new Set(['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields', 'deletionTimestamp', 'generateName', 'selfLink']);

/** The core group, short names (`apps`) and `*.k8s.io`; `*.x-k8s.io` are definitions of SIGs. */
const isBuiltIn = (apiVersion: string): boolean => /^([a-z]+\/)?v[^/]*$|^[a-z0-9.-]*\.k8s\.io\//.test(apiVersion) && !/x-k8s\.io\//.test(apiVersion);

/** Without empty metadata that is not there: the server drops it. */
function withoutIdentity(object: KubernetesObject, current: KubernetesObject): Fields {
  const { apiVersion: _, kind: __, metadata, ...rest } = object;
  const actual = current.metadata as unknown as Fields;
  const owned = Object.fromEntries(Object.entries(metadata).filter(([key, value]) => !UNOWNED_METADATA.has(key) && !isAbsent(value) && !(isEmpty(value) && isAbsent(actual[key]))));
  return Object.keys(owned).length === 0 ? rest : { ...rest, metadata: owned };
}

/** The one item that has all members of a list key (`k:{"port":80,"protocol":"TCP"}`); a member that `wanted` leaves out is the server's default. */
function itemOf(list: readonly unknown[], key: Fields): Fields | undefined {
  const found = list.filter((item): item is Fields => isObject(item) && Object.entries(key).every(([member, value]) => isAbsent(item[member]) || item[member] === value));
  return found.length === 1 ? found[0] : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function listMatches(wanted: readonly unknown[], owned: Fields, actual: readonly unknown[], typed: boolean): boolean {
  const entries = Object.entries(owned).filter(([path]) => path !== '.');
  if (entries.length === 0) return carries(wanted, actual, typed);
  if (entries.length !== wanted.length) return false;
  return entries.every(([path, below]) => {
    const selector = parse(path.slice(2));
    if (path.startsWith('v:')) return wanted.includes(selector) && actual.includes(selector);
    if (!path.startsWith('k:') || !isObject(selector) || !isObject(below)) return false;
    const wantedItem = itemOf(wanted, selector);
    const actualItem = itemOf(actual, selector);
    if (wantedItem === undefined || actualItem === undefined) return false;
    // An atomic item (owner references are such) is owned whole: `{}` below its key.
    if (Object.keys(below).length === 0) return carries(wantedItem, actualItem, typed) && Object.keys(actualItem).length === Object.keys(wantedItem).length;
    // The key itself is owned with every item, whether it was given or defaulted.
    const rest = Object.fromEntries(Object.entries(below).filter(([inner]) => !(inner.startsWith('f:') && inner.slice(2) in selector)));
    const wantedRest = Object.fromEntries(Object.entries(wantedItem).filter(([member]) => !(member in selector)));
    return mapMatches(wantedRest, rest, actualItem, typed);
  });
}

function mapMatches(wanted: Fields, owned: Fields, actual: Fields, typed: boolean): boolean {
  const ownedNames = Object.keys(owned).filter((path) => path !== '.');
  // An empty map or list that is dropped belongs to nobody.
  const dropped = (name: string): boolean => typed && isEmpty(wanted[name]) && owned[`f:${name}`] === undefined && isAbsent(actual[name]);
  const wantedNames = Object.keys(wanted).filter((name) => !isAbsent(wanted[name]) && !dropped(name));
  if (ownedNames.length !== wantedNames.length) return false;
  return wantedNames.every((name) => {
    const below = owned[`f:${name}`];
    if (!isObject(below)) return false;
    const wantedValue = wanted[name];
    const actualValue = actual[name];
    const typedBelow = typed || name === 'metadata';
    if (Object.keys(below).every((path) => path === '.')) return carries(wantedValue, actualValue, typedBelow) && !hasMore(wantedValue, below, actualValue);
    if (Array.isArray(wantedValue)) return Array.isArray(actualValue) && listMatches(wantedValue, below, actualValue, typedBelow);
    return isObject(wantedValue) && isObject(actualValue) && mapMatches(wantedValue, below, actualValue, typedBelow);
  });
}

/** A leaf that is a map is atomic, and then what `actual` has more would be taken away; a merged map owns its members one by one and never ends here, unless it is empty. */
function hasMore(wanted: unknown, below: Fields, actual: unknown): boolean {
  if (!isObject(wanted) || !isObject(actual)) return false;
  if ('.' in below || Object.keys(wanted).length === 0) return Object.keys(wanted).length > 0;
  return Object.keys(actual).length !== Object.keys(wanted).length;
}

/** Whether an apply of `object` would change nothing: no value and no ownership. False in every case of doubt, which costs one request. */
export function appliesNothingNew(
  object: KubernetesObject, current: KubernetesObject,
  by: { readonly fieldManager: string; readonly apiVersion: string; readonly subresource: 'status' | undefined },
): boolean {
  const entries = (current.metadata.managedFields ?? []).filter((entry) =>
    entry.operation === 'Apply' && entry.manager === by.fieldManager && (entry.subresource ?? '') === (by.subresource ?? ''));
  const entry = entries[0];
  if (entry === undefined || entries.length > 1 || entry.apiVersion !== by.apiVersion || entry.fieldsV1 === undefined) return false;
  return mapMatches(withoutIdentity(object, current), entry.fieldsV1, current as unknown as Fields, isBuiltIn(by.apiVersion));
}
