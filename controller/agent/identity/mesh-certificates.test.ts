import { expect, test } from 'vitest';
import { createCertificateRequest, readCertificate } from '../../../certs/index.ts';
import { Cluster, type ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { seededRandom, silentLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { memoryKubernetes } from '../../runtime/testing/memory-kubernetes.ts';
import { createAgentIdentity } from './identity.ts';
import { createMeshCertificates } from './mesh-certificates.ts';
import { testHub } from './testing/hub.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;
const roles = ['server', 'admin', 'remote', 'local'];

async function cluster(ciliumNamespace = 'kube-system') {
  const clock = manualClock();
  const hub = await testHub(clock);
  const kubernetes = memoryKubernetes();
  const ports = { kubernetes, hub: hub.connector, signer: p256Signer, clock, random: seededRandom(3), log: silentLog };
  const identity = createAgentIdentity(ports, { cluster: 'berlin', namespace: 'isthmus-system', hubAddress: '', joinToken: await hub.token('berlin') });
  await identity.obtain(signal);
  const stop = new AbortController();
  const connection = () => hub.connection(identity.current);
  const mesh = createMeshCertificates({ ...ports, identity, connection }, { cluster: 'berlin', ciliumNamespace });
  const start = () => [mesh.start(stop.signal), identity.keepFresh(connection, stop.signal)];
  const secret = (role: string) => kubernetes.get<SecretObject>(Secret, { namespace: ciliumNamespace, name: `clustermesh-apiserver-${role}-cert` }, signal);
  const text = async (role: string, key: string) => Buffer.from((await secret(role))?.data?.[key] ?? '', 'base64').toString();
  const asked = () => hub.calls.filter((call) => call.startsWith('mesh'));
  return { clock, hub, kubernetes, identity, mesh, start, secret, text, asked, stop };
}

test('the four Secrets are written once, in the form that Cilium mounts', async () => {
  const { clock, identity, mesh, start, secret, text, asked, stop } = await cluster();
  const running = start();
  await clock.advance(3_600_000);
  expect(mesh.problems()).toEqual([]);
  expect(asked()).toEqual(['mesh server,admin,remote,local']);
  for (const role of roles) {
    expect(await secret(role)).toMatchObject({ type: 'kubernetes.io/tls', metadata: { labels: { 'app.kubernetes.io/managed-by': 'isthmus-agent' } } });
    expect(await text(role, 'ca.crt')).toBe(identity.current().bundlePem);
    const facts = readCertificate(await text(role, 'tls.crt'));
    expect(p256Signer.import(await text(role, 'tls.key')).publicKeyDer).toEqual(facts.publicKeyDer);
    expect(facts.uris).toEqual([]);
    expect(facts.commonName).toBe(role === 'server' ? 'clustermesh-apiserver.kube-system.svc' : `${role}-berlin`);
  }
  stop.abort();
  await Promise.all(running);
});

test('they are renewed at half-life, come back when deleted and follow new roots', { timeout: 300_000 }, async () => {
  const { clock, identity, kubernetes, start, text, asked, stop } = await cluster();
  const running = start();
  await clock.advance(3 * DAY);
  expect(asked()).toHaveLength(1);
  await clock.advance(DAY);
  expect(asked()).toHaveLength(2);
  await kubernetes.delete(Secret, { namespace: 'kube-system', name: 'clustermesh-apiserver-admin-cert' }, {}, signal);
  await clock.advance(61_000);
  expect(asked().at(-1)).toBe('mesh admin');
  const roots = identity.current().bundlePem + identity.current().bundlePem;
  await identity.adoptTrust(roots, signal);
  await clock.advance(10);
  expect(await text('remote', 'ca.crt')).toBe(roots);
  expect(asked().at(-1)).toBe('mesh server,admin,remote,local');
  stop.abort();
  await Promise.all(running);
});

test('a Secret that others made stays as it is and is reported; the rest is issued', async () => {
  const { clock, kubernetes, mesh, start, secret, stop } = await cluster();
  const theirs: SecretObject = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { namespace: 'kube-system', name: 'clustermesh-apiserver-remote-cert' }, data: { 'tls.crt': 'eA==', 'tls.key': 'eA==' } };
  await kubernetes.create(Secret, theirs, { fieldManager: 'helm' }, signal);
  const running = start();
  await clock.advance(DAY);
  expect((await secret('remote'))?.data).toEqual(theirs.data);
  expect(mesh.problems()).toEqual([expect.stringMatching(/^Secret kube-system\/clustermesh-apiserver-remote-cert: was made by someone else.*delete it/)]);
  expect(await secret('local')).toBeDefined();
  stop.abort();
  await Promise.all(running);
});

test('a sound one that others made is no problem, until it is another user\'s', async () => {
  const { clock, hub, kubernetes, identity, mesh, start, secret, stop } = await cluster();
  const key = p256Signer.generate();
  const [issued] = await hub.connection(identity.current).issueMeshCertificates([{ role: 'remote', csrDer: createCertificateRequest(key) }], signal);
  const data = Object.fromEntries(Object.entries({ 'tls.crt': issued?.chainPem ?? '', 'tls.key': key.exportPem(), 'ca.crt': identity.current().bundlePem }).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
  await kubernetes.create(Secret, { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { namespace: 'kube-system', name: 'clustermesh-apiserver-remote-cert' }, data } as SecretObject, { fieldManager: 'helm' }, signal);
  const running = start();
  await clock.advance(1000);
  expect(mesh.problems()).toEqual([]);
  expect((await secret('remote'))?.data).toEqual(data);
  expect(mesh.inPlace()).toBeUndefined();
  const ofAnother = await secret('local');
  await kubernetes.patch(Secret, { namespace: 'kube-system', name: 'clustermesh-apiserver-remote-cert' }, { data: { 'tls.crt': ofAnother?.data?.['tls.crt'] } }, { type: 'merge', fieldManager: 'helm' }, signal);
  await clock.advance(61_000);
  expect(mesh.problems()).toEqual([expect.stringMatching(/remote-cert: was made by someone else/)]);
  stop.abort();
  await Promise.all(running);
});

test('a field that a person took is not forced back', async () => {
  const { clock, kubernetes, mesh, start, stop } = await cluster();
  kubernetes.intercept = (verb, kind, name) => {
    if (verb === 'patch' && name === 'clustermesh-apiserver-local-cert') throw new KubernetesError(409, 'Conflict', `${kind} conflict`, [{ field: '.data.tls.crt', message: 'conflict with "kubectl-edit" using v1' }]);
  };
  const running = start();
  await clock.advance(1000);
  expect(mesh.problems()).toEqual([expect.stringMatching(/local-cert: \.data\.tls\.crt is in conflict with "kubectl-edit"/)]);
  stop.abort();
  await Promise.all(running);
});

test('without the hub it waits, then goes on', async () => {
  const { clock, hub, mesh, start, secret, stop } = await cluster();
  hub.lose = { request: true };
  const running = start();
  await clock.advance(300_000);
  expect(mesh.problems()).toEqual(['connection reset']);
  expect(await secret('server')).toBeUndefined();
  hub.lose = {};
  await clock.advance(100_000);
  expect(mesh.problems()).toEqual([]);
  expect(await secret('server')).toBeDefined();
  stop.abort();
  await Promise.all(running);
});

test('a server certificate for another namespace than Cilium\'s is not written', async () => {
  const { clock, hub, mesh, start, secret, stop } = await cluster('cilium');
  const running = start();
  await clock.advance(10_000);
  expect(mesh.problems()).toEqual([expect.stringContaining('does not name this cluster and Cilium\'s namespace "cilium"')]);
  expect(await secret('server')).toBeUndefined();
  const object = await hub.kubernetes.get<ClusterObject>(Cluster, { name: 'berlin' }, signal);
  const cilium = { version: '1.18.12', clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, podCidrs: [], namespace: 'cilium', kvstoreMesh: true, authMode: 'cluster' as const };
  await hub.kubernetes.update<ClusterObject>(Cluster, { ...object!, status: { cilium } }, { fieldManager: 'test', subresource: 'status' }, signal);
  await clock.advance(60_000);
  expect(mesh.problems()).toEqual([]);
  stop.abort();
  await Promise.all(running);
});
