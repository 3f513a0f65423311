/** Who serves each service, decided here from replicated facts, own probes and peers' opinions: the hub takes no part. */
import { decideFailover } from '../../../mesh/failover/decide.ts';
import type { ClusterEvidence, Reachability } from '../../../mesh/model/failover.ts';
import { serviceKey } from '../../../mesh/model/service.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { AgentPorts } from '../ports.ts';
import type { Facts } from '../state/facts.ts';
import type { AgentState } from '../state/state.ts';

export interface FailoverLoop extends Pick<Loop, 'start'> {
  /** Evidence on this cluster changed. */
  clusterChanged(cluster: string): void;
  /** Called with `namespace/name` after its verdict changed. */
  subscribe(listener: (service: string) => void): void;
}

export interface FailoverParts {
  readonly ports: AgentPorts;
  readonly state: AgentState;
  readonly facts: Facts;
  /** Own probe first, then what peers say. */
  readonly reachability: (cluster: string) => readonly Reachability[];
}

export function createFailover({ ports, state, facts, reachability }: FailoverParts): FailoverLoop {
  const { clock, log, metrics } = ports;
  const listeners: ((service: string) => void)[] = [];
  const changes = metrics.counter('isthmus_agent_failover_changes_total', 'Changes of the set of clusters that serve a service.');

  function evidenceFor(service: string): ClusterEvidence[] {
    const evacuations = state.list('Evacuation').filter((evacuation) => evacuation.active && evacuation.until > clock.now() && serviceKey(evacuation.service) === service);
    return facts.of(service).map((fact) => {
      const until = evacuations.filter(({ cluster }) => cluster === fact.cluster).map((evacuation) => evacuation.until);
      return {
        cluster: fact.cluster,
        readyEndpoints: fact.crossing?.readyEndpoints ?? fact.endpoints.filter(({ ready }) => ready).length,
        reachability: reachability(fact.cluster),
        evacuatedUntil: until.length === 0 ? null : Math.max(...until),
      };
    });
  }

  const loop = createLoop({
    ...ports,
    name: 'failover',
    async reconcile(service) {
      const previous = state.failover(service);
      const evidence = evidenceFor(service);
      if (evidence.length === 0) {
        if (previous !== undefined) { state.setFailover(service, undefined); tell(service); }
        return {};
      }
      const policy = state.desired?.state.failover.find((candidate) => serviceKey(candidate.service) === service) ?? null;
      const next = decideFailover(policy, evidence, previous ?? null, clock.now());
      if (next !== previous) {
        state.setFailover(service, next);
        if (previous?.serving.join() !== next.serving.join()) {
          changes.inc();
          log.info({ service, serving: next.serving, before: previous?.serving, reason: next.reason }, 'who serves changed');
        }
        tell(service);
      }
      return next.wakeAt === null ? {} : { requeueAt: next.wakeAt };
    },
  });
  const tell = (service: string): void => { for (const listener of listeners) listener(service); };
  const everything = (): void => { for (const service of facts.services()) loop.add(service); };

  return {
    clusterChanged(cluster) {
      for (const service of facts.services()) if (facts.of(service).some((fact) => fact.cluster === cluster)) loop.add(service);
    },
    subscribe(listener) { listeners.push(listener); },
    async start(signal) {
      facts.subscribe((service) => loop.add(service));
      state.subscribe((type) => { if (type === 'Evacuation' || type === 'DesiredRevision') everything(); });
      everything();
      await loop.start(signal);
    },
  };
}
