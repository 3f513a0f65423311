/** One managed object: reviewed, and written as far as nobody else has changed it. */
import { keepingBytes } from '../../../mesh/cilium/parse.ts';
import { spentName, reviewManaged, writtenDigests, type ActualObject, type Review } from '../../../mesh/drift/diff.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { DriftEntry, DriftOverride } from '../../../mesh/model/desired.ts';
import { AGENT_FIELD_MANAGER, isPolicyKind, type ManagedObject, managedObjectName, managedPath, SPEC_KEY } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesObject, StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { applyObject } from '../../runtime/apply.ts';
import { createOwnWrites, isBehind, type OwnWrite, wroteAs } from '../../runtime/own-writes.ts';
import type { AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { lastOther } from './authors.ts';
import type { DriftBook } from './drift-book.ts';
import { besideHelm, conflictDrift, desiredIdOf, DRIFT, foreignIn, fromKubernetes, kindOf, type ManagedKubernetesObject, refOf, toKubernetes, writtenOf } from './objects.ts';

/** While something is not as it should be, it is looked at again without an event. */
export const RECHECK_SECONDS = 30;
/** What has not come back after this long is looked for where it was written. */
const COME_BACK_MILLISECONDS = 5000;
const MOST_REMEMBERED = 20_000;

export interface Outcome {
  readonly settled: boolean;
  /** As it should be but for `drift`. */
  readonly inPlace: boolean;
  /** Not settled only because our own write has not come back yet. */
  readonly onTheWay?: true;
  /** Settled, but to be looked at again then. */
  readonly again?: number;
  readonly drift: readonly DriftEntry[];
  readonly written: Readonly<Record<string, string>> | undefined;
  readonly spent: readonly string[];
}

/** Our last write of an object in this process. It goes before the annotation: who brings back an old copy brings its annotation too. */
interface Wrote extends OwnWrite {
  readonly digests: Digests;
  readonly id: string;
  readonly at: number;
  seen: boolean;
  /** Counted as undone already: who changes it again has not undone another write. */
  undone: boolean;
}

interface Wanted {
  readonly kind: ManagedObject['kind'];
  /** Absent: Cilium's; empty: the kind has none. */
  readonly namespace?: string;
  readonly name: string;
  /** null: not to be there. */
  readonly object: ManagedObject | null;
  readonly id: string;
  readonly overrides: readonly DriftOverride[];
  readonly current: ManagedKubernetesObject | undefined;
}

type Digests = Readonly<Record<string, string>>;

export interface Settle {
  (wanted: Wanted, signal: CancelSignal): Promise<Outcome>;
  /** Data key → digest of what we wrote last; undefined: we never wrote it, or it is forgotten. */
  lastWritten(object: Pick<Wanted, 'kind' | 'namespace' | 'name'>, current: ManagedKubernetesObject | undefined): Digests | undefined;
}

export function createSettle({ ports, namespace: usual, state, book }: { readonly ports: Pick<AgentPorts, 'kubernetes' | 'clock' | 'digest' | 'log'>; readonly namespace: string; readonly state: Pick<AgentState, 'managed'>; readonly book: DriftBook }): Settle {
  const { kubernetes, clock, digest, log } = ports;
  const wrote = createOwnWrites<Wrote>(MOST_REMEMBERED);
  const outcome = (settled: boolean, over: Partial<Outcome> = {}): Outcome => ({ settled, inPlace: settled, drift: [], written: undefined, spent: [], ...over });

  /** A change of what we wrote that was not there before is our write undone; who does so again and again is named. */
  function named(identity: string, review: Review, own: Wrote | undefined): readonly DriftEntry[] {
    const fresh = review.drift.find(({ path, actual }) => !state.managed.drift.some((known) => known.object === identity && known.path === path && known.actual === actual));
    if (own?.undone === false && fresh !== undefined && fresh.manager !== 'unknown') {
      own.undone = true;
      book.undone(identity, fresh.manager);
    }
    const contention = book.contention(identity);
    return review.drift.map((entry) => (contention !== undefined && entry.manager === contention.manager ? { ...entry, reason: 'Contended' as const } : entry));
  }

  const remember = (identity: string, write: OwnWrite & Pick<Wrote, 'digests' | 'id'>, seen = false): void => wrote.set(identity, { ...write, at: clock.now(), seen, undone: false });
  /** Of what we removed there is none. */
  function ownOf(identity: string): Wrote | undefined {
    const last = wrote.get(identity);
    return last?.removed === true ? undefined : last;
  }
  const digestsOf = (identity: string, current: ManagedKubernetesObject | undefined): Digests | undefined => ownOf(identity)?.digests ?? writtenOf(current) ?? state.managed.written[identity];

  /** Listing is what the agent is granted on Secrets. */
  async function latestOf({ kind, namespace, name }: Pick<ManagedObject, 'kind' | 'namespace' | 'name'>, signal: CancelSignal): Promise<ManagedKubernetesObject | undefined> {
    return (await kubernetes.list<ManagedKubernetesObject>(kindOf({ kind }), { ...(namespace === '' ? {} : { namespace }), fieldSelector: `metadata.name=${name}` }, signal)).items[0];
  }

  async function settle({ kind, namespace = usual, name, object, id, overrides, current }: Wanted, signal: CancelSignal): Promise<Outcome> {
    const identity = managedObjectName({ kind, namespace, name });
    const actual = current === undefined ? null : fromKubernetes(kind, current);
    const wanted = object === null ? null : keepingBytes(object, actual?.object);
    const last = wrote.get(identity);
    const own = ownOf(identity);
    const spent = state.managed.spent ?? [];
    if (last?.seen === false) {
      if (await isBehind(last, current, clock.now() >= last.at + COME_BACK_MILLISECONDS, () => latestOf({ kind, namespace, name }, signal))) return outcome(false, { written: own?.digests, onTheWay: true });
      last.seen = true;
    }
    const lastWritten = digestsOf(identity, current) ?? null;
    const review = reviewManaged(wanted, actual, lastWritten, state.managed.drift, clock.now(), digest, { overrides, spent });
    const written = lastWritten ?? undefined;
    const drift = named(identity, review, own);
    if (review.action === 'hold') return outcome(false, { inPlace: true, drift, written });
    const quietUntil = book.contention(identity)?.quietUntil ?? 0;
    if (review.spends.length > 0 && clock.now() < quietUntil) {
      // The permission stands; what it is for would be undone at once.
      const held = reviewManaged(wanted, actual, lastWritten, state.managed.drift, clock.now(), digest, { overrides: overrides.filter(({ action }) => action === 'keep'), spent });
      return outcome(false, { drift: named(identity, held, own), written });
    }
    if (review.action === 'delete') {
      const { uid, resourceVersion } = current?.metadata ?? {};
      await kubernetes.delete(kindOf({ kind }), refOf({ namespace, name }), { ...(uid === undefined ? {} : { uid }), ...(review.spends.length === 0 || resourceVersion === undefined ? {} : { resourceVersion }) }, signal);
      if (current !== undefined) remember(identity, { ...wroteAs(current, true), digests: {}, id });
      return outcome(false, { spent: review.spends, onTheWay: true });
    }
    if (wanted === null) return outcome(true);
    // A deletion that was accepted is to stay, and to be remembered.
    if (review.action === 'keep' && (current === undefined || lastWritten === null || desiredIdOf(current) === id)) return outcome(true, { written });
    // Nothing but our annotations is missing: whoever keeps taking them away is not fought.
    const soon = own === undefined ? 0 : Math.max(own.at + RECHECK_SECONDS * 1000, quietUntil);
    const onlyAnnotations = actual !== null && actual.revert !== true && own?.id === id && sameData(own.digests, review.record) && inPlace(review, wanted, actual);
    if (onlyAnnotations && clock.now() < soon) return outcome(drift.length === 0, { inPlace: true, again: soon, drift, written });
    if (onlyAnnotations && current !== undefined) book.undone(identity, lastOther(current, AGENT_FIELD_MANAGER, 'metadata') ?? 'unknown');
    const given = await write(wanted, review, { id, current, actual, lastWritten }, signal);
    if ('conflicts' in given) return outcome(false, { drift: [...drift, ...conflictDrift(wanted, given.conflicts, state.managed.drift, clock.now(), digest)], written });
    const says = { digests: review.record, id };
    remember(identity, { ...wroteAs(given), ...says }, given.metadata.resourceVersion === current?.metadata.resourceVersion);
    const withoutShared = await removeShared(wanted, review, lastWritten, given, signal);
    const newest = await removeForeign(wanted, review, actual?.revert === true, given, signal) ?? withoutShared;
    if (newest !== undefined) remember(identity, { ...wroteAs(newest), ...says });
    log.info({ object: identity, desired: id, keys: Object.keys(review.record).length, ...(review.spends.length === 0 ? {} : { decided: review.spends.join('; ') }) }, 'wrote a managed object');
    return outcome(false, { drift, written: review.record, spent: review.spends, onTheWay: true });
  }

  const sameData = (one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean => canonicalJson(one) === canonicalJson(other);
  const without = <T>(record: Readonly<Record<string, T>>, leave: readonly string[]): Record<string, T> => Object.fromEntries(Object.entries(record).filter(([key]) => !leave.includes(key)));
  const inPlace = ({ leave }: Review, wanted: ManagedObject, { object }: ActualObject): boolean =>
    sameData(without(writtenDigests(wanted, digest), leave), without(writtenDigests(object, digest), leave));

  /** Of a spec that others changed nothing may be taken away: what stands there is applied. */
  const left = ({ kind, data }: ManagedObject, { leave }: Review, actual: ActualObject | null): Record<string, string> =>
    ({ ...without(data, leave), ...(isPolicyKind(kind) && actual !== null ? Object.fromEntries(Object.entries(actual.object.data).filter(([key]) => leave.includes(key))) : {}) });

  interface Known {
    readonly id: string;
    readonly current: ManagedKubernetesObject | undefined;
    readonly actual: ActualObject | null;
    readonly lastWritten: Readonly<Record<string, string>> | null;
  }

  async function write(wanted: ManagedObject, review: Review, { id, current, actual, lastWritten }: Known, signal: CancelSignal): Promise<ManagedKubernetesObject | { readonly conflicts: readonly StatusCause[] }> {
    const intent = besideHelm(toKubernetes({ ...wanted, data: left(wanted, review, actual) }, review.record, id), current);
    // A permission is for exactly what was seen: the version makes sure that a newer change is not written over.
    if (review.spends.length > 0) return force(wanted, intent, current, signal);
    const result = await applyObject(kubernetes, kindOf(wanted), intent, { fieldManager: AGENT_FIELD_MANAGER, current: current ?? null, force: actual?.revert === true, onConflict: 'return' }, signal);
    if (result.outcome !== 'conflict') return result.object;
    return await takeBack(wanted, intent, review, result.conflicts, lastWritten, signal) ?? { conflicts: result.conflicts };
  }

  const force = (wanted: ManagedObject, intent: ManagedKubernetesObject, seen: ManagedKubernetesObject | undefined, signal: CancelSignal): Promise<ManagedKubernetesObject> => {
    const { resourceVersion } = seen?.metadata ?? {};
    return kubernetes.patch<ManagedKubernetesObject>(kindOf(wanted), refOf(wanted),
      { ...intent, metadata: { ...intent.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) } }, { type: 'apply', fieldManager: AGENT_FIELD_MANAGER, force: true }, signal);
  };

  /** Who set a value back to ours owns it since, and would be in the way of every later change. What still is as we wrote it is ours to change. */
  async function takeBack(
    wanted: ManagedObject, intent: ManagedKubernetesObject, { leave }: Review, conflicts: readonly StatusCause[], lastWritten: Readonly<Record<string, string>> | null, signal: CancelSignal,
  ): Promise<ManagedKubernetesObject | undefined> {
    if (lastWritten === null || !conflicts.every(({ field = '' }) => field.startsWith(managedPath(wanted.kind, isPolicyKind(wanted.kind) ? SPEC_KEY : '')) || field.startsWith('.metadata.annotations.isthmus.dev/'))) return undefined;
    const latest = await latestOf(wanted, signal);
    if (latest === undefined || !sameData(without(lastWritten, leave), without(writtenDigests(fromKubernetes(wanted.kind, latest).object, digest), leave))) return undefined;
    return force(wanted, intent, latest, signal);
  }

  /** Of what was taken over, whoever made it is an owner too, and server-side apply leaves it: what is as we wrote it and is to go, goes. */
  async function removeShared(wanted: ManagedObject, { leave }: Review, lastWritten: Readonly<Record<string, string>> | null, object: ManagedKubernetesObject, signal: CancelSignal): Promise<KubernetesObject | undefined> {
    if (isPolicyKind(wanted.kind)) return undefined;
    const standing = writtenDigests(fromKubernetes(wanted.kind, object).object, digest);
    const shared = Object.keys(lastWritten ?? {}).filter((key) => !(key in wanted.data) && !leave.includes(key) && standing[key] === lastWritten?.[key]);
    if (shared.length === 0) return undefined;
    const { resourceVersion } = object.metadata;
    const body = { metadata: resourceVersion === undefined ? {} : { resourceVersion }, data: Object.fromEntries(shared.map((key) => [key, null])) };
    return kubernetes.patch(kindOf(wanted), refOf(wanted), body, { type: 'merge', fieldManager: AGENT_FIELD_MANAGER }, signal);
  }

  /** Server-side apply leaves what others added; whoever asks for our state gets all of it. */
  async function removeForeign(wanted: ManagedObject, { leave, spends }: Review, revert: boolean, object: ManagedKubernetesObject, signal: CancelSignal): Promise<KubernetesObject | undefined> {
    if (!revert && spends.length === 0) return undefined;
    const extra = foreignIn(wanted, object, leave);
    if (!revert && extra === undefined) return undefined;
    const { resourceVersion } = object.metadata;
    const body = {
      metadata: { ...(revert ? { annotations: { [DRIFT]: null } } : {}), ...(spends.length === 0 || resourceVersion === undefined ? {} : { resourceVersion }) },
      ...extra,
    };
    return kubernetes.patch(kindOf(wanted), refOf(wanted), body, { type: 'merge', fieldManager: AGENT_FIELD_MANAGER }, signal);
  }

  return Object.assign(settle, { lastWritten: ({ kind, namespace = usual, name }: Pick<Wanted, 'kind' | 'namespace' | 'name'>, current: ManagedKubernetesObject | undefined) => digestsOf(managedObjectName({ kind, namespace, name }), current) });
}

/** Only of decisions that still are part of the desired state; the others cannot be met again. */
export const stillSpent = (spent: readonly string[], overrides: readonly DriftOverride[]): readonly string[] => {
  const named = new Set(overrides.map(spentName));
  return [...new Set(spent)].filter((name) => named.has(name)).sort();
};
