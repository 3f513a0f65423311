/** Managed objects to and from their Kubernetes form. Pure. */
import { CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, type CiliumPolicyObject } from '../../../mesh/api/resources/cilium.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf } from '../../../mesh/api/resources/define.ts';
import type { ActualObject } from '../../../mesh/drift/diff.ts';
import { canonicalJson, type Digest } from '../../../mesh/model/canonical.ts';
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import { AGENT_FIELD_MANAGER, isPolicyKind, type ManagedObject, managedObjectName, managedPath, SPEC_KEY } from '../../../mesh/model/managed.ts';
import type { ObjectRef, ResourceKind, StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { authorsOf } from './authors.ts';
import { decoded } from '../secret-text.ts';

/** JSON: data key → hex digest of what we wrote. */
const WRITTEN = 'isthmus.dev/written';
/** Content id of the desired state that the object is part of. */
const DESIRED = 'isthmus.dev/desired';
/** `revert`: a person gives a changed object back to us. */
export const DRIFT = 'isthmus.dev/drift';

export type ManagedKubernetesObject = SecretObject | ConfigMapObject | CiliumPolicyObject;
const KINDS: Readonly<Record<ManagedObject['kind'], ResourceKind>> = { Secret, ConfigMap, CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy };
export const kindOf = (object: Pick<ManagedObject, 'kind'>): ResourceKind => KINDS[object.kind];
export const refOf = ({ namespace, name }: Pick<ManagedObject, 'namespace' | 'name'>): ObjectRef => (namespace === '' ? { name } : { namespace, name });

const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
const mapValues = (record: Readonly<Record<string, string>>, change: (value: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

export function toKubernetes(object: ManagedObject, written: Readonly<Record<string, string>>, desiredId: string): ManagedKubernetesObject {
  return {
    apiVersion: apiVersionOf(kindOf(object)),
    kind: object.kind,
    metadata: {
      ...refOf(object),
      labels: { [MANAGED_BY]: AGENT_FIELD_MANAGER },
      annotations: { [WRITTEN]: JSON.stringify(written), [DESIRED]: desiredId },
    },
    ...(isPolicyKind(object.kind) ? specOf(object) : object.kind === 'Secret' ? { type: object.type ?? 'Opaque', data: mapValues(object.data, encode) } : { data: { ...object.data } }),
  };
}

const MANAGED_BY = 'app.kubernetes.io/managed-by';

/**
 * An object of a Helm release that is as we want it stays the release's as well: its label is Helm's, and Helm keeps what a later version of the release no longer renders only
 * where the object itself says so (Helm 3 and 4, `pkg/kube/client.go`, `Update`).
 */
export function besideHelm<O extends ManagedKubernetesObject>(intent: O, current: ManagedKubernetesObject | undefined): O {
  if (current?.metadata.labels?.[MANAGED_BY] !== 'Helm') return intent;
  const labels = Object.fromEntries(Object.entries(intent.metadata.labels ?? {}).filter(([key]) => key !== MANAGED_BY));
  return { ...intent, metadata: { ...intent.metadata, labels, annotations: { ...intent.metadata.annotations, 'helm.sh/resource-policy': 'keep' } } };
}

const specOf = ({ data: { [SPEC_KEY]: spec } }: ManagedObject): Pick<CiliumPolicyObject, 'spec'> => (spec === undefined ? {} : { spec: JSON.parse(spec) as Record<string, unknown> });

function dataOf(kind: ManagedObject['kind'], object: ManagedKubernetesObject): Record<string, string> {
  const { data = {}, spec } = object as SecretObject & CiliumPolicyObject;
  if (isPolicyKind(kind)) return spec === undefined ? {} : { [SPEC_KEY]: canonicalJson(spec) };
  return kind === 'Secret' ? mapValues(data, decoded) : { ...data };
}

export function fromKubernetes(kind: ManagedObject['kind'], object: ManagedKubernetesObject): ActualObject {
  const { namespace = '', name, annotations } = object.metadata;
  return {
    object: { kind, namespace, name, data: dataOf(kind, object) },
    managers: isPolicyKind(kind) ? specManagersOf(object) : managersOf(object),
    authors: authorsOf(object),
    revert: annotations?.[DRIFT] === 'revert',
  };
}

/** Data key → field manager. Where several share a value and we are among them, it is ours. */
function managersOf(object: ManagedKubernetesObject): Record<string, string> {
  const managers: Record<string, string> = {};
  for (const entry of object.metadata.managedFields ?? []) {
    for (const field of Object.keys((entry.fieldsV1?.['f:data'] as Readonly<Record<string, unknown>> | undefined) ?? {})) {
      if (!field.startsWith('f:')) continue;
      const key = field.slice(2);
      if (managers[key] !== AGENT_FIELD_MANAGER) managers[key] = entry.manager ?? 'unknown';
    }
  }
  return managers;
}

/** Of a spec that several have a hand in, whoever is not us. */
function specManagersOf({ metadata }: ManagedKubernetesObject): Record<string, string> {
  const managers = (metadata.managedFields ?? []).filter(({ fieldsV1 }) => fieldsV1?.['f:spec'] !== undefined).map(({ manager = 'unknown' }) => manager);
  const one = managers.find((manager) => manager !== AGENT_FIELD_MANAGER) ?? managers[0];
  return one === undefined ? {} : { [SPEC_KEY]: one };
}

/** A merge patch that takes away what the object has beyond `wanted`; undefined: nothing is. */
export function foreignIn({ kind, data }: ManagedObject, object: ManagedKubernetesObject, leave: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const found = dataOf(kind, object);
  if (isPolicyKind(kind)) {
    const [wanted, stands] = [data[SPEC_KEY], found[SPEC_KEY]];
    const surplus = wanted === undefined || stands === undefined || leave.includes(SPEC_KEY) ? undefined : without(JSON.parse(stands), JSON.parse(wanted));
    return surplus === undefined ? undefined : { spec: surplus };
  }
  const extra = Object.keys(found).filter((key) => !Object.hasOwn(data, key) && !leave.includes(key));
  return extra.length === 0 ? undefined : { data: Object.fromEntries(extra.map((key) => [key, null])) };
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 7386: null takes a member away. Lists are ours as a whole. */
function without(stands: unknown, wanted: unknown): Readonly<Record<string, unknown>> | undefined {
  if (!isMap(stands) || !isMap(wanted)) return undefined;
  const members = Object.keys(stands).flatMap((key): [string, unknown][] => {
    if (!Object.hasOwn(wanted, key)) return [[key, null]];
    const inner = without(stands[key], wanted[key]);
    return inner === undefined ? [] : [[key, inner]];
  });
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

export const desiredIdOf = (object: ManagedKubernetesObject): string | undefined => object.metadata.annotations?.[DESIRED];

/** undefined: not written by us, or the record was damaged. */
export function writtenOf(object: ManagedKubernetesObject | undefined): Record<string, string> | undefined {
  try {
    const written: unknown = JSON.parse(object?.metadata.annotations?.[WRITTEN] ?? 'null');
    if (typeof written !== 'object' || written === null || Array.isArray(written)) return undefined;
    return Object.values(written).every((value) => typeof value === 'string') ? written as Record<string, string> : undefined;
  } catch {
    return undefined;
  }
}

/** Fields that the server would not give us: a label of someone else, or what someone set between our look and our write. What it holds instead is not known here. */
export function conflictDrift(object: ManagedObject, causes: readonly StatusCause[], previous: readonly DriftEntry[], now: number, digest: Digest): DriftEntry[] {
  const name = managedObjectName(object);
  return causes.map(({ field: path = '', message = '' }) => {
    const wanted = Object.entries(object.data).find(([key]) => managedPath(object.kind, key) === path)?.[1];
    return {
      object: name, path, expected: wanted === undefined ? 'unknown' : `sha256:${digest(wanted)}`, actual: 'unknown',
      manager: /conflict with "([^"]*)"/.exec(message)?.[1] ?? 'unknown',
      firstSeen: previous.find((entry) => entry.object === name && entry.path === path)?.firstSeen ?? now,
    };
  });
}

/** For people: what was found and both ways out. */
export function driftText({ object, path, manager, actual }: DriftEntry): string {
  const [kind = '', place = ''] = object.split(' ');
  const [namespace = '', name = ''] = place.includes('/') ? place.split('/') : ['', place];
  const revert = `kubectl annotate ${kind.toLowerCase()}${namespace === '' ? '' : ` -n ${namespace}`} ${name} ${DRIFT}=revert`;
  if (path === '' && actual === 'absent') return `${object} was deleted by someone and is not made again: create it empty and then run "${revert}"`;
  return `${object} ${path === '' ? 'is not what we wrote' : `${path} was changed`} (by ${manager}) and is left as it is: set the value back, or let us with "${revert}"`;
}
