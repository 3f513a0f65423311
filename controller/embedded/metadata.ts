/** Rules of `metadata`: names, labels, annotations, finalizers, owners. */
import type { StatusCause } from '../../mesh/ports/kubernetes.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { isObject, type JsonObject, member, objectAt, textAt } from './json.ts';
import type { ServedKind } from './kinds.ts';
import { invalidValue, required, tooLong } from './problems.ts';

/** Finalizers that say what becomes of dependents; the server takes them away itself. */
export const ORPHAN = 'orphan';
export type Propagation = 'Background' | 'Foreground' | 'Orphan';

export const FOREGROUND = 'foregroundDeletion';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const KEY_TEXT = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_TEXT = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const STANDARD_FINALIZERS = new Set([ORPHAN, FOREGROUND, 'kubernetes']);
const ANNOTATION_BYTES = 256 * 1024;

const ALPHANUMERIC = 'lower case alphanumeric characters';
/** Texts of apimachinery `util/validation`. */
const NAME_RULES: Readonly<Record<Exclude<ServedKind['nameRule'], 'path'>, { readonly most: number; readonly pattern: RegExp; readonly text: string }>> = {
  subdomain: { most: 253, pattern: SUBDOMAIN, text: `a lowercase RFC 1123 subdomain must consist of ${ALPHANUMERIC}, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')` },
  label: { most: 63, pattern: LABEL, text: `a lowercase RFC 1123 label must consist of ${ALPHANUMERIC} or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')` },
  label1035: { most: 63, pattern: LABEL_1035, text: `a DNS-1035 label must consist of ${ALPHANUMERIC} or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')` },
};

/** undefined: none. */
export function nameProblem(rule: ServedKind['nameRule'], name: string): string | undefined {
  if (rule === 'path') return name === '.' || name === '..' ? `may not be '${name}'` : ['/', '%'].filter((mark) => name.includes(mark)).map((mark) => `may not contain '${mark}'`)[0];
  const { most, pattern, text } = NAME_RULES[rule];
  if (name.length > most) return `must be no more than ${most} characters`;
  return pattern.test(name) ? undefined : text;
}

/** Key grammar of labels and annotations: an optional DNS prefix and a name of at most 63 characters. */
function qualifiedProblem(key: string): boolean {
  const name = key.slice(key.indexOf('/') + 1);
  return !QUALIFIED.test(key) || name.length > 63 || key.length - name.length - 1 > 253;
}

/** Refusals of a key by the same grammar, part by part; none: it is one. */
export function qualifiedNameProblems(key: string): readonly string[] {
  const parts = key.split('/');
  if (parts.length > 2) return [`a valid label key ${KEY_TEXT.slice('name part '.length)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const [prefix, name = ''] = parts.length === 1 ? [undefined, key] : parts;
  const prefixProblem = prefix === undefined ? undefined : prefix === '' ? 'must be non-empty' : nameProblem('subdomain', prefix);
  return [
    ...(prefixProblem === undefined ? [] : [`prefix part ${prefixProblem}`]),
    ...(name === '' ? ['name part must be non-empty'] : []),
    ...(name.length > 63 ? ['name part must be no more than 63 bytes'] : []),
    ...(/^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/.test(name) ? [] : [KEY_TEXT]),
  ];
}

export function checkMetadata(kind: ServedKind, object: JsonObject): StatusCause[] {
  const metadata = objectAt(object, 'metadata');
  const causes: StatusCause[] = [];
  const name = textAt(metadata, 'name');
  const prefix = textAt(metadata, 'generateName');
  const prefixProblem = prefix === undefined ? undefined : nameProblem(kind.nameRule, prefix.replace(/-$/, 'a'));
  if (prefixProblem !== undefined) causes.push(invalidValue('metadata.generateName', prefix, prefixProblem));
  if (name === undefined || name === '') causes.push(required('metadata.name', 'name or generateName is required'));
  else {
    const problem = nameProblem(kind.nameRule, name);
    if (problem !== undefined) causes.push(invalidValue('metadata.name', name, problem));
  }
  checkAnnotationsAndLabels(metadata, 'metadata', causes);
  causes.push(...checkOwners(object), ...checkFinalizers(kind, object));
  return causes;
}

/** `path` says whose metadata it is. */
export function checkAnnotationsAndLabels(metadata: JsonObject, path: string, causes: StatusCause[]): void {
  for (const [key, value] of Object.entries(objectAt(metadata, 'labels'))) {
    if (qualifiedProblem(key)) causes.push(invalidValue(`${path}.labels`, key, KEY_TEXT));
    if (typeof value === 'string' && (value.length > 63 || !LABEL_VALUE.test(value))) {
      causes.push(invalidValue(`${path}.labels`, value, value.length > 63 ? 'must be no more than 63 characters' : VALUE_TEXT));
    }
  }
  let bytes = 0;
  for (const [key, value] of Object.entries(objectAt(metadata, 'annotations'))) {
    if (qualifiedProblem(key.toLowerCase())) causes.push(invalidValue(`${path}.annotations`, key, KEY_TEXT));
    bytes += key.length + (typeof value === 'string' ? value.length : 0);
  }
  if (bytes > ANNOTATION_BYTES) causes.push(tooLong(`${path}.annotations`, ANNOTATION_BYTES));
}

/** `metadata.finalizers` of every kind, and `spec.finalizers` of a namespace. */
function checkFinalizers(kind: ServedKind, object: JsonObject): StatusCause[] {
  const finalizers = finalizersOf(object);
  const causes = finalizers.flatMap((finalizer) => (qualifiedProblem(finalizer) ? [invalidValue('metadata.finalizers', finalizer, KEY_TEXT)] : []));
  if (finalizers.includes(ORPHAN) && finalizers.includes(FOREGROUND)) causes.push(invalidValue('metadata.finalizers', finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  if (!kind.builtIn) return causes;
  const ofSpec = kind.kind === 'Namespace' ? member(objectAt(object, 'spec'), 'finalizers') : [];
  for (const [field, list] of [['metadata', finalizers], ['spec', ofSpec]] as const) {
    for (const [index, finalizer] of (Array.isArray(list) ? list : []).entries()) {
      if (typeof finalizer === 'string' && !finalizer.includes('/') && !STANDARD_FINALIZERS.has(finalizer)) causes.push(invalidValue(`${field}.finalizers[${index}]`, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'));
    }
  }
  return causes;
}

/** Texts of apimachinery `api/validation/objectmeta.go`. */
function checkOwners(object: JsonObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const owners = ownersOf(object);
  const field = 'metadata.ownerReferences';
  for (const owner of owners) {
    const parts = (textAt(owner, 'apiVersion') ?? '').split('/');
    const [group, version] = parts.length === 1 ? ['', parts[0] ?? ''] : parts.length === 2 ? parts as [string, string] : ['', ''];
    if (version === '') causes.push(invalidValue(`${field}.apiVersion`, owner['apiVersion'] ?? '', 'version must not be empty'));
    for (const key of ['kind', 'name', 'uid']) if ((textAt(owner, key) ?? '') === '') causes.push(invalidValue(`${field}.${key}`, '', 'must not be empty'));
    if (group === '' && version === 'v1' && owner['kind'] === 'Event') causes.push(invalidValue(field, owner, '/v1, Kind=Event is disallowed from being an owner'));
  }
  const controllers = owners.filter((owner) => owner['controller'] === true);
  const [first, second] = controllers.map((owner) => `${textAt(owner, 'kind') ?? ''}/${textAt(owner, 'name') ?? ''}`);
  if (second !== undefined) causes.push(invalidValue(field, owners, `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`));
  return causes;
}

export function finalizersOf(object: JsonObject): readonly string[] {
  const finalizers = member(objectAt(object, 'metadata'), 'finalizers');
  return Array.isArray(finalizers) ? finalizers.filter((item): item is string => typeof item === 'string') : [];
}

export function ownersOf(object: JsonObject): readonly JsonObject[] {
  const owners = member(objectAt(object, 'metadata'), 'ownerReferences');
  return Array.isArray(owners) ? owners.filter(isObject) : [];
}

export const isDeleting = (object: JsonObject): boolean => objectAt(object, 'metadata')['deletionTimestamp'] !== undefined;
export const nameOf = (object: JsonObject): string => textAt(objectAt(object, 'metadata'), 'name') ?? '';
export const namespaceOf = (object: JsonObject): string => textAt(objectAt(object, 'metadata'), 'namespace') ?? '';
export const uidOf = (object: JsonObject): string => textAt(objectAt(object, 'metadata'), 'uid') ?? '';

/** Empty maps and lists, and nulls, are the same as absent ones. In place. */
export function tidyMetadata(object: JsonObject): void {
  const metadata = objectAt(object, 'metadata');
  for (const key of Object.keys(metadata)) {
    const value = metadata[key];
    const empty = value === null || (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0);
    if (empty && key !== 'managedFields' || value === '') delete metadata[key];
  }
}

const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';
/** Five characters that spell no words, as Kubernetes' `rand.String`. */
export function nameFor(generateName: string, random: Random): string {
  return generateName.slice(0, 58) + [...random.bytes(5)].map((byte) => SUFFIX[byte % SUFFIX.length]).join('');
}

/** Random UUID, version 4. */
export function newUid(random: Random): string {
  const bytes = Uint8Array.from(random.bytes(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
