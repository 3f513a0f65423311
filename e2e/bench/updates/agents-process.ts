/** Many whole agents in one process, each over an embedded API of its own in memory; the way to the hub is real: TLS, gRPC, one stream each. */
import { systemClock } from '../../../controller/adapters/clock.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { grpcHubConnector } from '../../../controller/adapters/grpc/hub-connector.ts';
import { grpcPeerConnector } from '../../../controller/adapters/grpc/peer-connector.ts';
import { grpcPeerServer } from '../../../controller/adapters/grpc/peer-server.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { p256Signer } from '../../../controller/adapters/signer.ts';
import { createAgent } from '../../../controller/agent/wiring.ts';
import { createEmbeddedApi } from '../../../controller/embedded/api.ts';
import { embeddedClient, inProcess } from '../../../controller/embedded/client.ts';
import { embeddedDiscovery } from '../../../controller/embedded/discovery.ts';
import { memoryObjectStore } from '../../../controller/embedded/store.ts';
import { fakeMetrics, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { ConfigMap, type ConfigMapObject, Namespace } from '../../../mesh/api/resources/core.ts';
import { MEMBER_RESOURCES } from '../../../mesh/api/resources/index.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { EtcdError } from '../../../mesh/ports/etcd.ts';
import { type PeerConnector, TransportError } from '../../../mesh/ports/transport.ts';
import { answerQuestions } from '../kube/child.ts';

const stop = new AbortController();
const clients = new Map<string, KubernetesClient>();
const NAMESPACES = ['kube-system', 'isthmus-system', 'shop'];
const object = (fields: object): KubernetesObject => fields as KubernetesObject;
const asked = { answered: 0, unanswered: 0 };

/** As they are, and counted. */
function counted(connector: PeerConnector): PeerConnector {
  return {
    async facts(...given) {
      try {
        const facts = await connector.facts(...given);
        asked.answered += 1;
        return facts;
      } catch (error) {
        asked.unanswered += 1;
        throw error;
      }
    },
  };
}
/** Agents that ask nobody: for what it costs that a hundred of them in one process ask each other. */
const nobody: PeerConnector = { facts: async () => { throw new TransportError('retry', 'Unreachable', 'nobody is asked'); } };

async function startAgent(cluster: string, joinToken: string, index: number, peers: PeerConnector): Promise<void> {
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock: systemClock, random: systemRandom, definitions: MEMBER_RESOURCES, serviceCidrs: ['10.96.0.0/16'] });
  const kubernetes = embeddedClient(api, inProcess('isthmus-agent'));
  for (const name of NAMESPACES) if (await kubernetes.get(Namespace, { name }, stop.signal) === undefined) await kubernetes.create(Namespace, object({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }), { fieldManager: 'bench' }, stop.signal);
  clients.set(cluster, kubernetes);
  let snapshot: string | undefined;
  const agent = createAgent({
    clock: systemClock, random: systemRandom, kubernetes, discovery: embeddedDiscovery(api), hub: grpcHubConnector(), peers, peerServer: grpcPeerServer({ listen: '127.0.0.1:0', log: silentLog }),
    etcd: { open: async () => { throw new EtcdError('Unreachable', 'there are no mesh etcds here'); } },
    dns: { serve: async () => ({ address: '127.0.0.1:53' }) }, snapshots: { load: async () => snapshot, save: async (content) => { snapshot = content; } },
    signer: p256Signer, log: silentLog, metrics: fakeMetrics(), digest: sha256Hex,
  }, {
    cluster, namespace: 'isthmus-system', hubAddress: '', joinToken, ciliumNamespace: 'kube-system', properties: { number: String(index) }, advertisedPeerAddress: '', peerProbeIntervalSeconds: 60, peerProbeFailures: 3,
    meshEndpoint: { address: `${cluster}.mesh.cilium.io`, port: 2379 }, version: '0.1.0',
  });
  void agent.start(stop.signal).catch((error: unknown) => { process.stderr.write(`agent ${cluster}: ${String(error)}\n`); });
}

answerQuestions({
  async start({ tokens, askEachOther }) {
    let index = 0;
    for (const [cluster, token] of Object.entries(tokens as Record<string, string>)) await startAgent(cluster, token, index++, askEachOther === true ? counted(grpcPeerConnector()) : nobody);
    return clients.size;
  },
  /** Baseline: one server-side apply of the same object in every cluster, with nothing around it. */
  async writeAll({ name, data }) {
    const begin = performance.now();
    await Promise.all([...clients.values()].map((client) =>
      client.patch<ConfigMapObject>(ConfigMap, { namespace: 'shop', name: String(name) }, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'shop', name: String(name) }, data: data as Record<string, string> }, { type: 'apply', fieldManager: 'bench', force: true }, stop.signal)));
    return performance.now() - begin;
  },
  /** Since the start, of all agents. */
  usage() {
    const { user, system } = process.cpuUsage();
    return { processorMilliseconds: (user + system) / 1000, ...asked };
  },
  /** In how many clusters the object says so. */
  async have({ name, value }) {
    let count = 0;
    for (const client of clients.values()) if ((await client.get<ConfigMapObject>(ConfigMap, { namespace: 'shop', name: String(name) }, stop.signal))?.data?.['value'] === value) count += 1;
    return count;
  },
});
