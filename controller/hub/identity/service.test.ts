import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAuthority, createCertificateRequest, spiffeBundle } from '../../../certs/index.ts';
import { Cluster, type ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { ConfigMap, type ConfigMapObject, Namespace, Secret } from '../../../mesh/api/resources/core.ts';
import { JoinToken, type JoinTokenObject } from '../../../mesh/api/resources/join-token.ts';
import { KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient } from '../../embedded/client.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { decodeJoinToken } from '../../runtime/join-token.ts';
import { createJoinToken } from '../../runtime/new-join-token.ts';
import { fakeMetrics, recordingLog, seededRandom, silentLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { memoryKubernetes } from '../../runtime/testing/memory-kubernetes.ts';
import { type AcceptClusters, createAcceptance } from './acceptance.ts';
import { secretKeyStore } from './key-store.ts';
import { type ClusterIdentity, createIdentityService } from './service.ts';
import { publishTrust } from './trust.ts';

const signal = new AbortController().signal;
const namespace = 'isthmus-system';
const csr = () => createCertificateRequest(p256Signer.generate());

async function hub(accept: AcceptClusters = 'Automatically') {
  const kubernetes = memoryKubernetes();
  const clock = manualClock();
  const log = recordingLog();
  const random = seededRandom(7);
  const authority = createAuthority({ clock, random, signer: p256Signer, keys: secretKeyStore({ kubernetes, namespace }), trustDomain: 'mesh.example', log });
  await authority.open(signal);
  const acceptance = createAcceptance({ ports: { clock, log, metrics: fakeMetrics() }, accept });
  const identities: [string, ClusterIdentity][] = [];
  const service = createIdentityService({ kubernetes, authority, clock, digest: sha256Hex, log, onIdentity: (cluster, identity) => { identities.push([cluster, identity]); }, admitJoin: async () => {}, acceptance, admissions: () => [] });
  const token = async (cluster: string) => {
    const { text, object } = createJoinToken({ cluster, hubAddress: 'hub:1', trustDomain: 'mesh.example', bundlePem: authority.trust().bundlePem }, { random, digest: sha256Hex, now: clock.now() });
    const content = decodeJoinToken(text);
    if ('problem' in content) throw new Error(content.problem);
    await kubernetes.create(JoinToken, object, { fieldManager: 'test' }, signal);
    return { cluster, secret: new Uint8Array(Buffer.from(content.secret, 'base64url')), name: object.metadata.name };
  };
  return { acceptance, kubernetes, clock, log, authority, identities, service, token };
}
const peer = (cluster: string) => ({ cluster, spiffeId: `spiffe://mesh.example/cluster/${cluster}`, certificateSerial: 'AA' });
const refusal = (promise: Promise<unknown>) => promise.then(() => 'accepted', (error: unknown) => error);

test('a token makes one cluster of that name, with an identity', async () => {
  const { service, token, identities, kubernetes, clock } = await hub();
  const joining = await token('berlin');
  const issued = await service.join({ ...joining, csrDer: csr() }, signal);
  expect(new X509Certificate(issued.chainPem).subjectAltName).toBe('URI:spiffe://mesh.example/cluster/berlin');
  expect((await kubernetes.get<ClusterObject>(Cluster, { name: 'berlin' }, signal))?.spec).toEqual({});
  expect(identities).toEqual([['berlin', {
    spiffeId: 'spiffe://mesh.example/cluster/berlin', certificateSerial: new X509Certificate(issued.chainPem).serialNumber, issuer: expect.stringMatching(/^Isthmus issuing CA /), trustDomain: 'mesh.example', issuingCaGeneration: 1, notAfter: issued.notAfter, joinedAt: clock.now(),
    keyFingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
  }]]);
  const stored = await kubernetes.get<JoinTokenObject>(JoinToken, { name: joining.name }, signal);
  expect(stored?.status).toMatchObject({ redeemedAt: '2030-01-01T00:00:00.000Z', certificateSerial: identities[0]?.[1].certificateSerial });
});

test('of 100 parallel redemptions exactly one succeeds', async () => {
  const { service, token, identities } = await hub();
  const joining = await token('berlin');
  const results = await Promise.all(Array.from({ length: 100 }, () => refusal(service.join({ ...joining, csrDer: csr() }, signal).then((issued) => issued.chainPem))));
  expect(results.filter((result) => typeof result === 'string')).toHaveLength(1);
  expect(results.filter((result) => (result as { reason?: string }).reason === 'TokenUsed')).toHaveLength(99);
  expect(identities).toHaveLength(1);
});

describe('a join is refused', () => {
  test('with a secret that the hub never gave out, or of another hub', async () => {
    const [here, there] = await Promise.all([hub(), hub()]);
    const foreign = { cluster: 'berlin', secret: new Uint8Array(32), csrDer: csr() };
    await there.token('berlin');
    expect(await refusal(here.service.join(foreign, signal))).toMatchObject({ reason: 'TokenInvalid', advice: 'user', message: expect.stringContaining('isthmus join berlin') as string });
  });
  test('with a token for another name', async () => {
    const { service, token, kubernetes } = await hub();
    const joining = await token('oslo');
    expect(await refusal(service.join({ ...joining, cluster: 'berlin', csrDer: csr() }, signal))).toMatchObject({ reason: 'TokenInvalid' });
    expect((await kubernetes.get<JoinTokenObject>(JoinToken, { name: joining.name }, signal))?.status).toBeUndefined();
    expect(await kubernetes.get(Cluster, { name: 'berlin' }, signal)).toBeUndefined();
  });
  test('with a name that no cluster can have', async () => {
    const { service } = await hub();
    expect(await refusal(service.join({ cluster: '../etc', secret: new Uint8Array(32), csrDer: csr() }, signal))).toMatchObject({ reason: 'InvalidRequest' });
  });
  test('after the token expired', async () => {
    const { service, token, clock } = await hub();
    const joining = await token('berlin');
    await clock.advance(600_000);
    expect(await refusal(service.join({ ...joining, csrDer: csr() }, signal))).toMatchObject({ reason: 'TokenExpired', message: expect.stringContaining('2030-01-01T00:10:00.000Z') as string });
  });
  test('with a broken request, which does not cost the token', async () => {
    const { service, token } = await hub();
    const joining = await token('berlin');
    expect(await refusal(service.join({ ...joining, csrDer: csr().subarray(1) }, signal))).toMatchObject({ reason: 'InvalidRequest', advice: 'never' });
    expect(await refusal(service.join({ ...joining, csrDer: csr() }, signal).then(() => 'joined'))).toBe('accepted');
  });
});

test('an answer that was lost is given again to the same key, not to another', async () => {
  const { service, token, kubernetes, clock, identities } = await hub();
  const joining = await token('berlin');
  const request = csr();
  kubernetes.intercept = (verb, kind) => { if (verb === 'create' && kind === 'Cluster') throw new KubernetesUnreachable('connection reset'); };
  expect(await refusal(service.join({ ...joining, csrDer: request }, signal))).toMatchObject({ reason: 'Overloaded', advice: 'retry' });
  kubernetes.intercept = () => {};
  const first = clock.now();
  await clock.advance(5000);
  expect(await refusal(service.join({ ...joining, csrDer: csr() }, signal))).toMatchObject({ reason: 'TokenUsed' });
  await service.join({ ...joining, csrDer: request }, signal);
  expect(identities.map(([cluster, identity]) => [cluster, identity.joinedAt])).toEqual([['berlin', first]]);
  await clock.advance(600_000);
  expect(await refusal(service.join({ ...joining, csrDer: request }, signal))).toMatchObject({ reason: 'TokenExpired' });
});

test('renewal takes the name from the caller alone, keeps the time of joining and ends with the Cluster', async () => {
  const { service, token, kubernetes, identities, clock } = await hub();
  await service.join({ ...await token('berlin'), csrDer: csr() }, signal);
  const joinedAt = '2029-12-31T00:00:00.000Z';
  const object = await kubernetes.get<ClusterObject>(Cluster, { name: 'berlin' }, signal);
  await kubernetes.update<ClusterObject>(Cluster, { ...object!, status: { identity: { spiffeId: '', certificateSerial: '', issuer: '', notAfter: joinedAt, joinedAt } } }, { fieldManager: 'test', subresource: 'status' }, signal);
  await clock.advance(12 * 3_600_000);
  const renewed = await service.renew(peer('berlin'), csr(), signal);
  expect(renewed.notAfter).toBe(clock.now() + 24 * 3_600_000);
  expect(identities.at(-1)).toMatchObject(['berlin', { joinedAt: Date.parse(joinedAt), notAfter: renewed.notAfter }]);
  await kubernetes.delete(Cluster, { name: 'berlin' }, {}, signal);
  expect(await refusal(service.renew(peer('berlin'), csr(), signal))).toMatchObject({ reason: 'PermissionDenied', advice: 'user' });
  expect(await refusal(service.issueMeshCertificates(peer('berlin'), [{ role: 'remote', csrDer: csr() }], signal))).toMatchObject({ reason: 'PermissionDenied' });
});

test('mesh certificates name the namespace that the cluster reported', async () => {
  const { service, token, kubernetes } = await hub();
  await service.join({ ...await token('berlin'), csrDer: csr() }, signal);
  const names = async () => new X509Certificate((await service.issueMeshCertificates(peer('berlin'), [{ role: 'server', csrDer: csr() }], signal))[0]!.chainPem).subjectAltName;
  expect(await names()).toContain('DNS:clustermesh-apiserver.kube-system.svc');
  const object = await kubernetes.get<ClusterObject>(Cluster, { name: 'berlin' }, signal);
  const cilium = { version: '1.18.12', clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, podCidrs: [], namespace: 'cilium', kvstoreMesh: true, authMode: 'cluster' as const };
  await kubernetes.update<ClusterObject>(Cluster, { ...object!, status: { cilium } }, { fieldManager: 'test', subresource: 'status' }, signal);
  expect(await names()).toContain('DNS:clustermesh-apiserver.cilium.svc');
});

test('a restarted hub and a second one find the same authority, in one Secret', async () => {
  const { kubernetes, authority } = await hub();
  const others = [1, 2, 3].map((seed) => createAuthority({ clock: manualClock(), random: seededRandom(seed), signer: p256Signer, keys: secretKeyStore({ kubernetes, namespace }), trustDomain: 'mesh.example', log: silentLog }));
  await Promise.all(others.map((other) => other.open(signal)));
  for (const other of others) expect(other.trust()).toEqual(authority.trust());
  expect(kubernetes.writes.filter((write) => write.endsWith('Secret/isthmus-authority'))).toHaveLength(1);
  await kubernetes.patch(Secret, { namespace, name: 'isthmus-authority' }, { data: {} }, { type: 'merge', fieldManager: 'test' }, signal);
  await expect(others[0]!.open(signal)).rejects.toThrow('has no data key "authority.json"');
});

test('trust is published once, goes back to ours when somebody changes it, and holds nothing secret', async () => {
  const { authority, log, clock } = await hub();
  const kubernetes = embeddedClient(createEmbeddedApi({ objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: [] }));
  await kubernetes.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { fieldManager: 'test' }, signal);
  const reference = { namespace, name: 'isthmus-trust' };
  const publish = async (): Promise<ConfigMapObject | undefined> => {
    await publishTrust(kubernetes, { namespace, trust: authority.trust(), hubAddress: 'hub.example:7443' }, signal);
    return kubernetes.get<ConfigMapObject>(ConfigMap, reference, signal);
  };
  const data = { 'bundle.pem': authority.trust().bundlePem, 'bundle.json': spiffeBundle(authority.trust()), trustDomain: 'mesh.example', sequence: '1', hubAddress: 'hub.example:7443' };
  const first = await publish();
  expect(first?.data).toEqual(data);
  expect((await publish())?.metadata.resourceVersion).toBe(first?.metadata.resourceVersion);
  await kubernetes.patch(ConfigMap, reference, { data: { 'bundle.pem': 'mine', note: 'kept' } }, { type: 'merge', fieldManager: 'person' }, signal);
  expect((await publish())?.data).toEqual({ ...data, note: 'kept' });
  expect(JSON.stringify(first) + JSON.stringify(log.lines)).not.toContain('PRIVATE');
});
