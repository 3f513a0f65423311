/** This cluster's exports, read again within the same turn as each change of a ServiceExport, its Service or its EndpointSlices. */
import { ServiceExport, type ServiceExportObject } from '../../../mesh/api/resources/multicluster.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { type ExportFact, type ExportVerdict, serviceKey } from '../../../mesh/model/service.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { createCache } from '../../runtime/cache.ts';
import { cancelled } from '../../runtime/cancel.ts';
import type { AgentPorts } from '../ports.ts';
import { readExport } from './export-fact.ts';
import { type NamespaceWatch, watchNamespace } from './namespace-watch.ts';

export interface Exports {
  /** By `namespace/name`; undefined until everything was read once. */
  readonly facts: ReadonlyMap<string, ExportFact> | undefined;
  /** Why an export cannot be shared from here; undefined: nothing wrong here. */
  problem(service: string): ExportVerdict | undefined;
  object(service: string): ServiceExportObject | undefined;
  /** Every ServiceExport there is, by `namespace/name`. */
  services(): readonly string[];
  /** Called with `namespace/name` after its ServiceExport or its fact changed, and once with undefined when everything was read. */
  subscribe(listener: (service: string | undefined) => void): void;
  start(signal: CancelSignal): Promise<void>;
}

/** `afterEpoch`: of the newest own fact that an earlier start is known to have told; this start's are newer, even if the clock went back. */
export function createExports(cluster: string, ports: AgentPorts, afterEpoch: number): Exports {
  const epoch = Math.max(ports.clock.now(), afterEpoch + 1);
  const cache = createCache<ServiceExportObject>(ports.kubernetes, ServiceExport, { indexes: { namespace: ({ metadata }) => [metadata.namespace ?? ''] } }, ports);
  const namespaces = new Map<string, NamespaceWatch>();
  const problems = new Map<string, ExportVerdict>();
  const listeners: ((service: string | undefined) => void)[] = [];
  const contents = new Map<string, string>();
  let facts = new Map<string, ExportFact>();
  let sequence = 0;
  let complete = false;

  const key = (object: ServiceExportObject): string => serviceKey({ namespace: object.metadata.namespace ?? '', name: object.metadata.name });
  const objectOf = (service: string): ServiceExportObject | undefined => {
    const [namespace = '', name = ''] = service.split('/');
    const object = cache.get({ namespace, name });
    return object?.metadata.deletionTimestamp === undefined ? object : undefined;
  };

  /** True where the fact or the problem changed. */
  function read(service: string): boolean {
    const object = objectOf(service);
    const watch = namespaces.get(service.split('/')[0] ?? '');
    if (object !== undefined && watch?.synced !== true) return false;
    const reading = object === undefined || watch === undefined ? undefined : readExport(cluster, object, watch.service(object.metadata.name), watch.slices(object.metadata.name));
    const text = reading === undefined ? undefined : canonicalJson(reading);
    if (contents.get(service) === text) return false;
    if (text === undefined) contents.delete(service);
    else contents.set(service, text);
    // A new map each time: who holds the old one sees what changed.
    facts = new Map(facts);
    facts.delete(service);
    problems.delete(service);
    if (reading !== undefined && 'content' in reading) facts.set(service, { ...reading.content, version: { epoch, sequence: sequence += 1 } });
    if (reading !== undefined && 'problem' in reading) problems.set(service, reading.problem);
    return true;
  }

  function tell(service: string): void { if (complete) for (const listener of listeners) listener(service); }

  function completeIfRead(): void {
    if (complete || !cache.synced || [...namespaces.values()].some(({ synced }) => !synced)) return;
    complete = true;
    for (const listener of listeners) listener(undefined);
  }

  function follow(namespace: string, signal: CancelSignal): void {
    if (cache.byIndex('namespace', namespace).length === 0) {
      namespaces.get(namespace)?.stop();
      namespaces.delete(namespace);
    } else if (!namespaces.has(namespace)) {
      namespaces.set(namespace, watchNamespace(namespace, (changed) => {
        const services = changed === undefined ? cache.byIndex('namespace', namespace).map(key) : [`${namespace}/${changed}`];
        for (const service of services) if (read(service)) tell(service);
        completeIfRead();
      }, ports, signal));
    }
  }

  return {
    get facts() { return complete ? facts : undefined; },
    problem: (service) => problems.get(service),
    object: objectOf,
    services: () => cache.list().map(key),
    subscribe(listener) { listeners.push(listener); },
    async start(signal) {
      cache.subscribe(({ object }) => {
        follow(object.metadata.namespace ?? '', signal);
        read(key(object));
        tell(key(object));
      });
      void cache.waitForSync(signal).then(completeIfRead);
      await Promise.race([cache.start(signal), cancelled(signal)]);
    },
  };
}
