/** Changes by others to what bundles brought: how they read, and what people decided on them. Pure. */
import { objectName } from '../../../mesh/bundle/objects.ts';
import { spentName } from '../../../mesh/drift/diff.ts';
import type { ObjectReference } from '../../../mesh/model/bundle.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { DriftEntry, DriftOverride } from '../../../mesh/model/desired.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { KubernetesObject, StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { authorsOf, lastOther, ownersOf } from '../apply/authors.ts';
import { DRIFT } from '../apply/objects.ts';
import { ABSENT, shownValue, valueAt } from './values.ts';

export interface Known {
  readonly previous: readonly DriftEntry[];
  readonly now: number;
  readonly digest: Digest;
}

export const isReverted = (object: KubernetesObject | undefined): boolean => object?.metadata.annotations?.[DRIFT] === 'revert';

/** One entry; `live` undefined: the object is gone. */
export function driftEntry(reference: ObjectReference, path: string, wanted: unknown, live: KubernetesObject | undefined, { previous, now, digest }: Known, manager?: string): DriftEntry {
  const object = objectName(reference);
  const owners = live === undefined ? [] : ownersOf(live, path.split('.').slice(1)).filter((name) => name !== AGENT_FIELD_MANAGER);
  const by = manager ?? (owners.join(', ') || (live === undefined ? 'unknown' : lastOther(live, AGENT_FIELD_MANAGER, path.split('.')[1]) ?? 'unknown'));
  const author = live === undefined ? undefined : authorsOf(live)[by];
  return {
    object, path, expected: shownValue(reference, wanted, digest), actual: live === undefined ? ABSENT : shownValue(reference, path === '' ? live : valueAt(live, path), digest), manager: by,
    firstSeen: previous.find((entry) => entry.object === object && entry.path === path)?.firstSeen ?? now, ...author,
  };
}

/** Of a conflict: the fields that the server would not give us. */
export const conflictEntries = (reference: ObjectReference, intent: KubernetesObject, live: KubernetesObject | undefined, causes: readonly StatusCause[], known: Known): readonly DriftEntry[] =>
  causes.map(({ field = '', message = '' }) => driftEntry(reference, field, valueAt(intent, field), live, known, /conflict with "([^"]*)"/.exec(message)?.[1]));

export interface Decided {
  readonly left: readonly DriftEntry[];
  /** Paths that may stay as they are. */
  readonly keep: readonly string[];
  /** Names of the permissions that an overwriting write uses up. */
  readonly spends: readonly string[];
}

export function decide(entries: readonly DriftEntry[], overrides: readonly DriftOverride[], spent: readonly string[]): Decided {
  const decision = (entry: DriftEntry): DriftOverride | undefined => overrides.find((one) =>
    one.object === entry.object && one.path === entry.path && one.actual === entry.actual && (one.action === 'keep' || !spent.includes(spentName(one))));
  const found = entries.map((entry) => ({ entry, decision: decision(entry) }));
  return {
    left: found.filter((one) => one.decision === undefined).map(({ entry }) => entry),
    keep: found.filter((one) => one.decision?.action === 'keep').map(({ entry }) => entry.path),
    spends: found.flatMap((one) => (one.decision?.action === 'overwrite' ? [spentName(one.decision)] : [])),
  };
}

/** For people: what was found and the ways out. */
export function driftSentence({ object, path, manager, actual }: DriftEntry): string {
  if (path === '' && actual === ABSENT) return `${object} was deleted by someone and is not made again: decide on it at the hub`;
  return `${object} ${path || 'as a whole'} is changed (by ${manager}) and is left as it is: set it back, decide on it at the hub, or annotate the object ${DRIFT}=revert`;
}
