/** The newest fact of each export that the hub authorised, whichever way it came: from the hub, from the exporting agent itself, or from this cluster's own API. */
import type { Instant } from '../../../mesh/model/instant.ts';
import { compareVersions, type ExportFact, serviceKey } from '../../../mesh/model/service.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { acrossMeshes } from '../../../mesh/services/crossing.ts';
import type { AgentState } from './state.ts';

interface HeardFact {
  readonly fact: ExportFact;
  /** When this agent last got it, or heard from its source that it still holds. */
  readonly heardAt: Instant;
  /** `hub`, or the cluster whose agent told it. */
  readonly heardFrom: string;
}

export interface Facts {
  /** Authorised exports of `namespace/name`, sorted by cluster. */
  of(service: string): readonly ExportFact[];
  heard(service: string): readonly HeardFact[];
  /** Every `namespace/name` that has an authorised export, sorted. */
  services(): readonly string[];
  /** All own exports: what is not among them is not exported here any more, whatever the hub still says. */
  setOwn(facts: ReadonlyMap<string, ExportFact>): void;
  /** What another agent says of its own exports. An export missing there is kept: only the hub takes an authorised export away. */
  hear(cluster: string, facts: readonly ExportFact[]): void;
  /** Called with `namespace/name` after what `of` gives may have changed. */
  subscribe(listener: (service: string) => void): void;
}

export function createFacts(cluster: string, state: AgentState, clock: Clock): Facts {
  /** service → cluster → fact from the hub. */
  const authorised = new Map<string, Map<string, HeardFact>>();
  /** service → cluster → fact heard directly; only for authorised ones, so it is bounded by them. */
  const direct = new Map<string, Map<string, HeardFact>>();
  const listeners: ((service: string) => void)[] = [];
  let own: ReadonlyMap<string, ExportFact> | undefined;
  const seen = new WeakMap<ExportFact, ExportFact>();
  /** A source tells all readers of its pods. */
  function fromAfar(fact: ExportFact): ExportFact {
    const known = seen.get(fact) ?? acrossMeshes(fact);
    seen.set(fact, known);
    return known;
  }
  const notify = (service: string): void => { for (const listener of listeners) listener(service); };
  const fromHub = (fact: ExportFact): HeardFact => ({ fact, heardAt: clock.now(), heardFrom: 'hub' });

  function authorise(name: string): string {
    const [source = '', namespace, serviceName] = name.split('/');
    const service = `${namespace}/${serviceName}`;
    const fact = state.get('ImportedFact', name);
    if (fact !== undefined) put(authorised, service, source, fromHub(fact));
    else {
      drop(authorised, service, source);
      drop(direct, service, source);
    }
    return service;
  }

  function newest(service: string, hub: HeardFact): HeardFact | undefined {
    if (hub.fact.cluster === cluster && own !== undefined) {
      const fact = own.get(service);
      return fact === undefined ? undefined : { fact, heardAt: clock.now(), heardFrom: cluster };
    }
    const heard = direct.get(service)?.get(hub.fact.cluster);
    if (heard === undefined || compareVersions(heard.fact.version, hub.fact.version) < 0) return hub;
    return hub.fact.crossing === undefined ? heard : { ...heard, fact: fromAfar(heard.fact) };
  }

  const heard = (service: string): HeardFact[] => [...(authorised.get(service)?.values() ?? [])]
    .sort((a, b) => (a.fact.cluster < b.fact.cluster ? -1 : 1))
    .filter(({ fact: { cluster: source } }) => state.get('Revocation', source)?.rejoined !== false)
    .map((hub) => newest(service, hub))
    .filter((entry) => entry !== undefined);
  const isAuthorised = (service: string): boolean => authorised.get(service)?.has(cluster) === true;

  for (const fact of state.list('ImportedFact')) put(authorised, serviceKey(fact), fact.cluster, fromHub(fact));
  state.subscribe((type, name) => {
    if (type === 'ImportedFact' && name !== '') notify(authorise(name));
    // What a cluster exports that is cut off counts no more, whoever still tells of it.
    if (type === 'Revocation') for (const [service, sources] of [...authorised]) if (sources.has(name)) notify(service);
  });

  return {
    of: (service) => heard(service).map(({ fact }) => fact),
    heard,
    services: () => [...authorised.keys()].sort(),
    setOwn(facts) {
      const before = own;
      if (before === facts) return;
      own = facts;
      // The first answer also withdraws what a snapshot still had.
      const touched = before === undefined ? [...authorised.keys()] : [...before.keys(), ...facts.keys()];
      for (const service of [...new Set(touched)].sort()) if (isAuthorised(service) && (before === undefined || before.get(service) !== facts.get(service))) notify(service);
    },
    hear(source, facts) {
      for (const fact of facts) {
        const service = serviceKey(fact);
        const hub = authorised.get(service)?.get(source);
        if (source === cluster || fact.cluster !== source || hub === undefined) continue;
        const held = newest(service, hub) ?? hub;
        const order = compareVersions(fact.version, held.fact.version);
        if (order < 0) continue;
        // Of what the hub tells as it is seen from here, the source's own words are kept: what the hub says of the way may change.
        put(direct, service, source, { fact: order === 0 && hub.fact.crossing === undefined ? held.fact : fact, heardAt: clock.now(), heardFrom: source });
        if (order > 0) notify(service);
      }
    },
    subscribe(listener) { listeners.push(listener); },
  };
}

function put(index: Map<string, Map<string, HeardFact>>, service: string, cluster: string, fact: HeardFact): void {
  const byCluster = index.get(service) ?? new Map<string, HeardFact>();
  byCluster.set(cluster, fact);
  index.set(service, byCluster);
}

function drop(index: Map<string, Map<string, HeardFact>>, service: string, cluster: string): void {
  const byCluster = index.get(service);
  byCluster?.delete(cluster);
  if (byCluster?.size === 0) index.delete(service);
}
