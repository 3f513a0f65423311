/** Brings the desired state into the cluster. What other people changed is reported and left alone. */
import { markIn, unmarked } from '../../../mesh/cilium/peering.ts';
import type { MeshMounts } from '../../../mesh/cilium/presence.ts';
import { withoutPeers } from '../../../mesh/cilium/revoked.ts';
import { PEERING_OBJECTS, USERS_KEY } from '../../../mesh/cilium/words.ts';
import { type AppliedReport, type PeeringReport, type PeeringState, readersOf } from '../../../mesh/model/desired.ts';
import { type ManagedObject, managedObjectName } from '../../../mesh/model/managed.ts';
import type { TrustUse } from '../../../mesh/model/trust.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type Cache, createCache } from '../../runtime/cache.ts';
import { messageOf } from '../../runtime/errors.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import type { Bundles } from '../bundles/bundles.ts';
import type { Trusts } from '../identity/trust-use.ts';
import { isCutOff } from '../peers/cut-off.ts';
import type { Openings } from '../peers/openings.ts';
import type { OwnCredentials } from '../peers/own-credentials.ts';
import { type Revoked, REVOKING_FIELD_MANAGER, type Scene } from '../peers/revoked.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import type { DriftBook } from './drift-book.ts';
import { driftText, fromKubernetes, kindOf, type ManagedKubernetesObject } from './objects.ts';
import { createOrder, type Standing } from './order.ts';
import { createSettle, type Outcome, RECHECK_SECONDS, stillSpent } from './settle.ts';

const KEY = 'desired';
const REFUSED_AGAIN_SECONDS = 60;
const MOST_DRIFT = 32;
/** Of peers that open themselves one after another, those of so long are written together. */
const TOGETHER_MILLISECONDS = 500;
/** An error of the API server may quote a whole object. */
const LONGEST_MESSAGE = 4096;

export interface Apply {
  readonly synced: boolean;
  refresh(): void;
  start(signal: CancelSignal): Promise<void>;
}

export function createApply(
  { ports, config, state, publisher, book, bundles, openings, ownCredentials, revoked, trusts, certificateProblems, mounts }: {
    readonly ports: AgentPorts; readonly config: AgentConfig; readonly state: AgentState; readonly publisher: Publisher;
    /** What others changed beside the objects here. */
    readonly book: DriftBook;
    /** What runs have brought beside the peering. */
    readonly bundles: Pick<Bundles, 'synced' | 'outcome' | 'subscribe'>;
    readonly openings: Openings;
    readonly ownCredentials: OwnCredentials;
    /** Peers that were cut off. */
    readonly revoked: Revoked;
    readonly trusts: Trusts;
    /** What keeps the mesh certificates from being in place; undefined: not looked at since the start. */
    readonly certificateProblems: () => readonly string[] | undefined;
    /** What pods of Cilium mount; undefined: not known. */
    readonly mounts: () => MeshMounts | undefined;
  },
): Apply {
  const { kubernetes, clock } = ports;
  const namespace = config.ciliumNamespace;
  const caches = PEERING_OBJECTS.map(({ kind, name }): Cache<ManagedKubernetesObject> =>
    createCache(kubernetes, kindOf({ kind }), { namespace, fieldSelector: `metadata.name=${name}`, keepManagedFields: true }, ports));

  let use: TrustUse | undefined;
  const settle = createSettle({ ports, namespace, state, book });
  const order = createOrder({ ports, cluster: config.cluster, namespace, state, openings, ownCredentials, lastWritten: settle.lastWritten, mounts });
  let peered: PeeringReport | undefined;
  /** The state that was last said to be healthy. */
  let wellWith: string | undefined;
  let togetherAt = Number.NEGATIVE_INFINITY;

  /** `id` is what stands in the cluster: a state that is on its way or held back is not yet it. */
  function report(settled: boolean, message: string, { healthy = settled, inPlace = false } = {}): void {
    const id = state.desired?.id;
    if (settled && id !== undefined && state.applied?.id !== id) state.setApplied({ id, appliedAt: clock.now() });
    wellWith = healthy ? id : undefined;
    const generation = state.desired?.generation;
    const packages = bundles.outcome();
    const drift = [...state.managed.drift, ...book.entries(), ...packages.drift];
    publisher.set('AppliedReport', config.cluster, {
      id: state.applied?.id ?? null, appliedAt: state.applied?.appliedAt ?? null, healthy, message: message.slice(0, LONGEST_MESSAGE), drift: drift.slice(0, MOST_DRIFT),
      ...(drift.length <= MOST_DRIFT ? {} : { driftOmitted: drift.length - MOST_DRIFT }), ...(inPlace && !healthy && id !== undefined ? { inPlaceButDrift: id } : {}),
      ...(generation === undefined ? {} : { generation }), ...(packages.refused === undefined || settled ? {} : { refused: packages.refused }), ...(use === undefined ? {} : { trust: use }), ...revocations(), ...(peered === undefined ? {} : { peering: peered }),
    });
  }

  /** Without certificates that its peers trust, a cluster with its Secrets in place is in no mesh. Just after a restart what held before it is believed. */
  function certificateText(id: string): string {
    const problems = certificateProblems() ?? (state.applied?.id === id ? [] : ['mesh certificates: not looked at yet']);
    return problems.join('; ');
  }

  /** Nothing is wrong with them but what others made or changed, which people may tolerate. */
  const certificatesAreDrift = (): boolean => certificateProblems()?.every((problem) => book.entries().some(({ object }) => problem.startsWith(`${object}:`))) === true;

  const revocations = (): Pick<AppliedReport, 'revocations'> => { const effects = revoked.effects(); return effects.length === 0 ? {} : { revocations: effects }; };

  const standing = (): readonly Standing[] => PEERING_OBJECTS.flatMap(({ kind, name }, index) => {
    const current = caches[index]?.get({ namespace, name });
    return current === undefined ? [] : [{ object: fromKubernetes(kind, current).object, current }];
  });

  function sceneOf(peering: PeeringState | null | undefined, stands: readonly Standing[]): Scene {
    const objects = stands.map(({ object }) => object);
    return { assigned: peering == null ? null : [...new Set([...peering.peers.map(({ name }) => name), ...readersOf(peering)])].sort(), objects };
  }

  /** What others wrote is theirs, but for the way in of a cluster that was cut off. */
  async function strip(current: ManagedKubernetesObject, kind: ManagedObject['kind'], wanted: ManagedObject | null, signal: CancelSignal): Promise<void> {
    const { name, resourceVersion } = current.metadata;
    const change = revoked.strippedOf(fromKubernetes(kind, current).object, wanted?.data[USERS_KEY] ?? 'users: []\n');
    if (Object.keys(change).length === 0) return;
    const body = { metadata: resourceVersion === undefined ? {} : { resourceVersion }, data: change };
    await kubernetes.patch(kindOf({ kind }), { namespace, name }, body, { type: 'merge', fieldManager: REVOKING_FIELD_MANAGER }, signal);
    ports.log.warn({ object: managedObjectName({ kind, namespace, name }), keys: Object.keys(change).join() }, 'took a cluster that was revoked out of what others have changed');
  }

  /** When to look again; undefined: at the next event. */
  async function bring(signal: CancelSignal): Promise<number | undefined> {
    const later = clock.now() + RECHECK_SECONDS * 1000;
    const desired = state.desired;
    const stands = standing();
    const scene = sceneOf(desired?.state.peering, stands);
    revoked.admit(scene);
    if (desired === undefined) {
      const { again } = await revoked.carryOut(scene, signal);
      publisher.set('AppliedReport', config.cluster, { id: null, appliedAt: null, healthy: true, message: 'nothing has been assigned yet', drift: [], ...revocations() });
      return again;
    }
    const { peering, trust, overrides = [] } = desired.state;
    const ordered = order(peering === null ? null : withoutPeers(peering, (peer) => isCutOff(state, peer)), stands);
    const { render } = ordered;
    peered = ordered.report;
    const trusted = await trusts.carryOut(trust, peering === null ? undefined : { unmarked: (mark) => unmarked(render(mark), scene.objects, mark) }, signal);
    use = trusted.use;
    if (peering !== null && peering.namespace !== namespace) {
      report(false, `Cilium's namespace is "${peering.namespace}" in the desired state and "${namespace}" for this agent: start the agent with the right one`);
      return later;
    }
    const rendered = render(trusts.mark(trust) ?? markIn(scene.objects));
    const outcomes: [string, Outcome][] = [];
    for (const [index, { kind, name }] of PEERING_OBJECTS.entries()) {
      const wanted = rendered.find((object) => object.kind === kind && object.name === name) ?? null;
      const current = caches[index]?.get({ namespace, name });
      const outcome = await settle({ kind, name, object: wanted, id: desired.id, overrides, current }, signal);
      outcomes.push([managedObjectName({ kind, namespace, name }), outcome]);
      if (outcome.inPlace && current !== undefined && peering !== null) await strip(current, kind, wanted, signal);
    }
    const pods = await revoked.carryOut(scene, signal);
    const drift = outcomes.flatMap(([, outcome]) => outcome.drift);
    const spent = stillSpent([...state.managed.spent ?? [], ...outcomes.flatMap(([, outcome]) => outcome.spent)], overrides);
    state.setManaged({
      written: Object.fromEntries(outcomes.flatMap(([name, { written }]) => (written === undefined ? [] : [[name, written]]))), drift,
      ...(spent.length === 0 ? {} : { spent }),
    });
    const settled = outcomes.every(([, outcome]) => outcome.settled);
    const certificates = peering === null ? '' : certificateText(desired.id);
    const packages = bundles.outcome();
    const messages = [settled ? '' : drift.length > 0 ? drift.map(driftText).join('; ') : 'applying', certificates, packages.message, pods.message, trusted.message, trusted.settles, ordered.message].filter((message) => message !== '');
    const inPlace = (certificates === '' || certificatesAreDrift()) && packages.inPlace && outcomes.every(([, outcome]) => outcome.inPlace);
    // A peer or a reader whose time has come changes nothing in how the cluster is: nobody is told that it is no longer well while that is on its way.
    const goesOn = !settled && wellWith === desired.id && drift.length === 0 && outcomes.every(([, outcome]) => outcome.settled || outcome.onTheWay === true);
    if (!goesOn) report(settled && packages.settled, (settled ? messages : messages.filter((message) => message !== certificates)).join('; '), { healthy: settled && packages.settled && certificates === '' && pods.message === '' && trusted.message === '', inPlace: inPlace && pods.message === '' && trusted.message === '' });
    const again = [...outcomes.flatMap(([, outcome]) => outcome.again ?? []), ...(pods.again === undefined ? [] : [pods.again]), ...(trusted.again === undefined ? [] : [trusted.again]), ...(ordered.lookAt === undefined ? [] : [ordered.lookAt])];
    return !settled ? Math.min(later, ...again) : again.length === 0 ? undefined : Math.min(...again);
  }

  const loop = createLoop({
    ...ports,
    name: 'apply',
    refusedAgainSeconds: REFUSED_AGAIN_SECONDS,
    async reconcile(_key, signal) {
      if (!caches.every(({ synced }) => synced) || !bundles.synced) return {};
      try {
        return { requeueAt: await bring(signal) };
      } catch (error) {
        if (!signal.aborted) report(false, messageOf(error));
        throw error;
      }
    },
  });

  return {
    get synced() { return bundles.synced && caches.every(({ synced }) => synced); },
    refresh: () => loop.add(KEY),
    async start(signal) {
      state.subscribe((type) => { if (type === 'DesiredRevision' || type === 'Revocation' || type === 'Reader') loop.add(KEY); });
      book.subscribe(() => loop.add(KEY));
      bundles.subscribe(() => loop.add(KEY));
      openings.subscribe(() => {
        if (openings.everybody()) { loop.add(KEY); return; }
        if (togetherAt <= clock.now()) togetherAt = clock.now() + TOGETHER_MILLISECONDS;
        loop.addAt(KEY, togetherAt);
      });
      for (const cache of caches) {
        cache.subscribe(() => loop.add(KEY));
        void cache.waitForSync(signal).then(() => { if (!signal.aborted) loop.add(KEY); });
      }
      await Promise.all([...caches.map((cache) => cache.start(signal)), loop.start(signal)]);
    },
  };
}
