/** Asking peers' etcds: which sentence each answer gives, how often, and with what. */
import { expect, test } from 'vitest';
import { Deployment, Secret, type SecretObject, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import type { PeerCredentials } from '../../../mesh/cilium/own-tls.ts';
import type { PeerState } from '../../../mesh/model/desired.ts';
import { type EtcdConnection, type EtcdConnector, EtcdError, type EtcdTarget } from '../../../mesh/ports/etcd.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { fakeMetrics, seededRandom, silentLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { openPeer } from './opening.ts';
import { createOpenings } from './openings.ts';

const signal = new AbortController().signal;
const oslo: PeerState = { name: 'oslo', clusterId: 2, endpoint: { address: 'oslo.example', port: 2379 } };
const direct = { byOwnServer: false };
const common = { caPem: 'roots', certPem: 'leaf', keyPem: 'key' };

function etcdThat(answer: () => string | undefined): { readonly connector: EtcdConnector; readonly targets: EtcdTarget[]; open: number } {
  const seen = {
    targets: [] as EtcdTarget[], open: 0,
    connector: {
      async open(target: EtcdTarget) {
        seen.targets.push(target);
        const value = answer();
        seen.open += 1;
        const range: EtcdConnection['range'] = async ({ key }) => ({ entries: value === undefined ? [] : [{ key, value, modRevision: 1 }], count: value === undefined ? 0 : 1, revision: 1 });
        return { server: { notBefore: 0, notAfter: 0 }, range, mayWrite: async () => false, close() { seen.open -= 1; } };
      },
    },
  };
  return seen;
}

test.each<[string, () => string | undefined, string | undefined]>([
  ['its own id', () => '{"id":2,"capabilities":{}}', undefined],
  ['another id', () => '{"id":7}', 'its etcd says that oslo has id 7, and by the plan it is 2: its Helm value cluster.id decides ("isthmus mesh values oslo")'],
  ['no id', () => '{}', 'its etcd says that oslo has id undefined, and by the plan it is 2: its Helm value cluster.id decides ("isthmus mesh values oslo")'],
  ['what is no object', () => 'null', 'its cluster-config is no JSON object'],
  ['what is no JSON', () => '<html>', 'its cluster-config is no JSON object'],
  ['nothing of that name', () => undefined, 'https://oslo.example:2379 answers, but holds no cluster-config of oslo: it is of another cluster, or its clustermesh-apiserver has only just started'],
  ['a refusal of the user', () => { throw new EtcdError('PermissionDenied', 'etcdserver: permission denied'); }, 'its etcd does not let us in: it has no user remote-berlin yet'],
  ['nothing at all', () => { throw new EtcdError('Unreachable', 'https://oslo.example:2379: connect ECONNREFUSED'); }, 'https://oslo.example:2379: connect ECONNREFUSED'],
])('a peer that answers with %s', async (_, answer, expected) => {
  const etcd = etcdThat(answer);
  expect(await openPeer(etcd.connector, oslo, 'berlin', common, signal)).toBe(expected);
  expect(etcd.open).toBe(0);
});

test('a peer with credentials of its own is asked with them, and with the common roots where it brings none', async () => {
  const etcd = etcdThat(() => '{"id":2}');
  const own = { cert: 'own leaf', key: 'own key' };
  await openPeer(etcd.connector, { ...oslo, endpoint: { ips: ['192.0.2.7'], port: 32379 } }, 'berlin', common, signal, own);
  await openPeer(etcd.connector, oslo, 'berlin', { missing: 'nothing is there yet' }, signal, { ...own, caCert: 'own roots' });
  expect(await openPeer(etcd.connector, oslo, 'berlin', { missing: 'nothing is there yet' }, signal, own)).toBe('nothing is there yet');
  expect(await openPeer(etcd.connector, oslo, 'berlin', common, signal, { missing: 'its Secret is not there' })).toBe('its Secret is not there');
  expect(etcd.targets).toEqual([
    { endpoint: 'https://oslo.mesh.cilium.io:32379', addresses: ['192.0.2.7'], certPem: 'own leaf', keyPem: 'own key', caPem: 'roots' },
    { endpoint: 'https://oslo.example:2379', addresses: [], certPem: 'own leaf', keyPem: 'own key', caPem: 'own roots' },
  ]);
});

function scene(answer: () => string | undefined) {
  const clock = manualClock();
  const etcd = etcdThat(answer);
  const stored = { data: undefined as SecretObject['data'], own: undefined as PeerCredentials | undefined, reads: 0, server: (): WorkloadObject['status'] => undefined };
  const kubernetes = { async get(kind: typeof Secret) {
    if (kind === Deployment) return { status: stored.server() };
    stored.reads += 1;
    return kind === Secret && stored.data !== undefined ? { data: stored.data } : undefined;
  } } as unknown as KubernetesClient;
  const openings = createOpenings({ ports: { clock, random: seededRandom(1), metrics: fakeMetrics(), log: silentLog, kubernetes, etcd: etcd.connector, digest: sha256Hex }, config: { cluster: 'berlin', ciliumNamespace: 'kube-system' }, ownOf: () => stored.own });
  let told = 0;
  openings.subscribe(() => { told += 1; });
  const stop = new AbortController();
  void openings.start(stop.signal);
  const complete = (): void => { stored.data = Object.fromEntries(['tls.crt', 'tls.key', 'ca.crt'].map((key) => [key, Buffer.from(key).toString('base64')])); };
  return { clock, etcd, stored, openings, complete, stop, told: () => told };
}

test('nobody is asked without credentials, and all at once when they come', async () => {
  const { clock, etcd, openings, complete, stop } = scene(() => '{"id":2}');
  openings.want([oslo], direct);
  await clock.advance(100);
  expect(etcd.targets).toEqual([]);
  expect([...openings.problems()]).toEqual([['oslo', 'Secret kube-system/clustermesh-apiserver-remote-cert, with which it is to be read, is not complete yet']]);
  complete();
  openings.askNow();
  await clock.advance(10);
  expect([...openings.opened()]).toEqual(['oslo']);
  expect([...openings.problems()]).toEqual([]);
  stop.abort();
});

test('a peer is asked every second at first, then ever more seldom; what has changed is told, and not the same again', async () => {
  let answer = (): string | undefined => { throw new EtcdError('Unreachable', 'refused'); };
  const { clock, etcd, stored, openings, complete, stop, told } = scene(() => answer());
  complete();
  openings.want([oslo, { ...oslo, name: 'rome' }], direct);
  await clock.advance(59_500);
  expect(etcd.targets).toHaveLength(120);
  // One read for both of them.
  expect(stored.reads).toBe(60);
  await clock.advance(300_000);
  expect(etcd.targets.length).toBeGreaterThan(300);
  expect(etcd.targets.length).toBeLessThan(340);
  expect(told()).toBe(2);
  answer = () => '{"id":2}';
  await clock.advance(16_000);
  expect([...openings.opened()].sort()).toEqual(['oslo', 'rome']);
  // Written: nobody asks any more.
  openings.want([], direct);
  const asked = etcd.targets.length;
  await clock.advance(60_000);
  expect(etcd.targets).toHaveLength(asked);
  stop.abort();
});

test('with other credentials for it alone a peer is asked anew', async () => {
  const { clock, etcd, stored, openings, stop } = scene(() => '{"id":2}');
  for (const caCert of ['first', 'second', 'second']) {
    stored.own = { cert: 'leaf', key: 'key', caCert };
    openings.want([oslo], direct);
    await clock.advance(10);
    expect([...openings.opened()]).toEqual(['oslo']);
  }
  expect(etcd.targets.map(({ caPem }) => caPem)).toEqual(['first', 'second']);
  stop.abort();
});

test('what was seen half a minute ago is seen anew, and another address is another question', async () => {
  let answer = (): string | undefined => '{"id":2}';
  const { clock, etcd, openings, complete, stop } = scene(() => answer());
  complete();
  openings.want([oslo], direct);
  await clock.advance(10);
  expect([...openings.opened()]).toEqual(['oslo']);
  answer = () => { throw new EtcdError('Unreachable', 'refused'); };
  await clock.advance(31_000);
  expect([...openings.opened()]).toEqual([]);
  answer = () => '{"id":2}';
  openings.want([{ ...oslo, endpoint: { address: 'new.example', port: 2379 } }], direct);
  await clock.advance(10);
  expect(etcd.targets.at(-1)?.endpoint).toBe('https://new.example:2379');
  expect([...openings.opened()]).toEqual(['oslo']);
  stop.abort();
});

test('nobody is asked while agents of this cluster would find no server to read from, but where they read peers themselves', async () => {
  const { clock, etcd, stored, openings, complete, stop } = scene(() => '{"id":2}');
  complete();
  stored.server = () => ({ replicas: 1 });
  openings.want([oslo], { byOwnServer: true });
  await clock.advance(5000);
  expect(etcd.targets).toEqual([]);
  expect([...openings.problems()]).toEqual([['oslo', 'Deployment kube-system/clustermesh-apiserver, by which this cluster reads its peers, has no pod that is ready yet']]);
  expect(openings.everybody()).toBe(false);
  stored.server = () => ({ replicas: 2, availableReplicas: 1 });
  await clock.advance(1000);
  expect([...openings.opened()]).toEqual(['oslo']);
  expect(openings.everybody()).toBe(true);
  stored.server = () => ({ replicas: 1 });
  openings.want([{ ...oslo, name: 'rome' }], direct);
  await clock.advance(10);
  expect([...openings.opened()]).toEqual(['rome']);
  stop.abort();
});

test.each([['no Deployment says so', undefined], ['nobody may look', new KubernetesError(403, 'Forbidden', 'no')]] as const)('a server that is not ready is no reason where %s', async (_, error) => {
  const { clock, stored, openings, complete, stop } = scene(() => '{"id":2}');
  complete();
  stored.server = () => { if (error !== undefined) throw error; return undefined; };
  openings.want([oslo], { byOwnServer: true });
  await clock.advance(10);
  expect([...openings.opened()]).toEqual(['oslo']);
  stop.abort();
});
