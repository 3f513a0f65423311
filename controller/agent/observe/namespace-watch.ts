/** Services and EndpointSlices of one namespace, watched only while something in it is exported: an agent's memory follows what is shared, not the size of its cluster. */
import { EndpointSlice, type EndpointSliceObject, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { createCache } from '../../runtime/cache.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import type { AgentPorts } from '../ports.ts';

export interface NamespaceWatch {
  readonly synced: boolean;
  service(name: string): ServiceObject | undefined;
  /** Slices of the Service of that name, sorted by name. */
  slices(service: string): readonly EndpointSliceObject[];
  stop(): void;
}

/** Neither derived Services nor their slices are exported again. */
const NOT_OURS = 'app.kubernetes.io/managed-by!=isthmus-agent';
const SERVICE_LABEL = 'kubernetes.io/service-name';

/** `changed` is called with a Service's name; with undefined once both caches are complete. */
export function watchNamespace(namespace: string, changed: (service: string | undefined) => void, ports: AgentPorts, parent: CancelSignal): NamespaceWatch {
  const cancel = cancelWithin(parent);
  const services = createCache<ServiceObject>(ports.kubernetes, Service, { namespace, labelSelector: NOT_OURS }, ports);
  const slices = createCache<EndpointSliceObject>(ports.kubernetes, EndpointSlice, { namespace, labelSelector: `${SERVICE_LABEL},${NOT_OURS}` }, ports);
  const byService = new Map<string, Map<string, EndpointSliceObject>>();
  let synced = false;
  const tell = (service: string): void => { if (synced) changed(service); };

  services.subscribe(({ object }) => tell(object.metadata.name));
  slices.subscribe(({ type, object, previous }) => {
    const before = previous?.metadata.labels?.[SERVICE_LABEL];
    const service = object.metadata.labels?.[SERVICE_LABEL] ?? '';
    if (before !== undefined && before !== service) {
      byService.get(before)?.delete(object.metadata.name);
      tell(before);
    }
    const held = byService.get(service) ?? new Map<string, EndpointSliceObject>();
    if (type === 'deleted') held.delete(object.metadata.name);
    else held.set(object.metadata.name, object);
    if (held.size === 0) byService.delete(service);
    else byService.set(service, held);
    tell(service);
  });
  void services.start(cancel.signal);
  void slices.start(cancel.signal);
  void Promise.all([services.waitForSync(cancel.signal), slices.waitForSync(cancel.signal)]).then(() => {
    if (cancel.signal.aborted) return;
    synced = true;
    changed(undefined);
  });

  return {
    get synced() { return synced; },
    service: (name) => services.get({ namespace, name }),
    slices: (service) => [...(byService.get(service)?.values() ?? [])].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)),
    stop() { cancel.abort(); cancel.release(); },
  };
}
