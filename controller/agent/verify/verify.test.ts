import { expect, test } from 'vitest';
import { Deployment, Secret, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { MEMBER_RESOURCES } from '../../../mesh/api/resources/index.ts';
import { renderPeering } from '../../../mesh/cilium/peering.ts';
import type { PeeringState } from '../../../mesh/model/desired.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { PeerVerdict } from '../../../mesh/model/peer-verdict.ts';
import { type EtcdConnector, EtcdError, type EtcdProblem, type EtcdTarget } from '../../../mesh/ports/etcd.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient } from '../../embedded/client.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { createPublisher } from '../../runtime/sync/publisher.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import { createState } from '../state/state.ts';
import { revision } from '../testing/world.ts';
import { createVerify } from './verify.ts';

const never = new AbortController().signal;
const namespace = 'kube-system';
const own = 'https://clustermesh-apiserver.kube-system.svc:2379';
const peering = (peers: readonly string[], more: Partial<PeeringState> = {}): PeeringState => ({
  clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, ciliumVersion: '1.19.6', namespace, kvstoreMesh: true, authMode: 'cluster',
  peers: peers.map((name, index) => ({ name, clusterId: index + 2, endpoint: { address: `${name}.example`, port: 2379 } })), ...more,
});

async function scene() {
  const clock = manualClock(Date.UTC(2026, 10, 22));
  const kubernetes = embeddedClient(createEmbeddedApi({ objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: MEMBER_RESOURCES, namespaces: [namespace], serviceCidrs: ['10.110.0.0/16'] }));
  const state = createState('berlin', sha256Hex);
  const publisher = createPublisher(sha256Hex);
  const metrics = fakeMetrics();
  /** Endpoint → what is in its etcd, or why it does not open. */
  const etcds = new Map<string, Map<string, string> | EtcdProblem | 'hangs'>();
  const opened: EtcdTarget[] = [];
  let open = 0;
  let writes = 0;
  let mostOpen = 0;
  const etcd: EtcdConnector = {
    async open(target, signal) {
      opened.push(target);
      const content = etcds.get(target.endpoint) ?? 'NameUnresolved';
      open += 1;
      mostOpen = Math.max(mostOpen, open);
      if (content === 'hangs') {
        await clock.sleepUntil(clock.now() + 5000, signal);
        open -= 1;
        throw new EtcdError('Timeout', `${target.endpoint} gives no answer in 5 s`);
      }
      if (typeof content === 'string') {
        open -= 1;
        throw new EtcdError(content, `${target.endpoint}: ${content}`);
      }
      const readable = target.endpoint === own ? ['cilium/cache/', 'cilium/cluster-config/', 'cilium/synced/'] : ['cilium/state/', 'cilium/cluster-config/oslo', 'cilium/cluster-config/rome', 'cilium/synced/oslo/', 'cilium/synced/rome/'];
      return {
        server: { notBefore: clock.now() - 1000, notAfter: clock.now() + 86_400_000 },
        async range({ key, rangeEnd }) {
          if (key !== 'cilium/.heartbeat' && !readable.some((place) => key.startsWith(place))) throw new EtcdError('PermissionDenied', 'permission denied');
          const entries = [...content].filter(([name]) => (rangeEnd === undefined ? name === key : name.startsWith(key))).map(([name, value]) => ({ key: name, value, modRevision: 1 }));
          return { entries, count: entries.length, revision: 1 };
        },
        mayWrite: async () => { writes += 1; return false; },
        close() { open -= 1; },
      };
    },
  };
  let deployed: WorkloadObject | undefined;
  /** The embedded API serves no Deployments. */
  const withDeployment = { ...kubernetes, get: ((kind, ...rest) => (kind === Deployment && deployed !== undefined ? Promise.resolve(deployed) : kubernetes.get(kind, ...rest))) as KubernetesClient['get'] };
  const ports = { clock, random: seededRandom(1), log: recordingLog(), metrics, kubernetes: withDeployment, etcd } as unknown as AgentPorts;
  const verify = createVerify({ ports, config: { cluster: 'berlin', ciliumNamespace: namespace } as AgentConfig, state, publisher });
  const secret = async (name: string, data: Readonly<Record<string, string>>): Promise<void> => {
    const body = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: { namespace, name }, data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])) };
    await kubernetes.patch(Secret, { namespace, name }, body, { type: 'apply', fieldManager: 'test', force: true }, never);
  };
  const beat = (): string => toRfc3339(clock.now());
  const config = (id: number, more = {}): string => JSON.stringify({ id, capabilities: { maxConnectedClusters: 255, ...more } });
  const stop = new AbortController();
  return {
    deploy: (volumes: NonNullable<NonNullable<NonNullable<WorkloadObject['spec']>['template']>['spec']>['volumes']): void => {
      deployed = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name: 'clustermesh-apiserver' }, spec: { template: { spec: { ...(volumes === undefined ? {} : { volumes }) } } } };
    },
    clock, state, publisher, metrics, etcds, opened, kubernetes, secret, stop, run: () => verify.start(stop.signal), mostOpen: () => mostOpen, writes: () => writes,
    async standing(state_: PeeringState): Promise<void> {
      for (const { kind, name, data } of renderPeering(state_)) if (kind === 'Secret') await secret(name, data);
    },
    desire: (state_: PeeringState) => state.receive('DesiredRevision', [{ name: 'berlin', version: String(clock.now()), value: revision({ peering: state_ }) }], []),
    async certificates(): Promise<void> {
      for (const role of ['remote', 'local']) await secret(`clustermesh-apiserver-${role}-cert`, { 'tls.crt': `${role} leaf`, 'tls.key': `${role} key`, 'ca.crt': `${role} roots` });
    },
    /** A peer that is well. */
    peer: (name: string, id: number) => new Map([['cilium/.heartbeat', beat()], [`cilium/cluster-config/${name}`, config(id)], ...['nodes', 'services', 'identities', 'ip'].map((kind): [string, string] => [`cilium/synced/${name}/cilium/state/${kind}/v1`, beat()]), [`cilium/state/nodes/v1/${name}/n1`, '{}']]),
    mirror: (...names: readonly (readonly [string, number])[]) => new Map(names.flatMap(([name, id]): [string, string][] => [[`cilium/cluster-config/${name}`, config(id, { cached: true })], [`cilium/synced/${name}/cilium/cache/nodes/v1`, beat()], [`cilium/cache/nodes/v1/${name}/n1`, '{}']])),
    told: (name: string) => publisher.get('PeerVerdict', name)?.value as PeerVerdict | undefined,
    codes: (name: string): string | undefined => {
      const value = publisher.get('PeerVerdict', name)?.value as PeerVerdict | undefined;
      return value === undefined ? undefined : [value.colour, ...value.reasons.map(({ code }) => code)].join(' ');
    },
  };
}

test('each peer of the Secrets is opened with the files that its entry names, and the own copy with those of agents', async () => {
  const { clock, etcds, opened, standing, certificates, peer, mirror, codes, told, metrics, run, stop } = await scene();
  await certificates();
  await standing(peering(['oslo', 'rome']));
  etcds.set('https://oslo.example:2379', peer('oslo', 2)).set('https://rome.example:2379', 'PermissionDenied').set(own, mirror(['oslo', 2]));
  const running = run();
  await clock.advance(2000);
  expect([codes('oslo'), codes('rome')]).toEqual(['green', 'red NoUser MirrorMissing']);
  expect(new Map(opened.map(({ endpoint, certPem, caPem }) => [endpoint, `${certPem}, ${caPem}`]))).toEqual(new Map([['https://oslo.example:2379', 'remote leaf, remote roots'], [own, 'local leaf, local roots'], ['https://rome.example:2379', 'remote leaf, remote roots']]));
  expect(told('oslo')).toMatchObject({ cluster: 'berlin', peer: 'oslo', figures: { nodes: 1, mirroredNodes: 1, heartbeatAgeSeconds: 0, serverCertificateSeconds: 86_400 } });
  expect([metrics.value('isthmus_agent_mesh_peer_state', { peer: 'oslo' }), metrics.value('isthmus_agent_mesh_peer_state', { peer: 'rome' })]).toEqual([0, 2]);
  stop.abort();
  await running;
});

test('a changed entry is looked at at once, and is not well before the copy was complete since', async () => {
  const { clock, etcds, opened, standing, certificates, peer, mirror, codes, run, stop } = await scene();
  await certificates();
  await standing(peering(['oslo']));
  etcds.set('https://oslo.example:2379', peer('oslo', 2)).set(own, mirror(['oslo', 2]));
  const running = run();
  await clock.advance(10_000);
  expect(codes('oslo')).toBe('green');
  etcds.set('https://oslo.example:4000', peer('oslo', 2));
  const before = opened.length;
  await standing(peering(['oslo'], { peers: [{ name: 'oslo', clusterId: 2, endpoint: { address: 'oslo.example', port: 4000 } }] }));
  await clock.advance(2000);
  expect(opened.slice(before).map(({ endpoint }) => endpoint)).toEqual(['https://oslo.example:4000', own]);
  expect(codes('oslo')).toBe('yellow MirrorPending');
  etcds.set(own, mirror(['oslo', 2]));
  await clock.advance(20_000);
  expect(codes('oslo')).toBe('green');
  stop.abort();
  await running;
});

test('a question is answered by a look of its own; a verdict that stays is told again only now and then; a peer that goes is forgotten', async () => {
  const { clock, state, etcds, opened, standing, certificates, peer, mirror, told, publisher, run, stop } = await scene();
  await certificates();
  await standing(peering(['oslo']));
  etcds.set('https://oslo.example:2379', peer('oslo', 2)).set(own, mirror(['oslo', 2]));
  const running = run();
  await clock.advance(2000);
  let changes = 0;
  const unsubscribe = publisher.subscribe((type) => { if (type === 'PeerVerdict') changes += 1; });
  for (let minute = 0; minute < 8; minute += 1) {
    etcds.set('https://oslo.example:2379', peer('oslo', 2));
    await clock.advance(60_000);
  }
  expect([opened.length > 10, changes]).toEqual([true, 0]);
  etcds.set('https://oslo.example:2379', peer('oslo', 2));
  state.receive('Question', [{ name: 'q1', version: '1', value: { id: 'q1', dnsName: '', dnsType: '', verify: '*' } }], []);
  await clock.advance(100);
  expect(told('oslo')).toMatchObject({ question: 'q1', at: clock.now() - 100, colour: 'green' });
  state.receive('Question', [{ name: 'q2', version: '1', value: { id: 'q2', dnsName: '', dnsType: '', verify: 'rome' } }], ['q1']);
  await clock.advance(100);
  expect(told('oslo')?.question).toBe('q1');
  await standing(peering([]));
  await clock.advance(2000);
  expect([told('oslo'), publisher.names('PeerVerdict')]).toEqual([undefined, []]);
  unsubscribe();
  stop.abort();
  await running;
});

test('what is desired and not written, waits, was changed by others, or has files that are nowhere', async () => {
  const { clock, publisher, etcds, secret, standing, certificates, desire, peer, codes, told, run, stop } = await scene();
  const running = run();
  desire(peering(['oslo', 'rome']));
  await clock.advance(2000);
  expect([codes('oslo'), codes('rome')]).toEqual(['yellow NotWritten', 'yellow NotWritten']);
  publisher.set('AppliedReport', 'berlin', { id: null, appliedAt: null, healthy: true, message: '', drift: [], peering: { reads: [], waiting: [{ peer: 'oslo', reason: 'it has no user' }] } });
  await clock.advance(20_000);
  expect(told('oslo')?.reasons).toEqual([{ code: 'Waiting', text: 'it has no user' }]);
  await standing(peering(['oslo', 'rome']));
  await clock.advance(2000);
  expect(told('oslo')?.reasons[0]).toEqual({ code: 'CredentialsMissing', text: 'in no Secret: common-etcd-client-ca.crt, common-etcd-client.crt, common-etcd-client.key' });
  await certificates();
  etcds.set('https://oslo.example:2379', peer('oslo', 9)).set('https://rome.example:2379', peer('rome', 1));
  publisher.set('AppliedReport', 'berlin', { id: null, appliedAt: null, healthy: true, message: '', drift: [{ object: 'Secret kube-system/cilium-kvstoremesh', path: '.data.oslo', expected: '', actual: '', manager: 'kubectl', firstSeen: 0 }] });
  await clock.advance(20_000);
  expect([codes('oslo'), codes('rome')]).toEqual(['red IdMismatch MirrorUnreachable Drifted', 'red IdMismatch DuplicateId MirrorUnreachable']);
  await secret('cilium-clustermesh', { rome: 'not: yaml: at: all\nendpoints:' });
  await clock.advance(2000);
  expect([codes('oslo')?.includes('AgentsEntryMissing'), codes('rome')]).toEqual([true, 'red EntryInvalid']);
  stop.abort();
  await running;
});

test('two peers with one id are told of at once, both of them, and no longer when one has another', async () => {
  const { clock, etcds, standing, certificates, peer, mirror, codes, told, run, stop } = await scene();
  await certificates();
  await standing(peering(['oslo', 'rome']));
  etcds.set('https://oslo.example:2379', peer('oslo', 2)).set('https://rome.example:2379', peer('rome', 2)).set(own, mirror(['oslo', 2], ['rome', 2]));
  const running = run();
  await clock.advance(2000);
  expect([codes('oslo'), codes('rome')]).toEqual(['red DuplicateId', 'red DuplicateId']);
  expect([told('oslo')?.reasons[0]?.text, told('rome')?.reasons[0]?.text]).toEqual(['id 2 is rome\'s as well', 'id 2 is oslo\'s as well']);
  etcds.set('https://rome.example:2379', peer('rome', 3));
  await clock.advance(20_000);
  expect([codes('oslo'), codes('rome')]).toEqual(['green', 'green']);
  stop.abort();
  await running;
});

test('addresses of a name come from the entry, the pods\' hosts file, or the plan; without KVStoreMesh only the peer is opened', async () => {
  const { clock, opened, standing, certificates, kubernetes, desire, run, stop } = await scene();
  await certificates();
  const direct = peering([], { kvstoreMesh: false, ciliumVersion: '1.20.0', peers: [{ name: 'oslo', clusterId: 2, endpoint: { ips: ['192.0.2.1'], port: 2379 } }] });
  await standing(direct);
  const running = run();
  await clock.advance(2000);
  expect(opened.map(({ endpoint, addresses }) => [endpoint, addresses])).toEqual([['https://oslo.mesh.cilium.io:2379', ['192.0.2.1']]]);
  opened.length = 0;
  const old = { ...direct, ciliumVersion: '1.19.6' };
  await standing(old);
  await clock.advance(2000);
  expect(opened[0]?.addresses).toBeUndefined();
  desire(old);
  await clock.advance(20_000);
  expect(opened.at(-1)?.addresses).toEqual(['192.0.2.1']);
  expect(await kubernetes.get(Deployment, { namespace, name: 'clustermesh-apiserver' }, never).catch(() => undefined)).toBeUndefined();
  stop.abort();
  await running;
});

test('roots that Cilium\'s pods have from an object of others are told, and no longer when they have them from the Secret', async () => {
  const { clock, etcds, standing, certificates, deploy, peer, mirror, codes, told, run, stop } = await scene();
  await certificates();
  await standing(peering(['oslo']));
  const items = [{ key: 'ca.crt', path: 'common-etcd-client-ca.crt' }];
  const entries = { secret: { name: 'cilium-kvstoremesh', optional: true } };
  deploy([{ projected: { sources: [entries, { configMap: { name: 'cilium-root-ca.crt', optional: true, items } }] } }]);
  etcds.set('https://oslo.example:2379', peer('oslo', 2)).set(own, new Map());
  const running = run();
  await clock.advance(2000);
  expect(codes('oslo')).toBe('red MirrorMissing RootsElsewhere');
  expect(told('oslo')?.reasons.at(-1)?.text).toBe('the pods have them from ConfigMap cilium-root-ca.crt');
  deploy([{ projected: { sources: [entries, { secret: { name: 'clustermesh-apiserver-remote-cert', optional: true, items } }] } }]);
  etcds.set(own, mirror(['oslo', 2]));
  await clock.advance(20_000);
  expect(codes('oslo')).toBe('green');
  stop.abort();
  await running;
});

test('five hundred peers that hang hold no more connections than allowed, and the living are looked at all the same', async () => {
  const { clock, etcds, standing, certificates, peer, codes, mostOpen, run, stop } = await scene();
  await certificates();
  const names = Array.from({ length: 510 }, (_, index) => `p${String(index).padStart(3, '0')}`);
  await standing(peering([...names, 'rome'], { kvstoreMesh: false }));
  for (const name of names) etcds.set(`https://${name}.example:2379`, 'hangs');
  etcds.set('https://rome.example:2379', peer('rome', 512));
  const running = run();
  await clock.advance(110_000);
  expect([codes('rome')?.startsWith('red ConfigInvalid'), codes('p509'), mostOpen()]).toEqual([true, 'red Timeout', 32]);
  stop.abort();
  await running;
});

test('whether a write would be let in is asked of a new entry and then once an hour, for the other etcd pays for it', async () => {
  const { clock, etcds, standing, certificates, peer, mirror, opened, writes, run, stop } = await scene();
  await certificates();
  await standing(peering(['oslo']));
  etcds.set('https://oslo.example:2379', peer('oslo', 2)).set(own, mirror(['oslo', 2]));
  const running = run();
  await clock.advance(3_500_000);
  expect([writes(), opened.length > 50]).toEqual([1, true]);
  await clock.advance(300_000);
  expect(writes()).toBe(2);
  await standing(peering(['oslo'], { kvstoreMesh: false }));
  await clock.advance(2000);
  expect(writes()).toBe(3);
  stop.abort();
  await running;
});
