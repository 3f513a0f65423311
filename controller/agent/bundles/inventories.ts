/** Inventories in the cluster, one ConfigMap for each package, written before what they name is made. */
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import type { Inventory } from '../../../mesh/bundle/inventory.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { notServed } from '../../runtime/served.ts';
import type { AgentPorts } from '../ports.ts';
import { readInventory } from '../state/inventory-schema.ts';
import type { AgentState } from '../state/state.ts';

const LABEL = 'isthmus.dev/bundle-inventory';
export const inventoryName = (name: string): string => `isthmus-bundle-${name}`;

export interface Inventories {
  readonly read: boolean;
  /** Once, at the start; what only the snapshot knows counts as well. Throws where the server gives no answer. */
  load(signal: CancelSignal): Promise<void>;
  of(name: string): Inventory | undefined;
  /** By package. */
  all(): readonly Inventory[];
  /** Why nothing may be done to the package: its inventory cannot be read, and what it names would be orphaned. */
  problem(name: string): string | undefined;
  /** Resolves once it is in the cluster. */
  save(inventory: Inventory, signal: CancelSignal): Promise<void>;
  /** Writes again what somebody has taken away. */
  keep(inventory: Inventory, signal: CancelSignal): Promise<void>;
  drop(name: string, signal: CancelSignal): Promise<void>;
}

export function createInventories({ ports: { kubernetes, log }, namespace, state }: { readonly ports: Pick<AgentPorts, 'kubernetes' | 'log'>; readonly namespace: string; readonly state: AgentState }): Inventories {
  const known = new Map<string, Inventory>();
  const problems = new Map<string, string>();
  let read = false;

  function remember(inventory: Inventory): void {
    known.set(inventory.package, inventory);
    state.setPackage(inventory.package, { drift: [], spent: [], ...state.packages[inventory.package], inventory });
  }

  async function save(inventory: Inventory, signal: CancelSignal): Promise<void> {
    const { package: name, version, digest, phase, reached, parts } = inventory;
    const object = {
      apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: inventoryName(name), labels: { [LABEL]: 'true' } },
      data: { package: name, version, digest, phase, parts: `${reached} of ${parts}`, inventory: canonicalJson(inventory) },
    };
    await kubernetes.patch(ConfigMap, { namespace, name: inventoryName(name) }, object, { type: 'apply', fieldManager: AGENT_FIELD_MANAGER, force: true }, signal);
    remember(inventory);
  }

  return {
    get read() { return read; },
    async load(signal) {
      if (read) return;
      for (const [name, { inventory }] of Object.entries(state.packages)) known.set(name, inventory);
      try {
        const { items } = await kubernetes.list<ConfigMapObject>(ConfigMap, { namespace, labelSelector: `${LABEL}=true` }, signal);
        for (const { metadata, data } of items) {
          const inventory = readInventory(data?.['inventory']);
          const name = metadata.name.slice(inventoryName('').length);
          if (inventory !== undefined && inventory.package === name) remember(inventory);
          else if (!known.has(name)) problems.set(name, `ConfigMap ${namespace}/${metadata.name} cannot be read, and it alone says what the package has brought: restore it, or delete it and what it named`);
        }
      } catch (error) {
        // A chart from before there were bundles: whoever assigns one is told then.
        if (notServed(error) === undefined) throw error;
        log.warn({ namespace }, 'this agent may not list ConfigMaps of its namespace: it can bring no bundles until its chart is upgraded');
      }
      read = true;
    },
    of: (name) => known.get(name),
    all: () => [...known.values()].sort((a, b) => (a.package < b.package ? -1 : 1)),
    problem: (name) => problems.get(name),
    save,
    async keep(inventory, signal) {
      if (await kubernetes.get(ConfigMap, { namespace, name: inventoryName(inventory.package) }, signal) === undefined) await save(inventory, signal);
    },
    async drop(name, signal) {
      await kubernetes.delete(ConfigMap, { namespace, name: inventoryName(name) }, {}, signal);
      known.delete(name);
      state.setPackage(name, undefined);
    },
  };
}
