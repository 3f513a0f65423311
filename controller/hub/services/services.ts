/** Live facts: exports of all agents are judged by the export policies and told to every agent within milliseconds; never gated by a run. */
import type { ExportPolicyObject } from '../../../mesh/api/resources/policies.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import { type ExportFact, type ExportVerdict, exportKey, serviceKey } from '../../../mesh/model/service.ts';
import { authoriseExports } from '../../../mesh/services/authorise.ts';
import { acrossMeshes } from '../../../mesh/services/crossing.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Publishers } from '../gateway/publishers.ts';
import type { Revocations } from '../identity/revocation.ts';
import type { HubPorts } from '../ports.ts';
import { clusterView, exportPolicyValues } from '../views.ts';
import { createAllowed } from './allowed.ts';
import type { Reach, ReachSource } from './reach.ts';
import { isUnknown } from './unknown.ts';

/** How long after its start a hub waits for agents before it judges conflicts without those that are missing. */
const GRACE_SECONDS = 60;
/** Looking again at all that is withheld costs agents × facts; while a whole fleet reconnects it is not done for each agent. */
const RECONSIDER_MILLISECONDS = 1000;
/** An agent with many exports tells them in several deltas; all have come when none has for this long, or soon enough whatever comes. */
const QUIET_MILLISECONDS = 1000;
const LONGEST_MILLISECONDS = 10_000;
/** All exports are judged at once. Where there are many clusters, what is not an export itself may wait this long for more of its kind: each cluster's status changes again and again while a fleet is changed. */
const PAUSE_MILLISECONDS_PER_CLUSTER = 2;
const LONGEST_PAUSE_MILLISECONDS = 1000;
const SMALL_FLEET = 50;
const ALL = 'exports';

export interface ServicesParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics'>;
  readonly fleet: Fleet;
  readonly publishers: Publishers;
  readonly clusters: Cache<ClusterObject>;
  readonly policies: Cache<ExportPolicyObject>;
  /** Who reaches whose pods. */
  readonly reach: ReachSource;
  /** Clusters whose exports count no more, whatever is held of them. */
  readonly revocations: Pick<Revocations, 'isCutOff' | 'subscribe'>;
}

export function createServices({ ports, fleet, publishers, clusters, policies, reach, revocations }: ServicesParts): Loop {
  const told = new Map<string, readonly [ExportFact, ExportFact | undefined]>();
  /** Cluster → service → what was told of it. */
  const toldVerdicts = new Map<string, Map<string, string>>();
  const heardExports = new Set<string>();
  const heardReport = new Set<string>();
  const counted = ports.metrics.gauge('isthmus_hub_exports', 'Exports that agents report, by verdict.', ['verdict']);

  const views = (): ClusterView[] => clusters.list().map((object) => clusterView(object, undefined));
  const isAllowed = createAllowed(clusters, policies);
  let reconsideredAt = Number.NEGATIVE_INFINITY;
  const joined = (cluster: string): boolean => clusters.get({ name: cluster })?.status?.identity !== undefined && !revocations.isCutOff(cluster);

  publishers.withhold((recipient, type, name) => isUnknown({
    exportsOf: (cluster) => heardExports.has(cluster),
    verdictsOf: (cluster) => toldVerdicts.has(cluster),
    reportOf: (cluster) => heardReport.has(cluster),
    joined,
    allowed: isAllowed,
  }, recipient, type, name));

  let known: Reach = { places: new Map(), isApart: () => false, isOne: true };
  const seen = new WeakMap<ExportFact, ExportFact>();

  /** As clusters see it that do not reach its pods; undefined: there are none. */
  function elsewhere(fact: ExportFact): ExportFact | undefined {
    if (known.isOne || !known.places.has(fact.cluster)) return undefined;
    const found = seen.get(fact) ?? acrossMeshes(fact);
    seen.set(fact, found);
    return found;
  }

  function divide(): void {
    const now = reach.current();
    if (now === known) return;
    const moved = new Set([...now.places.keys(), ...known.places.keys()].filter((cluster) => now.places.get(cluster) !== known.places.get(cluster)));
    known = now;
    publishers.divide(now.isApart, moved);
  }

  function tellVerdicts(cluster: string, verdicts: ReturnType<typeof authoriseExports>['verdicts'][string]): void {
    const before = toldVerdicts.get(cluster);
    const now = new Map<string, string>();
    for (const judged of verdicts) {
      const crossing = judged.valid ? told.get(`${cluster}/${serviceKey(judged)}`)?.[1]?.crossing : undefined;
      const verdict: ExportVerdict = crossing === undefined ? judged : { ...judged, crossing: { reason: crossing.reason, message: crossing.message } };
      const [name, text] = [serviceKey(verdict), JSON.stringify(verdict)];
      now.set(name, text);
      if (before?.get(name) !== text) publishers.tell(cluster, 'ExportVerdict', name, verdict);
    }
    for (const name of before?.keys() ?? []) if (!now.has(name)) publishers.untell(cluster, 'ExportVerdict', name);
    toldVerdicts.set(cluster, now);
  }

  async function reconcile(): Promise<{ requeueAt?: number }> {
    const present = fleet.clusters().filter((cluster) => clusters.get({ name: cluster }) !== undefined && !revocations.isCutOff(cluster));
    const facts = present.flatMap((cluster) => [...fleet.values(cluster, 'ExportFact').values()].map(({ value }) => value));
    const { allowed, verdicts } = authoriseExports(facts, views(), exportPolicyValues(policies.list()));
    divide();
    const next = new Map(allowed.map((fact) => [exportKey(fact), [fact, elsewhere(fact)] as const]));
    for (const key of told.keys()) if (!next.has(key)) publishers.untellAll('ImportedFact', key);
    for (const [key, [fact, apart]] of next) if (told.get(key)?.[0] !== fact || told.get(key)?.[1] !== apart) publishers.tellAll('ImportedFact', key, fact, undefined, apart);
    told.clear();
    for (const [key, both] of next) told.set(key, both);
    counted.set({ verdict: 'allowed' }, allowed.length);
    counted.set({ verdict: 'refused' }, facts.length - allowed.length);

    // From here on the absence of what these clusters did not say is known; only now, for all of it has just been told.
    const now = ports.clock.now();
    const wakes: number[] = [];
    for (const cluster of present) {
      if (fleet.heard(cluster, 'ClusterReport') !== undefined) heardReport.add(cluster);
      const heard = fleet.heard(cluster, 'ExportFact');
      if (heard === undefined || heardExports.has(cluster)) continue;
      const completeAt = Math.min(heard.lastAt + QUIET_MILLISECONDS, heard.firstAt + LONGEST_MILLISECONDS);
      if (completeAt <= now) heardExports.add(cluster);
      else wakes.push(completeAt);
    }
    // A conflict is between clusters: judged with a part of them it would come and go with every restart of the hub.
    const missing = clusters.list().some((object) => joined(object.metadata.name) && !heardExports.has(object.metadata.name));
    const graceEnds = fleet.listeningSince() + GRACE_SECONDS * 1000;
    if (missing && now < graceEnds) wakes.push(graceEnds);
    else for (const cluster of present) if (heardExports.has(cluster)) tellVerdicts(cluster, verdicts[cluster] ?? []);
    if (reconsideredAt + RECONSIDER_MILLISECONDS <= now) {
      reconsideredAt = now;
      publishers.reconsider();
    } else wakes.push(reconsideredAt + RECONSIDER_MILLISECONDS);
    return wakes.length === 0 ? {} : { requeueAt: Math.min(...wakes) };
  }

  const loop = createLoop({ name: 'services', reconcile, ...ports });
  const soon = (): void => {
    const count = clusters.list().length;
    if (count <= SMALL_FLEET) loop.add(ALL);
    else loop.addAt(ALL, ports.clock.now() + Math.min(count * PAUSE_MILLISECONDS_PER_CLUSTER, LONGEST_PAUSE_MILLISECONDS));
  };
  fleet.subscribe(({ type }) => {
    if (type === 'ExportFact') loop.add(ALL);
    else if (type === 'ClusterReport' || type === 'Connection') soon();
  });
  clusters.subscribe(soon);
  policies.subscribe(() => loop.add(ALL));
  reach.subscribe(soon);
  revocations.subscribe(() => loop.add(ALL));
  return loop;
}
