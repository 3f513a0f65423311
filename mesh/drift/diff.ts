/** Whether an object that we manage may be written, or a person changed it and we must keep our hands off. */
import { canonicalJson, type Digest } from '../model/canonical.ts';
import type { DriftEntry } from '../model/desired.ts';
import { managedObjectName, type ManagedObject } from '../model/managed.ts';

export interface ActualObject {
  readonly object: ManagedObject;
  /** Field manager by data key, from `managedFields`; keys may be missing. */
  readonly managers: Readonly<Record<string, string>>;
  /** Someone annotated the object `isthmus.dev/drift=revert`: our state may be written over theirs. The write takes the annotation away. */
  readonly revert?: boolean;
}

export interface Review {
  /** `write`: create, update or adopt an equal object. `hold`: leave alone and report `drift`. `keep`: nothing to do. */
  readonly action: 'write' | 'delete' | 'keep' | 'hold';
  /** Sorted by path; empty unless held. */
  readonly drift: DriftEntry[];
}

const OWN_MANAGER = 'isthmus-agent';
const ABSENT = 'absent';

/** What goes into the annotation `isthmus.dev/written`, and comes back as `lastWritten`: data key → hex digest. */
export function writtenDigests(object: ManagedObject, digest: Digest): Record<string, string> {
  return Object.fromEntries(Object.entries(object.data).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, value]) => [key, digest(value)]));
}

/**
 * `lastWritten` null: we never wrote this object (or the record of it is lost). An object that vanished after we wrote it cannot carry its annotation, so the
 * caller remembers `lastWritten` beside it. A value that a person set to exactly what is desired is no drift. Values appear as digests only.
 */
export function reviewManaged(
  desired: ManagedObject | null, actual: ActualObject | null, lastWritten: Readonly<Record<string, string>> | null,
  previous: readonly DriftEntry[], now: number, digest: Digest,
): Review {
  const remember = (object: ManagedObject, path: string, expected: string, found: string, manager: string): DriftEntry => {
    const name = managedObjectName(object);
    const firstSeen = previous.find((entry) => entry.object === name && entry.path === path)?.firstSeen ?? now;
    return { object: name, path, expected, actual: found, manager, firstSeen };
  };

  if (actual === null) {
    if (desired === null) return { action: 'keep', drift: [] };
    if (lastWritten === null) return { action: 'write', drift: [] };
    return { action: 'hold', drift: [remember(desired, '', `sha256:${digest(canonicalJson(lastWritten))}`, ABSENT, 'unknown')] };
  }

  const found = writtenDigests(actual.object, digest);
  const wanted = desired === null ? null : writtenDigests(desired, digest);
  const equal = wanted !== null && canonicalJson(found) === canonicalJson(wanted);

  if (lastWritten === null) {
    if (desired === null || wanted === null) return { action: 'keep', drift: [] };
    const foreign = Object.keys(found).filter((key) => actual.managers[key] !== OWN_MANAGER);
    if (equal || foreign.length === 0 || actual.revert === true) return { action: 'write', drift: [] };
    const managers = [...new Set(foreign.map((key) => actual.managers[key] ?? 'unknown'))].sort().join(', ');
    return { action: 'hold', drift: [remember(desired, '', `sha256:${digest(canonicalJson(wanted))}`, `sha256:${digest(canonicalJson(found))}`, managers)] };
  }

  const text = (value: string | undefined): string => (value === undefined ? ABSENT : `sha256:${value}`);
  const drift = [...new Set([...Object.keys(lastWritten), ...Object.keys(found)])].sort()
    .filter((key) => found[key] !== lastWritten[key] && (wanted === null || found[key] !== wanted[key]))
    .map((key) => remember(actual.object, `.data.${key}`, text(lastWritten[key]), text(found[key]), actual.managers[key] ?? 'unknown'));
  if (drift.length > 0 && actual.revert !== true) return { action: 'hold', drift };
  if (desired === null) return { action: 'delete', drift: [] };
  const recorded = canonicalJson(lastWritten) === canonicalJson(wanted);
  return { action: equal && recorded && actual.revert !== true ? 'keep' : 'write', drift: [] };
}
