/** What AccessPolicies ask of this cluster, as policies of its Cilium: written, kept by the pods of their Services, taken away. What other people changed is reported and left alone. */
import { CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, type CiliumPolicyObject } from '../../../mesh/api/resources/cilium.ts';
import type { AccessRule } from '../../../mesh/model/access.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { listed } from '../../../mesh/model/listed.ts';
import { AGENT_FIELD_MANAGER, type ManagedObject, managedObjectName, type ManagedPolicyKind, SPEC_KEY } from '../../../mesh/model/managed.ts';
import { serviceKey } from '../../../mesh/model/service.ts';
import { networkPolicyOf, policyObjectName } from '../../../mesh/policy/network-policy.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type Cache, createCache } from '../../runtime/cache.ts';
import { cancelled, cancelWithin } from '../../runtime/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import { createLoop } from '../../runtime/loop.ts';
import { type NotServed, servedVersion } from '../../runtime/served.ts';
import type { DriftBook } from '../apply/drift-book.ts';
import { driftText } from '../apply/objects.ts';
import { createSettle, type Outcome, RECHECK_SECONDS, stillSpent } from '../apply/settle.ts';
import type { BundlesOutcome } from '../bundles/bundles.ts';
import type { AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { createRuledServices } from './services.ts';

const KINDS = { CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy } as const;
const KEY = 'access';
const NAMED = 3;
const ASKED_AGAIN_MILLISECONDS = 10_000;
const REFUSED_AGAIN_SECONDS = 60;
const MADE_BY_US = `app.kubernetes.io/managed-by=${AGENT_FIELD_MANAGER}`;

export interface Access {
  /** What there is through us has not been looked at since the start. */
  readonly looking: boolean;
  outcome(): BundlesOutcome;
  subscribe(listener: () => void): void;
  start(signal: CancelSignal): Promise<void>;
}

const NOTHING: BundlesOutcome = { settled: true, inPlace: true, message: '', drift: [] };
const WHY: Readonly<Record<NotServed, string>> = {
  absent: 'access policies: this cluster does not serve CiliumNetworkPolicy (cilium.io/v2), so nothing is enforced; install Cilium, whose operator brings it, or leave the cluster out of spec.to.clusters',
  forbidden: 'access policies: the agent may not list CiliumNetworkPolicies, so nothing is enforced; upgrade its chart, which grants that',
};

interface Wanted { readonly kind: ManagedPolicyKind; readonly namespace: string; readonly name: string; readonly object: ManagedObject | null }

export function createAccess({ ports, state, book }: { readonly ports: AgentPorts; readonly state: AgentState; readonly book: DriftBook }): Access {
  const { clock, kubernetes, log } = ports;
  const caches = Object.fromEntries(Object.entries(KINDS).map(([kind, resource]) => [kind, createCache<CiliumPolicyObject>(kubernetes, resource, { labelSelector: MADE_BY_US, keepManagedFields: true }, ports)])) as Readonly<Record<ManagedPolicyKind, Cache<CiliumPolicyObject>>>;
  const all = Object.values(caches);
  const services = createRuledServices(ports, () => loop.add(KEY));
  const settle = createSettle({ ports, namespace: '', state: { get managed() { return state.access; } }, book });
  const listeners: (() => void)[] = [];
  /** `unused`: they can be read, and none was ever ours. */
  let served: 'unknown' | 'unused' | 'served' | NotServed = 'unknown';
  let found: (BundlesOutcome & { readonly of: string }) | undefined;

  const rules = (): readonly AccessRule[] => state.desired?.state.access ?? [];
  const isConcerned = (): boolean => rules().length > 0 || Object.keys(state.access.written).length > 0;
  const tell = (): void => { for (const listener of listeners) listener(); };
  const put = (next: BundlesOutcome): void => {
    const before = found;
    found = { ...next, of: state.desired?.id ?? '' };
    if (canonicalJson(before ?? null) !== canonicalJson(found)) tell();
  };

  /** What is to be there, what stands there and is not, and what people should know. */
  function wantedNow(): { readonly wanted: readonly Wanted[]; readonly problems: readonly string[]; readonly missing: readonly string[] } {
    const wanted = new Map<string, Wanted>();
    const stays = new Set<string>();
    const [problems, missing]: [string[], string[]] = [[], []];
    for (const rule of rules()) {
      const service = 'service' in rule.to ? services.get(rule.to.service) : undefined;
      const { policy, problems: some } = networkPolicyOf(rule, service);
      problems.push(...some);
      if (policy === null) {
        // Pods outlive their Service: what was shut stays shut.
        if ('service' in rule.to) stays.add(managedObjectName({ kind: 'CiliumNetworkPolicy', namespace: rule.to.service.namespace, name: policyObjectName(rule.policy) }));
        if (some.length === 0 && 'service' in rule.to) missing.push(`${rule.policy} (${serviceKey(rule.to.service)})`);
        continue;
      }
      const { kind, namespace, name, spec } = policy;
      wanted.set(managedObjectName({ kind, namespace, name }), { kind, namespace, name, object: { kind, namespace, name, data: { [SPEC_KEY]: canonicalJson(spec) } } });
    }
    const standing = [
      ...(Object.keys(KINDS) as ManagedPolicyKind[]).flatMap((kind) => caches[kind].list().map(({ metadata: { namespace = '', name } }) => ({ kind, namespace, name }))),
      ...Object.keys(state.access.written).map((name) => referenceOf(name)),
    ];
    for (const one of standing) {
      const name = managedObjectName(one);
      if (!wanted.has(name) && !stays.has(name)) wanted.set(name, { ...one, object: null });
    }
    return { wanted: [...wanted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one), problems, missing };
  }

  async function bring(signal: CancelSignal): Promise<number | undefined> {
    const { desired } = state;
    // Without an assignment nothing is known to be too much.
    if (desired === undefined) return undefined;
    const { id, state: { overrides = [] } } = desired;
    const { wanted, problems, missing } = wantedNow();
    const outcomes: [string, Outcome][] = [];
    const errors: string[] = [];
    for (const { kind, namespace, name, object } of wanted) {
      const identity = managedObjectName({ kind, namespace, name });
      try {
        outcomes.push([identity, await settle({ kind, namespace, name, object, id, overrides, current: caches[kind].get(namespace === '' ? { name } : { namespace, name }) }, signal)]);
      } catch (error) {
        if (signal.aborted) throw error;
        errors.push(`${identity}: ${messageOf(error)}`);
        const written = state.access.written[identity];
        outcomes.push([identity, { settled: false, inPlace: false, drift: [], written, spent: [] }]);
      }
    }
    const drift = outcomes.flatMap(([, outcome]) => outcome.drift);
    const spent = stillSpent([...state.access.spent ?? [], ...outcomes.flatMap(([, outcome]) => outcome.spent)], overrides);
    state.setAccess({ written: Object.fromEntries(outcomes.flatMap(([name, { written }]) => (written === undefined ? [] : [[name, written]]))), drift, ...(spent.length === 0 ? {} : { spent }) });
    const settled = problems.length === 0 && outcomes.every(([, outcome]) => outcome.settled);
    const texts = [...drift.map(driftText), ...errors, ...problems, ...(missing.length === 0 ? [] : [`access policies without their Service here, which hold nothing new: ${listed(missing, NAMED)}`])];
    put({ settled, inPlace: problems.length === 0 && outcomes.every(([, outcome]) => outcome.inPlace), message: texts.length === 0 && !settled ? 'access policies are being written' : texts.join('; '), drift });
    if (errors.length > 0) throw new Error(errors.join('; '));
    const again = outcomes.flatMap(([, outcome]) => outcome.again ?? []);
    return settled ? (again.length === 0 ? undefined : Math.min(...again)) : Math.min(clock.now() + RECHECK_SECONDS * 1000, ...again);
  }

  let running: CancelSignal | undefined;
  const loop = createLoop({
    ...ports,
    name: 'access',
    refusedAgainSeconds: REFUSED_AGAIN_SECONDS,
    async reconcile(_key, signal) {
      if (served !== 'served' || running === undefined) return {};
      services.follow(new Set(rules().flatMap(({ to }) => ('service' in to ? [to.service.namespace] : []))), running);
      if (!all.every(({ synced }) => synced) || !services.synced) return {};
      return { requeueAt: await bring(signal) };
    },
  });

  let wake = (): void => {};

  async function pause(signal: CancelSignal): Promise<void> {
    const within = cancelWithin(signal);
    wake = () => within.abort();
    await (isConcerned() || served === 'unknown' ? clock.sleepUntil(clock.now() + ASKED_AGAIN_MILLISECONDS, within.signal) : cancelled(within.signal));
    within.release();
  }

  /** Resolves once policies can be read and there is a reason to: a rule, or something of an earlier one. */
  async function awaitReason(signal: CancelSignal): Promise<void> {
    for (; !signal.aborted; await pause(signal)) {
      if (served !== 'unknown' && !isConcerned()) continue;
      try {
        const answer = await servedVersion(kubernetes, [CiliumNetworkPolicy], {}, signal);
        const found = typeof answer === 'string' ? answer : 'served';
        if (found === 'absent' && rules().length === 0) state.setAccess({ written: {}, drift: [] });
        if (found === 'served' && !isConcerned()) {
          const left = await Promise.all(Object.values(KINDS).map((kind) => kubernetes.list(kind, { labelSelector: MADE_BY_US, limit: 1 }, signal)));
          served = left.some(({ items }) => items.length > 0) ? 'served' : 'unused';
        } else {
          served = found;
        }
        tell();
        if (served === 'served') return;
      } catch (error) {
        if (!signal.aborted) log.info({ error: messageOf(error) }, 'policies of Cilium cannot be read yet, trying again');
      }
    }
  }

  return {
    get looking() { return isConcerned() && (served === 'unknown' || (served === 'served' && found === undefined)); },
    outcome() {
      const looking: BundlesOutcome = { settled: false, inPlace: false, message: 'access policies are being looked at', drift: [] };
      if (served === 'served') return found !== undefined && found.of === (state.desired?.id ?? '') ? found : looking;
      if (!isConcerned()) return NOTHING;
      return served === 'absent' || served === 'forbidden' ? { ...looking, message: WHY[served] } : looking;
    },
    subscribe(listener) { listeners.push(listener); },
    async start(signal) {
      running = signal;
      state.subscribe((type) => { if (type === 'DesiredRevision') { wake(); loop.add(KEY); } });
      const looping = loop.start(signal);
      await awaitReason(signal);
      if (!signal.aborted) {
        for (const cache of all) {
          cache.subscribe(() => loop.add(KEY));
          void cache.waitForSync(signal).then(() => { if (!signal.aborted) loop.add(KEY); });
        }
        await Promise.all(all.map((cache) => cache.start(signal)));
      }
      await Promise.all([looping, cancelled(signal)]);
    },
  };
}

/** Of `managedObjectName`. */
function referenceOf(text: string): { readonly kind: ManagedPolicyKind; readonly namespace: string; readonly name: string } {
  const [kind = '', place = ''] = text.split(' ');
  const [namespace = '', name = ''] = place.includes('/') ? place.split('/') : ['', place];
  return { kind: kind as ManagedPolicyKind, namespace, name };
}
