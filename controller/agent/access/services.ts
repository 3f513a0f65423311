/** Services that rules are about, watched in their namespaces for as long as a rule names one there. */
import { Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import type { ServicePods } from '../../../mesh/model/access.ts';
import type { ServiceKey } from '../../../mesh/model/service.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type Cache, createCache } from '../../runtime/cache.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import type { AgentPorts } from '../ports.ts';

export interface RuledServices {
  /** Follows exactly these namespaces. */
  follow(namespaces: ReadonlySet<string>, signal: CancelSignal): void;
  /** All that is followed has been read. */
  readonly synced: boolean;
  get(service: ServiceKey): ServicePods | undefined;
}

export function servicePods({ spec }: ServiceObject): ServicePods {
  // An ExternalName is nobody's pods, whatever selector stands there.
  const selector = spec?.type === 'ExternalName' ? {} : { ...spec?.selector };
  return { selector, ports: (spec?.ports ?? []).map(({ port, protocol = 'TCP', targetPort }) => ({ port, protocol, targetPort: String(targetPort ?? port) })) };
}

export function createRuledServices(ports: AgentPorts, changed: () => void): RuledServices {
  const followed = new Map<string, { readonly cache: Cache<ServiceObject>; readonly stop: () => void }>();
  return {
    follow(namespaces, signal) {
      for (const [namespace, { stop }] of followed) {
        if (namespaces.has(namespace)) continue;
        stop();
        followed.delete(namespace);
      }
      for (const namespace of [...namespaces].sort()) {
        if (followed.has(namespace)) continue;
        const within = cancelWithin(signal);
        const cache = createCache<ServiceObject>(ports.kubernetes, Service, { namespace }, ports);
        followed.set(namespace, { cache, stop: () => { within.abort(); within.release(); } });
        cache.subscribe(changed);
        void cache.start(within.signal);
        void cache.waitForSync(within.signal).then(() => { if (!within.signal.aborted) changed(); });
      }
    },
    get synced() { return [...followed.values()].every(({ cache }) => cache.synced); },
    get({ namespace, name }) {
      const object = followed.get(namespace)?.cache.get({ namespace, name });
      return object === undefined || object.metadata.deletionTimestamp !== undefined ? undefined : servicePods(object);
    },
  };
}
