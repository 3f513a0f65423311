/** The zone of this agent, made again when a question finds it out of date: a burst of changes costs one building. */
import { buildZone, type Zone, type ZoneService } from '../../../mesh/dns/zone.ts';
import { serviceKey } from '../../../mesh/model/service.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { planImports } from '../../../mesh/services/merge.ts';
import type { Imports } from '../services/imports.ts';
import type { Facts } from '../state/facts.ts';
import type { AgentState } from '../state/state.ts';

export interface ZoneSource {
  current(): Zone;
  /** Something that the zone is made of changed. */
  outdate(): void;
}

/** Between the first fact of a service and the first verdict on it: the name exists, nobody serves yet. */
const UNJUDGED = { health: [], serving: [], reason: 'it has not been judged yet', wakeAt: null } as const;

export function createZoneSource(parts: {
  readonly cluster: string; readonly clock: Clock; readonly state: AgentState; readonly facts: Facts; readonly imports: Imports; readonly nameserverAddresses: () => readonly string[];
}): ZoneSource {
  const { cluster, clock, state, facts, imports, nameserverAddresses } = parts;
  let zone: Zone | undefined;

  function serviceOf(service: string): ZoneService[] {
    const exports = facts.heard(service);
    const [plan] = planImports(exports.map(({ fact }) => fact));
    if (plan === undefined) return [];
    const policy = state.desired?.state.failover.find((candidate) => serviceKey(candidate.service) === service) ?? null;
    const { namespace, name, type, ports } = plan;
    return [{ namespace, name, type, ports, clusterSetIps: imports.clusterSetIps(service), exports, policy, failover: state.failover(service) ?? UNJUDGED }];
  }

  return {
    current: () => (zone ??= buildZone({
      cluster,
      now: clock.now(),
      synced: state.knowsImports && imports.synced,
      services: facts.services().flatMap(serviceOf),
      globalServices: state.desired?.state.globalServices ?? [],
      nameserverAddresses: nameserverAddresses(),
    })),
    outdate() { zone = undefined; },
  };
}
