/** Which parts of an object that we manage may be written, and which a person changed, so that we must keep our hands off. */
import { canonicalJson, type Digest } from '../model/canonical.ts';
import type { DriftEntry, DriftOverride } from '../model/desired.ts';
import { AGENT_FIELD_MANAGER, managedObjectName, managedPath, type ManagedObject } from '../model/managed.ts';

/** Who is behind a value, as far as the object says. */
export interface Author {
  readonly actor?: string;
  readonly changedAt?: number;
}

export interface ActualObject {
  readonly object: ManagedObject;
  /** Field manager by data key, from `managedFields`; keys may be missing. */
  readonly managers: Readonly<Record<string, string>>;
  /** By field manager. */
  readonly authors?: Readonly<Record<string, Author>>;
  /** Someone annotated the object `isthmus.dev/drift=revert`: our state may be written over theirs. The write takes the annotation away. */
  readonly revert?: boolean;
}

/** What people decided through the hub, and which of these permissions were used up. */
export interface Decisions {
  readonly overrides: readonly DriftOverride[];
  /** Names of decisions, with the object and path, that were carried out: the same change made again is a new one. */
  readonly spent: readonly string[];
}

export interface Review {
  /** `write`: create, update or adopt an equal object. `hold`: leave alone and report `drift`. `keep`: nothing to do. */
  readonly action: 'write' | 'delete' | 'keep' | 'hold';
  /** Sorted by path. With `write`: what the write must leave as it is, and report. */
  readonly drift: DriftEntry[];
  /** Data keys that a write leaves out: changed by others, or accepted. Sorted. */
  readonly leave: readonly string[];
  /** What is to be recorded as written afterwards: data key → hex digest. */
  readonly record: Readonly<Record<string, string>>;
  /** Permissions that the action uses up (`spentName`); with any, what stands there must still be what was reviewed. */
  readonly spends: readonly string[];
}

const ABSENT = 'absent';

/** What goes into the annotation `isthmus.dev/written`, and comes back as `lastWritten`: data key → hex digest. */
export function writtenDigests(object: ManagedObject, digest: Digest): Record<string, string> {
  return Object.fromEntries(Object.entries(object.data).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, value]) => [key, digest(value)]));
}

export const spentName = ({ decision, object, path }: Pick<DriftOverride, 'decision' | 'object' | 'path'>): string => `${decision} ${object} ${path}`;

const NO_DECISIONS: Decisions = { overrides: [], spent: [] };
const pick = (record: Readonly<Record<string, string>>, wanted: (key: string) => boolean): Record<string, string> => Object.fromEntries(Object.entries(record).filter(([key]) => wanted(key)));

/**
 * `lastWritten` null: we never wrote this object (or the record of it is lost). An object that vanished after we wrote it cannot carry its annotation, so the
 * caller remembers `lastWritten` beside it. A value that a person set to exactly what is desired is no drift. Values appear as digests only.
 */
export function reviewManaged(
  desired: ManagedObject | null, actual: ActualObject | null, lastWritten: Readonly<Record<string, string>> | null,
  previous: readonly DriftEntry[], now: number, digest: Digest, { overrides, spent }: Decisions = NO_DECISIONS,
): Review {
  const named = desired ?? actual?.object;
  const name = named === undefined ? '' : managedObjectName(named);
  const entry = (path: string, expected: string, found: string, managers: readonly string[]): DriftEntry => {
    const firstSeen = previous.find((one) => one.object === name && one.path === path)?.firstSeen ?? now;
    const authors = managers.map((manager) => actual?.authors?.[manager]);
    const actor = [...new Set(authors.flatMap((author) => author?.actor ?? []))].join(', ');
    const changes = authors.flatMap((author) => author?.changedAt ?? []);
    return {
      object: name, path, expected, actual: found, manager: managers.join(', '), firstSeen,
      ...(actor === '' ? {} : { actor }), ...(changes.length === 0 ? {} : { changedAt: Math.max(...changes) }),
    };
  };
  const decided = (path: string, found: string): DriftOverride | undefined =>
    overrides.find((one) => one.object === name && one.path === path && one.actual === found && (one.action === 'keep' || !spent.includes(spentName(one))));
  const result = (action: Review['action'], over: Partial<Review> = {}): Review => ({ action, drift: [], leave: [], record: lastWritten ?? {}, spends: [], ...over });
  const wanted = desired === null ? null : writtenDigests(desired, digest);

  if (actual === null) {
    if (desired === null || wanted === null) return result('keep');
    if (lastWritten === null) return result('write', { record: wanted });
    const decision = decided('', ABSENT);
    if (decision?.action === 'keep') return result('keep');
    if (decision !== undefined) return result('write', { record: wanted, spends: [spentName(decision)] });
    return result('hold', { drift: [entry('', `sha256:${digest(canonicalJson(lastWritten))}`, ABSENT, ['unknown'])] });
  }

  const found = writtenDigests(actual.object, digest);
  const managerOf = (key: string): string => actual.managers[key] ?? 'unknown';

  if (lastWritten === null) {
    if (desired === null || wanted === null) return result('keep');
    const foreign = Object.keys(found).filter((key) => actual.managers[key] !== AGENT_FIELD_MANAGER);
    if (canonicalJson(found) === canonicalJson(wanted) || foreign.length === 0 || actual.revert === true) return result('write', { record: wanted });
    const whole = `sha256:${digest(canonicalJson(found))}`;
    const decision = decided('', whole);
    if (decision?.action === 'keep') return result('keep');
    if (decision !== undefined) return result('write', { record: wanted, spends: [spentName(decision)] });
    return result('hold', { drift: [entry('', `sha256:${digest(canonicalJson(wanted))}`, whole, [...new Set(foreign.map(managerOf))].sort())] });
  }

  const path = (key: string): string => managedPath(actual.object.kind, key);
  const text = (value: string | undefined): string => (value === undefined ? ABSENT : `sha256:${value}`);
  const all = [...new Set([...Object.keys(lastWritten), ...Object.keys(found), ...Object.keys(wanted ?? {})])].sort();
  const decisions = new Map(all.flatMap((key) => { const one = decided(path(key), text(found[key])); return one === undefined ? [] : [[key, one] as const]; }));
  const changed = actual.revert === true ? [] : all.filter((key) => found[key] !== lastWritten[key] && (wanted === null || found[key] !== wanted[key]));
  const drifted = changed.filter((key) => !decisions.has(key));
  const drift = drifted.map((key) => entry(path(key), text(lastWritten[key]), text(found[key]), [managerOf(key)]));
  const kept = actual.revert === true ? [] : all.filter((key) => decisions.get(key)?.action === 'keep' && (wanted === null || found[key] !== wanted[key]));
  const spends = changed.flatMap((key) => { const one = decisions.get(key); return one?.action === 'overwrite' ? [spentName(one)] : []; });
  if (desired === null || wanted === null) return drift.length > 0 ? result('hold', { drift }) : result('delete', { spends });

  const leave = [...drifted, ...kept].sort();
  const ours = (key: string): boolean => !leave.includes(key);
  const record = { ...pick(wanted, ours), ...pick(lastWritten, (key) => drifted.includes(key)), ...pick(found, (key) => kept.includes(key)) };
  const inPlace = canonicalJson(pick(found, ours)) === canonicalJson(pick(wanted, ours));
  const recorded = canonicalJson(lastWritten) === canonicalJson(record);
  if (inPlace && recorded && actual.revert !== true) return result(drift.length > 0 ? 'hold' : 'keep', { drift, leave, record });
  return result('write', { drift, leave, record, spends });
}
