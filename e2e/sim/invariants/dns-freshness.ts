/**
 * A DNS answer never names an endpoint that has been unready for longer than its bound while another cluster is healthy. The bound counts while the
 * answering agent could know: since its path to the cluster of that endpoint was last disturbed. That a cluster shares the service at all, only the hub
 * can tell: a cluster counts once observer and source know that it does, or have had the hub for long enough to.
 */
import { EndpointSlice, type EndpointSliceObject } from '../../../mesh/api/resources/core.ts';
import { FailoverPolicy, ServiceExport, ServiceImport } from '../../../mesh/api/resources/index.ts';
import type { ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import type { FailoverPolicyObject } from '../../../mesh/api/resources/policies.ts';
import type { ServiceKey } from '../../../mesh/model/service.ts';
import type { Fleet, Member } from '../hosts.ts';
import { resolve } from '../resolver.ts';
import type { Invariant } from './invariant.ts';

interface Endpoint { readonly cluster: string; readonly address: string; readonly ready: boolean; readonly since: number }

interface Seen {
  readonly now: number;
  readonly boundMilliseconds: number;
  readonly endpoints: readonly Endpoint[];
  readonly answers: readonly {
    readonly observer: string;
    readonly addresses: readonly string[];
    /** Since when the observer could hear of each cluster; absent: it cannot. */
    readonly hears: Readonly<Record<string, number>>;
    /** Clusters of which the hub has told, or has had the time to. */
    readonly told: readonly string[];
  }[];
}

/** For probes, reconnects after a restart and writes, beside what the policy itself waits. */
const SLACK_SECONDS = 8;
/** Beside the policy's: a lost hub is dialled again after pauses of up to 10 s. */
const HUB_SECONDS = 30;

/** Whoever goes on calling it learns when readiness changed: make one for each simulation. */
export function dnsFreshness(service: ServiceKey, host: string): Invariant<Seen> {
  const since = new Map<string, { readonly ready: boolean; readonly since: number }>();
  const exportedSince = new Map<string, number>();
  /** `observer of cluster` */
  const told = new Set<string>();

  function endpointsOf(fleet: Fleet, now: number): Endpoint[] {
    return fleet.members.flatMap((member) => {
      if (member.read(ServiceExport, service) === undefined) {
        exportedSince.delete(member.name);
        return [];
      }
      exportedSince.set(member.name, exportedSince.get(member.name) ?? now);
      const slices = member.readAll<EndpointSliceObject>(EndpointSlice).filter(({ metadata }) => metadata.namespace === service.namespace && metadata.labels?.['kubernetes.io/service-name'] === service.name);
      return slices.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses, conditions }) => addresses.map((address) => {
        const key = `${member.name} ${address}`;
        const ready = conditions?.ready === true;
        if (since.get(key)?.ready !== ready) since.set(key, { ready, since: now });
        return { cluster: member.name, address, ready, since: since.get(key)?.since ?? now };
      })));
    });
  }

  function lookWhoIsTold(fleet: Fleet, now: number): void {
    for (const observer of fleet.members) {
      const imported = observer.read<ServiceImportObject>(ServiceImport, service)?.status?.clusters ?? [];
      for (const { name } of fleet.members) {
        const times = [exportedSince.get(name), fleet.calmSince(observer.name, 'hub'), fleet.calmSince(name, 'hub')];
        const had = times.every((at) => at !== undefined && now - at > HUB_SECONDS * 1000);
        if (had || imported.some(({ cluster }) => cluster === name)) told.add(`${observer.name} of ${name}`);
      }
    }
  }

  /** An agent tells others only of exports that it knows to be shared itself. */
  const toldTo = (fleet: Fleet, observer: Member): string[] =>
    fleet.members.map(({ name }) => name).filter((name) => told.has(`${observer.name} of ${name}`) && told.has(`${name} of ${name}`));

  return {
    name: 'DNS names no endpoint that is long unready',
    capture(fleet) {
      const now = fleet.clock.now();
      const policies = fleet.hub.readAll<FailoverPolicyObject>(FailoverPolicy).filter(({ spec }) => spec.service.namespace === service.namespace && spec.service.name === service.name);
      const patience = Math.max(0, ...policies.map(({ spec }) => Math.max(spec.unhealthyAfterSeconds, spec.healthyAfterSeconds)));
      const endpoints = endpointsOf(fleet, now);
      lookWhoIsTold(fleet, now);
      return {
        now, boundMilliseconds: (patience + SLACK_SECONDS) * 1000, endpoints,
        answers: fleet.members.map((observer) => ({
          observer: observer.name, told: toldTo(fleet, observer), addresses: resolve(observer.dns, host, 'A').records,
          hears: Object.fromEntries(fleet.members.flatMap(({ name }) => {
            const calm = fleet.calmSince(observer.name, name);
            return calm === undefined ? [] : [[name, calm] as const];
          })),
        })),
      };
    },
    assert({ now, boundMilliseconds, endpoints, answers }) {
      const forLong = (observer: Seen['answers'][number], endpoint: Endpoint): boolean => {
        const calm = observer.hears[endpoint.cluster];
        return calm !== undefined && observer.told.includes(endpoint.cluster) && now - Math.max(calm, endpoint.since) > boundMilliseconds;
      };
      for (const answer of answers) {
        const stale = endpoints.find((endpoint) => answer.addresses.includes(endpoint.address) && !endpoint.ready && forLong(answer, endpoint));
        const better = stale && endpoints.find((endpoint) => endpoint.cluster !== stale.cluster && endpoint.ready && forLong(answer, endpoint));
        if (stale !== undefined && better !== undefined) return `${answer.observer} answers ${stale.address} of ${stale.cluster}, unready for ${(now - stale.since) / 1000} s, while ${better.address} of ${better.cluster} is ready`;
      }
      return undefined;
    },
    print: (seen) => JSON.stringify(seen, null, 1),
  };
}
