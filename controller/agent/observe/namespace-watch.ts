/** Services and EndpointSlices of one namespace, watched only while something in it is exported: an agent's memory follows what is shared, not the size of its cluster. */
import { EndpointSlice, type EndpointSliceObject, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
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
const NOT_OURS = `app.kubernetes.io/managed-by!=${AGENT_FIELD_MANAGER}`;
const SERVICE_LABEL = 'kubernetes.io/service-name';
const serviceOf = ({ metadata }: EndpointSliceObject): string => metadata.labels?.[SERVICE_LABEL] ?? '';

/** `changed` is called with a Service's name; with undefined once both caches are complete. */
export function watchNamespace(namespace: string, changed: (service: string | undefined) => void, ports: AgentPorts, parent: CancelSignal): NamespaceWatch {
  const cancel = cancelWithin(parent);
  const services = createCache<ServiceObject>(ports.kubernetes, Service, { namespace, labelSelector: NOT_OURS }, ports);
  const slices = createCache<EndpointSliceObject>(ports.kubernetes, EndpointSlice, {
    namespace, labelSelector: `${SERVICE_LABEL},${NOT_OURS}`, indexes: { service: (slice) => [serviceOf(slice)] },
  }, ports);
  let synced = false;
  const tell = (service: string): void => { if (synced) changed(service); };

  services.subscribe(({ object }) => tell(object.metadata.name));
  slices.subscribe(({ object, previous }) => {
    if (previous !== undefined && serviceOf(previous) !== serviceOf(object)) tell(serviceOf(previous));
    tell(serviceOf(object));
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
    slices: (service) => slices.byIndex('service', service),
    stop() { cancel.abort(); cancel.release(); },
  };
}
