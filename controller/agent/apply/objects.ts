/** Managed objects to and from their Kubernetes form. Pure. */
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { ActualObject } from '../../../mesh/drift/diff.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import { AGENT_FIELD_MANAGER, type ManagedObject, managedObjectName } from '../../../mesh/model/managed.ts';
import type { ResourceKind, StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { authorsOf } from './authors.ts';

/** JSON: data key → hex digest of what we wrote. */
const WRITTEN = 'isthmus.dev/written';
/** Content id of the desired state that the object is part of. */
const DESIRED = 'isthmus.dev/desired';
/** `revert`: a person gives a changed object back to us. */
export const DRIFT = 'isthmus.dev/drift';

export type ManagedKubernetesObject = SecretObject | ConfigMapObject;
export const kindOf = (object: Pick<ManagedObject, 'kind'>): ResourceKind => (object.kind === 'Secret' ? Secret : ConfigMap);

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
const mapValues = (record: Readonly<Record<string, string>>, change: (value: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

export function toKubernetes(object: ManagedObject, written: Readonly<Record<string, string>>, desiredId: string): ManagedKubernetesObject {
  return {
    apiVersion: 'v1',
    kind: object.kind,
    metadata: {
      namespace: object.namespace,
      name: object.name,
      labels: { 'app.kubernetes.io/managed-by': AGENT_FIELD_MANAGER },
      annotations: { [WRITTEN]: JSON.stringify(written), [DESIRED]: desiredId },
    },
    ...(object.kind === 'Secret' ? { type: object.type ?? 'Opaque', data: mapValues(object.data, encode) } : { data: { ...object.data } }),
  };
}

export function fromKubernetes(kind: ManagedObject['kind'], object: ManagedKubernetesObject): ActualObject {
  const { namespace = '', name, annotations } = object.metadata;
  return {
    object: { kind, namespace, name, data: kind === 'Secret' ? mapValues(object.data ?? {}, decode) : { ...object.data } },
    managers: managersOf(object),
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
    const wanted = path.startsWith('.data.') ? object.data[path.slice('.data.'.length)] : undefined;
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
  const [namespace, name] = place.split('/');
  const revert = `kubectl annotate ${kind.toLowerCase()} -n ${namespace} ${name} ${DRIFT}=revert`;
  if (path === '' && actual === 'absent') return `${object} was deleted by someone and is not made again: create it empty and then run "${revert}"`;
  return `${object} ${path === '' ? 'is not what we wrote' : `${path} was changed`} (by ${manager}) and is left as it is: set the value back, or let us with "${revert}"`;
}
