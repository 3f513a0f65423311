/** Watches what the cluster says of itself and publishes the report when it changes. */
import {
  ConfigMap, type ConfigMapObject, DaemonSet, Deployment, Node, type NodeObject, Secret, type SecretObject, Service, type ServiceObject, type WorkloadObject,
} from '../../../mesh/api/resources/core.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { MeshMounts } from '../../../mesh/cilium/presence.ts';
import { MESH_SERVER, REMOTE_USERS } from '../../../mesh/cilium/words.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesObject, KubernetesError, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { createCache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import { MESH_ROLES, meshSecretName } from '../identity/mesh-secrets.ts';
import { createCapacityWatch } from './capacity.ts';
import { readCilium } from './cilium.ts';
import { readForeignTrust } from './foreign-trust.ts';
import { meshMounts } from './mesh-mounts.ts';
import { remoteUsersMount } from './remote-users.ts';
import { composeReport } from './report.ts';
import { createServiceCidrs } from './service-cidrs.ts';

/** Workloads are read, not watched: all that is wanted of them is an image and a container's name. */
const WORKLOADS_SECONDS = 30;
/** Certificates that others made change when people change them. */
const CERTIFICATES_SECONDS = 300;
const KEY = 'report';

export interface ClusterWatch {
  readonly synced: boolean;
  /** undefined: not looked at since the start, or not to be read. */
  mounts(): MeshMounts | undefined;
  /** The peer address is known, or has changed. */
  refresh(): void;
  start(signal: CancelSignal): Promise<void>;
}

/** A node's list of images alone is most of it. */
function withoutUnread({ apiVersion, kind, metadata, spec, status }: NodeObject): NodeObject {
  const { conditions, addresses, nodeInfo, capacity, allocatable } = status ?? {};
  return {
    apiVersion, kind, metadata,
    ...(spec?.podCIDRs === undefined ? {} : { spec: { podCIDRs: spec.podCIDRs } }),
    status: {
      ...(conditions === undefined ? {} : { conditions }), ...(addresses === undefined ? {} : { addresses }), ...(nodeInfo === undefined ? {} : { nodeInfo }),
      ...(capacity === undefined ? {} : { capacity }), ...(allocatable === undefined ? {} : { allocatable }),
    },
  };
}

export function createClusterWatch(ports: AgentPorts, config: AgentConfig, publisher: Publisher, peerAddress: () => string, mountsChanged: () => void = () => {}): ClusterWatch {
  const namespace = config.ciliumNamespace;
  const named = (name: string): { namespace: string; fieldSelector: string } => ({ namespace, fieldSelector: `metadata.name=${name}` });
  const nodes = createCache<NodeObject>(ports.kubernetes, Node, { transform: withoutUnread }, ports);
  const ciliumConfig = createCache<ConfigMapObject>(ports.kubernetes, ConfigMap, named('cilium-config'), ports);
  const meshService = createCache<ServiceObject>(ports.kubernetes, Service, named(MESH_SERVER), ports);
  const caches = [nodes, ciliumConfig, meshService];
  const serviceCidrs = createServiceCidrs(ports);
  const capacity = createCapacityWatch(ports, config, nodes, () => loop.add(KEY));

  const refused = new Set<string>();
  let mounts: MeshMounts | undefined;
  function setMounts(workloads: readonly (WorkloadObject | undefined)[]): void {
    const before = JSON.stringify(mounts);
    mounts = refused.has('cilium') || refused.has(MESH_SERVER) ? undefined : meshMounts(workloads.filter((workload) => workload !== undefined));
    if (JSON.stringify(mounts) !== before) mountsChanged();
  }

  /** undefined also where this agent may not read it: other sources then say what they know. */
  async function read<T extends KubernetesObject>(kind: ResourceKind, name: string, signal: CancelSignal): Promise<T | undefined> {
    try {
      const found = await ports.kubernetes.get<T>(kind, { namespace, name }, signal);
      refused.delete(name);
      return found;
    } catch (error) {
      if (error instanceof KubernetesError && error.code === 403) { refused.add(name); return undefined; }
      throw error;
    }
  }

  let foreign: { readonly at: Instant; readonly told: ReturnType<typeof readForeignTrust> } | undefined;
  async function foreignTrust(signal: CancelSignal): Promise<ReturnType<typeof readForeignTrust>> {
    if (foreign !== undefined && ports.clock.now() < foreign.at + CERTIFICATES_SECONDS * 1000) return foreign.told;
    const secrets = await Promise.all(MESH_ROLES.map((role) => read<SecretObject>(Secret, meshSecretName(role), signal)));
    foreign = { at: ports.clock.now(), told: readForeignTrust(secrets.filter((secret) => secret !== undefined), ports.digest) };
    return foreign.told;
  }

  /** Asked for where the answer counts. */
  const hasRemoteUsers = async (meshServer: WorkloadObject | undefined, signal: CancelSignal): Promise<boolean> =>
    remoteUsersMount(meshServer, false) === 'RequiredAndMissing' && (await ports.kubernetes.list<ConfigMapObject>(ConfigMap, named(REMOTE_USERS), signal)).items.length > 0;

  const loop: Loop = createLoop({
    ...ports,
    name: 'observe',
    async reconcile(_key, signal) {
      if (!caches.every(({ synced }) => synced) || !capacity.settled) return {};
      const meshServer = await read<WorkloadObject>(Deployment, MESH_SERVER, signal);
      const agents = await read<WorkloadObject>(DaemonSet, 'cilium', signal);
      setMounts([meshServer, agents]);
      const cilium = readCilium({
        config: ciliumConfig.list()[0],
        agents,
        meshServer,
        meshService: meshService.list()[0],
        nodes: nodes.list(),
        hasRemoteUsers: await hasRemoteUsers(meshServer, signal),
        foreign: await foreignTrust(signal),
        serviceCidrs: await serviceCidrs(signal),
      }, namespace, config.properties, config.meshEndpoint);
      publisher.set('ClusterReport', config.cluster, composeReport({
        properties: config.properties, version: config.version ?? '', cilium, nodes: nodes.list(), peerAddress: peerAddress(), inventory: capacity.read(),
      }));
      return { requeueAt: ports.clock.now() + WORKLOADS_SECONDS * 1000 };
    },
  });

  return {
    get synced() { return caches.every(({ synced }) => synced); },
    mounts: () => mounts,
    refresh: () => loop.add(KEY),
    async start(signal) {
      for (const cache of [nodes, ciliumConfig, meshService]) cache.subscribe(() => loop.add(KEY));
      for (const cache of caches) void cache.waitForSync(signal).then(() => { if (!signal.aborted) loop.add(KEY); });
      await Promise.all([...caches.map((cache) => cache.start(signal)), capacity.start(signal), loop.start(signal)]);
    },
  };
}
