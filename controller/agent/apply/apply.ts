/** Brings the desired state into the cluster. What other people changed is reported and left alone. */
import { renderPeering } from '../../../mesh/cilium/peering.ts';
import { reviewManaged, writtenDigests } from '../../../mesh/drift/diff.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import { type ManagedObject, managedObjectName } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { applyObject } from '../../runtime/apply.ts';
import { type Cache, createCache } from '../../runtime/cache.ts';
import { messageOf } from '../../runtime/errors.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import {
  conflictDrift, desiredIdOf, DRIFT, driftText, FIELD_MANAGER, fromKubernetes, kindOf, type ManagedKubernetesObject, toKubernetes, writtenOf,
} from './objects.ts';

/** Every object that may be ours: `mesh/cilium` renders no others. */
const MANAGED = [
  { kind: 'ConfigMap', name: 'clustermesh-remote-users' }, { kind: 'Secret', name: 'cilium-clustermesh' }, { kind: 'Secret', name: 'cilium-kvstoremesh' },
] as const;
const KEY = 'desired';
/** While something is not as it should be, it is looked at again without an event. */
const RECHECK_SECONDS = 30;
const REFUSED_AGAIN_SECONDS = 60;
/** A write that has not come back after this long was undone before we saw it. */
const COME_BACK_MILLISECONDS = 5000;
const MOST_DRIFT = 32;
/** An error of the API server may quote a whole object. */
const LONGEST_MESSAGE = 4096;

export interface Apply {
  readonly synced: boolean;
  refresh(): void;
  start(signal: CancelSignal): Promise<void>;
}

interface Outcome {
  readonly settled: boolean;
  /** Settled, but to be looked at again then. */
  readonly again?: number;
  readonly drift: readonly DriftEntry[]; readonly written: Readonly<Record<string, string>> | undefined;
}

/** Our last write of an object in this process. It goes before the annotation: who brings back an old copy brings its annotation too. */
interface Wrote {
  readonly digests: Readonly<Record<string, string>>;
  readonly id: string;
  readonly at: number;
  /** What the cache held before; undefined: nothing. While it holds that still, the write has not come back to us. */
  readonly over: string | undefined;
  seen: boolean;
}

export function createApply(
  { ports, config, state, publisher, adoptTrust, certificateProblems }: {
    readonly ports: AgentPorts; readonly config: AgentConfig; readonly state: AgentState; readonly publisher: Publisher;
    /** Roots of the desired state; resolves once they are in use. */
    readonly adoptTrust: (bundlePem: string, signal: CancelSignal) => Promise<void>;
    /** What keeps the mesh certificates from being in place; undefined: not looked at since the start. */
    readonly certificateProblems: () => readonly string[] | undefined;
  },
): Apply {
  const { kubernetes, clock, digest, log } = ports;
  const namespace = config.ciliumNamespace;
  const caches = MANAGED.map(({ kind, name }): Cache<ManagedKubernetesObject> =>
    createCache(kubernetes, kindOf({ kind }), { namespace, fieldSelector: `metadata.name=${name}`, keepManagedFields: true }, ports));

  const wrote = new Map<string, Wrote>();

  async function settle(index: number, wanted: ManagedObject | null, id: string, signal: CancelSignal): Promise<Outcome> {
    const { kind, name } = MANAGED[index]!;
    const identity = managedObjectName({ kind, namespace, name });
    const current = caches[index]?.get({ namespace, name });
    const actual = current === undefined ? null : fromKubernetes(kind, current);
    const own = wrote.get(identity);
    if (own?.seen === false) {
      if (current?.metadata.resourceVersion === own.over && clock.now() < own.at + COME_BACK_MILLISECONDS) return { settled: false, drift: [], written: own.digests };
      own.seen = true;
    }
    const lastWritten = own?.digests ?? writtenOf(current) ?? state.managed.written[identity] ?? null;
    const review = reviewManaged(wanted, actual, lastWritten, state.managed.drift, clock.now(), digest);
    const written = lastWritten ?? undefined;
    if (review.action === 'hold') return { settled: false, drift: review.drift, written };
    if (review.action === 'delete') {
      await kubernetes.delete(kindOf({ kind }), { namespace, name }, current?.metadata.uid === undefined ? {} : { uid: current.metadata.uid }, signal);
      wrote.delete(identity);
      return { settled: false, drift: [], written: undefined };
    }
    if (wanted === null) return { settled: true, drift: [], written: undefined };
    if (review.action === 'keep' && current !== undefined && desiredIdOf(current) === id) return { settled: true, drift: [], written };
    const digests = writtenDigests(wanted, digest);
    // Nothing but our annotations is missing: whoever keeps taking them away is not fought.
    const soon = own === undefined ? 0 : own.at + RECHECK_SECONDS * 1000;
    if (actual !== null && actual.revert !== true && own?.id === id && clock.now() < soon && sameData(digests, actual.object)) return { settled: true, again: soon, drift: [], written };
    const result = await applyObject(kubernetes, kindOf(wanted), toKubernetes(wanted, digests, id),
      { fieldManager: FIELD_MANAGER, current: current ?? null, force: actual?.revert === true, onConflict: 'return' }, signal);
    const given = result.outcome === 'conflict' ? await takeBack(wanted, id, result.conflicts, lastWritten, signal) : result.object;
    if (given === undefined) {
      return { settled: false, drift: result.outcome === 'conflict' ? conflictDrift(wanted, result.conflicts, state.managed.drift, clock.now(), digest) : [], written };
    }
    wrote.set(identity, { digests, id, at: clock.now(), over: current?.metadata.resourceVersion, seen: given.metadata.resourceVersion === current?.metadata.resourceVersion });
    await removeForeign(wanted, actual?.revert === true, given, signal);
    log.info({ object: identity, desired: id, keys: Object.keys(digests).length }, 'wrote a managed object');
    return { settled: false, drift: [], written: digests };
  }

  const sameData = (digests: Readonly<Record<string, string>>, object: ManagedObject): boolean => canonicalJson(writtenDigests(object, digest)) === canonicalJson(digests);

  /** Who set a value back to ours owns it since, and would be in the way of every later change. What still is as we wrote it is ours to change. */
  async function takeBack(
    wanted: ManagedObject, id: string, conflicts: readonly StatusCause[], lastWritten: Readonly<Record<string, string>> | null, signal: CancelSignal,
  ): Promise<ManagedKubernetesObject | undefined> {
    if (lastWritten === null || !conflicts.every(({ field = '' }) => field.startsWith('.data.') || field.startsWith('.metadata.annotations.isthmus.dev/'))) return undefined;
    const { items: [latest] } = await kubernetes.list<ManagedKubernetesObject>(kindOf(wanted), { namespace, fieldSelector: `metadata.name=${wanted.name}` }, signal);
    if (latest === undefined || !sameData(lastWritten, fromKubernetes(wanted.kind, latest).object)) return undefined;
    const object = toKubernetes(wanted, writtenDigests(wanted, digest), id);
    // The version makes sure that nobody changes a value in between.
    const { resourceVersion } = latest.metadata;
    return kubernetes.patch<ManagedKubernetesObject>(kindOf(wanted), { namespace, name: wanted.name },
      { ...object, metadata: { ...object.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) } }, { type: 'apply', fieldManager: FIELD_MANAGER, force: true }, signal);
  }

  /** Server-side apply leaves what others added; whoever asks for our state gets all of it. */
  async function removeForeign(wanted: ManagedObject, revert: boolean, object: ManagedKubernetesObject, signal: CancelSignal): Promise<void> {
    if (!revert) return;
    const extra = Object.keys(object.data ?? {}).filter((key) => !Object.hasOwn(wanted.data, key));
    const body = { metadata: { annotations: { [DRIFT]: null } }, ...(extra.length === 0 ? {} : { data: Object.fromEntries(extra.map((key) => [key, null])) }) };
    await kubernetes.patch(kindOf(wanted), { namespace, name: wanted.name }, body, { type: 'merge', fieldManager: FIELD_MANAGER }, signal);
  }

  /** `id` is what stands in the cluster: a state that is on its way or held back is not yet it. */
  function report(settled: boolean, message: string, healthy = settled): void {
    const id = state.desired?.id;
    if (settled && id !== undefined && state.applied?.id !== id) state.setApplied({ id, appliedAt: clock.now() });
    publisher.set('AppliedReport', config.cluster, {
      id: state.applied?.id ?? null, appliedAt: state.applied?.appliedAt ?? null, healthy, message: message.slice(0, LONGEST_MESSAGE), drift: state.managed.drift.slice(0, MOST_DRIFT),
    });
  }

  /** Without certificates that its peers trust, a cluster with its Secrets in place is in no mesh. Just after a restart what held before it is believed. */
  function certificateText(id: string): string {
    const problems = certificateProblems() ?? (state.applied?.id === id ? [] : ['mesh certificates: not looked at yet']);
    return problems.join('; ');
  }

  /** When to look again; undefined: at the next event. */
  async function bring(signal: CancelSignal): Promise<number | undefined> {
    const later = clock.now() + RECHECK_SECONDS * 1000;
    const desired = state.desired;
    if (desired === undefined) {
      publisher.set('AppliedReport', config.cluster, { id: null, appliedAt: null, healthy: true, message: 'nothing has been assigned yet', drift: [] });
      return undefined;
    }
    const { peering, trust } = desired.state;
    await adoptTrust(trust.bundlePem, signal);
    if (peering !== null && peering.namespace !== namespace) {
      report(false, `Cilium's namespace is "${peering.namespace}" in the desired state and "${namespace}" for this agent: start the agent with the right one`);
      return later;
    }
    const rendered = peering === null ? [] : renderPeering(peering);
    const outcomes: [string, Outcome][] = [];
    for (const [index, { kind, name }] of MANAGED.entries()) {
      const wanted = rendered.find((object) => object.kind === kind && object.name === name) ?? null;
      outcomes.push([managedObjectName({ kind, namespace, name }), await settle(index, wanted, desired.id, signal)]);
    }
    const drift = outcomes.flatMap(([, outcome]) => outcome.drift);
    state.setManaged({ written: Object.fromEntries(outcomes.flatMap(([name, { written }]) => (written === undefined ? [] : [[name, written]]))), drift });
    const settled = outcomes.every(([, outcome]) => outcome.settled);
    const certificates = peering === null ? '' : certificateText(desired.id);
    if (settled && certificates !== '') report(true, certificates, false);
    else report(settled, settled ? '' : drift.length > 0 ? drift.map(driftText).join('; ') : 'applying');
    const again = outcomes.flatMap(([, outcome]) => outcome.again ?? []);
    return !settled ? later : again.length === 0 ? undefined : Math.min(...again);
  }

  const loop = createLoop({
    ...ports,
    name: 'apply',
    refusedAgainSeconds: REFUSED_AGAIN_SECONDS,
    async reconcile(_key, signal) {
      if (!caches.every(({ synced }) => synced)) return {};
      try {
        return { requeueAt: await bring(signal) };
      } catch (error) {
        if (!signal.aborted) report(false, messageOf(error));
        throw error;
      }
    },
  });

  return {
    get synced() { return caches.every(({ synced }) => synced); },
    refresh: () => loop.add(KEY),
    async start(signal) {
      state.subscribe((type) => { if (type === 'DesiredRevision') loop.add(KEY); });
      for (const cache of caches) {
        cache.subscribe(() => loop.add(KEY));
        void cache.waitForSync(signal).then(() => { if (!signal.aborted) loop.add(KEY); });
      }
      await Promise.all([...caches.map((cache) => cache.start(signal)), loop.start(signal)]);
    },
  };
}
