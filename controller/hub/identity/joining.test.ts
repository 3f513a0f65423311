/** Joins that wait for people, and joins by service accounts. */
import { describe, expect, test } from 'vitest';
import { agentClaims, type TestIssuer, testIssuer } from '../../../certs/service-account/testing/issuer.ts';
import { createAuthority, createCertificateRequest, keyFingerprint, readCertificate } from '../../../certs/index.ts';
import { Cluster, type ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { ClusterAdmission, type ClusterAdmissionObject } from '../../../mesh/api/resources/cluster-admission.ts';
import { apiVersionOf } from '../../../mesh/api/resources/define.ts';
import { HUB_RESOURCES } from '../../../mesh/api/resources/index.ts';
import { JoinToken, type JoinTokenObject } from '../../../mesh/api/resources/join-token.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { SigningKey } from '../../../mesh/ports/signer.ts';
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
import { createIdentityService } from './service.ts';

const signal = new AbortController().signal;
const issuer = testIssuer('one');
const otherIssuer = testIssuer('one');

async function hub(accept: AcceptClusters = 'Manually') {
  const kubernetes = memoryKubernetes();
  const clock = manualClock();
  const log = recordingLog();
  const random = seededRandom(7);
  const authority = createAuthority({ clock, random, signer: p256Signer, keys: secretKeyStore({ kubernetes, namespace: 'isthmus-system' }), trustDomain: 'mesh.example', log });
  await authority.open(signal);
  const admissions: ClusterAdmissionObject[] = [];
  const names: string[] = [];
  const restart = (how: AcceptClusters = accept) => {
    const acceptance = createAcceptance({ ports: { clock, log, metrics: fakeMetrics() }, accept: how });
    const service = createIdentityService({
      kubernetes, authority, clock, digest: sha256Hex, log, acceptance, admissions: () => admissions,
      onIdentity: () => {}, admitJoin: async (_, madeAt) => { if (revokedAt !== undefined && (madeAt === undefined || madeAt <= revokedAt)) throw new Error('older than the revocation'); },
    });
    // As the inventory does.
    acceptance.subscribe((name) => { void show(name, acceptance); });
    return { acceptance, service };
  };
  let revokedAt: number | undefined;
  let running = restart();
  async function show(name: string, acceptance: ReturnType<typeof createAcceptance>): Promise<void> {
    const object = await kubernetes.get<ClusterObject>(Cluster, { name }, signal);
    if (object === undefined) return;
    const pending = acceptance.of(object, object.status);
    await kubernetes.update<ClusterObject>(Cluster, { ...object, status: pending === undefined ? {} : { pending } }, { fieldManager: 'test', subresource: 'status' }, signal);
  }
  return {
    kubernetes, clock, log, admissions,
    restart: (how?: AcceptClusters) => { running = restart(how); },
    revoke: (at: number) => { revokedAt = at; },
    async token(cluster: string): Promise<Uint8Array> {
      const { text, object } = createJoinToken({ cluster, hubAddress: 'hub:1', trustDomain: 'mesh.example', bundlePem: 'x' }, { random, digest: sha256Hex, now: clock.now() });
      const content = decodeJoinToken(text);
      if ('problem' in content) throw new Error(content.problem);
      await kubernetes.create(JoinToken, object, { fieldManager: 'test' }, signal);
      names.push(object.metadata.name);
      return new Uint8Array(Buffer.from(content.secret, 'base64url'));
    },
    async admit(name: string, by: TestIssuer, more: object = {}): Promise<void> {
      const spec = { issuer: 'https://berlin.example', jwks: { keys: [by.key] }, ...more } as ClusterAdmissionObject['spec'];
      admissions.push(await kubernetes.create<ClusterAdmissionObject>(ClusterAdmission, { apiVersion: apiVersionOf(ClusterAdmission), kind: 'ClusterAdmission', metadata: { name, creationTimestamp: toRfc3339(clock.now()) }, spec }, { fieldManager: 'test' }, signal));
    },
    /** Resolves with the certificate, or with the refusal. */
    join: (cluster: string, proof: Uint8Array | string, key: SigningKey): Promise<{ readonly reason?: string; readonly advice?: string; readonly message?: string; readonly chainPem?: string }> => running.service.join({
      cluster, csrDer: createCertificateRequest(key), ...(typeof proof === 'string' ? { secret: new Uint8Array(), serviceAccountToken: proof } : { secret: proof }),
    }, signal).catch((error: unknown) => error as Error),
    decide: (name: string, decision: 'Accepted' | 'Rejected', keySha256: string) => kubernetes.patch<ClusterObject>(Cluster, { name }, { spec: { admission: { decision, keySha256, reason: 'a test' } } }, { type: 'merge', fieldManager: 'test' }, signal),
    cluster: (name: string) => kubernetes.get<ClusterObject>(Cluster, { name }, signal),
    tokens: () => Promise.all(names.map((name) => kubernetes.get<JoinTokenObject>(JoinToken, { name }, signal))),
  };
}
const keyOf = (): { key: SigningKey; print: string } => {
  const key = p256Signer.generate();
  return { key, print: keyFingerprint(key.publicKeyDer) };
};

test('of 100 keys that redeem one token at once on the embedded API, one joins', async () => {
  const clock = manualClock();
  const random = seededRandom(9);
  const kubernetes = embeddedClient(createEmbeddedApi({ objects: memoryObjectStore(), clock, random, definitions: HUB_RESOURCES, namespaces: ['isthmus-system'], serviceCidrs: [] }));
  const authority = createAuthority({ clock, random, signer: p256Signer, keys: secretKeyStore({ kubernetes, namespace: 'isthmus-system' }), trustDomain: 'mesh.example', log: silentLog });
  await authority.open(signal);
  const acceptance = createAcceptance({ ports: { clock, log: silentLog, metrics: fakeMetrics() }, accept: 'Automatically' });
  const service = createIdentityService({ kubernetes, authority, clock, digest: sha256Hex, log: silentLog, acceptance, admissions: () => [], onIdentity: () => {}, admitJoin: async () => {} });
  const { text, object } = createJoinToken({ cluster: 'berlin', hubAddress: 'hub:1', trustDomain: 'mesh.example', bundlePem: 'x' }, { random, digest: sha256Hex, now: clock.now() });
  await kubernetes.create(JoinToken, object, { fieldManager: 'test' }, signal);
  const content = decodeJoinToken(text);
  if ('problem' in content) throw new Error(content.problem);
  const secret = new Uint8Array(Buffer.from(content.secret, 'base64url'));
  const answers = await Promise.all(Array.from({ length: 100 }, () => service.join({ cluster: 'berlin', secret, csrDer: createCertificateRequest(p256Signer.generate()) }, signal).then(() => 'joined', (error: unknown) => (error as { reason: string }).reason)));
  expect(answers.sort()).toEqual([...Array.from({ length: 99 }, () => 'TokenUsed'), 'joined']);
});

describe('where clusters are accepted by hand', () => {
  test('a cluster is pending until exactly its key is accepted, and has no certificate before; its token does not expire meanwhile', async () => {
    const { join, token, clock, decide, cluster, tokens } = await hub();
    const [secret, { key, print }] = [await token('berlin'), keyOf()];
    expect(await join('berlin', secret, key)).toMatchObject({ reason: 'Pending', advice: 'retry', message: expect.stringContaining(print) as string });
    await clock.advance(1);
    expect((await cluster('berlin'))?.status?.pending).toEqual({ keySha256: print, since: '2030-01-01T00:00:00.000Z', by: expect.stringMatching(/^join token join-berlin-/) as string });
    expect((await tokens())[0]?.status).toEqual({ redeemedAt: '2030-01-01T00:00:00.000Z', publicKeySha256: expect.any(String) as string });
    await clock.advance(3_600_000);
    expect(await join('berlin', secret, key)).toMatchObject({ reason: 'Pending' });
    await decide('berlin', 'Accepted', keyOf().print);
    expect(await join('berlin', secret, key)).toMatchObject({ reason: 'Pending' });
    await decide('berlin', 'Accepted', print);
    const issued = await join('berlin', secret, key);
    expect(readCertificate(issued.chainPem ?? '').uris).toEqual(['spiffe://mesh.example/cluster/berlin']);
    await clock.advance(1);
    expect((await cluster('berlin'))?.status?.pending).toBeUndefined();
    // The answer was lost.
    await clock.advance(500_000);
    expect((await join('berlin', secret, key)).chainPem).toBeDefined();
    await clock.advance(200_000);
    expect(await join('berlin', secret, key)).toMatchObject({ reason: 'TokenExpired' });
  });

  test('a second key is refused and named while the first waits, also after a restart; once that is rejected, it may ask', async () => {
    const { join, token, clock, decide, restart, tokens } = await hub();
    const [one, two] = [await token('berlin'), await token('berlin')];
    const [first, second] = [keyOf(), keyOf()];
    const both = await Promise.all([join('berlin', one, first.key), join('berlin', two, second.key)]);
    expect(both.map(({ reason }) => reason)).toEqual(['Pending', 'PermissionDenied']);
    await clock.advance(1);
    restart();
    expect(await join('berlin', two, second.key)).toMatchObject({ reason: 'PermissionDenied', message: expect.stringMatching(new RegExp(`another key, with fingerprint ${first.print}.*this one has ${second.print}.*isthmus cluster reject berlin`)) as string });
    await decide('berlin', 'Rejected', first.print);
    expect(await join('berlin', one, first.key)).toMatchObject({ reason: 'PermissionDenied', advice: 'user', message: expect.stringContaining('have rejected the key') as string });
    expect(await join('berlin', two, second.key)).toMatchObject({ reason: 'Pending' });
    await decide('berlin', 'Accepted', second.print);
    expect((await join('berlin', two, second.key)).chainPem).toBeDefined();
    // For good, whatever is decided of others.
    expect(await join('berlin', one, first.key)).toMatchObject({ reason: 'PermissionDenied', message: expect.stringContaining('was rejected at') as string });
    expect((await tokens()).filter((one) => one?.status?.rejectedAt !== undefined)).toHaveLength(1);
  });

  test('of 100 keys with one token one waits; a token that was shown late is lost', async () => {
    const { join, token, clock } = await hub();
    const secret = await token('berlin');
    const answers = await Promise.all(Array.from({ length: 100 }, () => join('berlin', secret, keyOf().key)));
    expect(answers.filter(({ reason }) => reason === 'Pending')).toHaveLength(1);
    expect(answers.filter(({ reason }) => reason === 'TokenUsed' || reason === 'PermissionDenied')).toHaveLength(99);
    const late = await token('oslo');
    await clock.advance(600_000);
    expect(await join('oslo', late, keyOf().key)).toMatchObject({ reason: 'TokenExpired' });
  });

  test('whoever comes back with another key asks again, and those who wait join where hubs no longer ask', async () => {
    const { join, token, decide, restart } = await hub();
    const [first, second] = [keyOf(), keyOf()];
    const secret = await token('berlin');
    await join('berlin', secret, first.key);
    await decide('berlin', 'Accepted', first.print);
    expect((await join('berlin', secret, first.key)).chainPem).toBeDefined();
    const again = await token('berlin');
    expect(await join('berlin', again, second.key)).toMatchObject({ reason: 'Pending' });
    restart('Automatically');
    expect((await join('berlin', again, second.key)).chainPem).toBeDefined();
  });
});

describe('by a service account', () => {
  test('of the declared issuer: one token is for one key, and for this cluster alone', async () => {
    const { join, admit, clock, kubernetes } = await hub('Automatically');
    await admit('berlin', issuer);
    await admit('oslo', otherIssuer, { issuer: 'https://oslo.example' });
    const token = issuer.token(agentClaims(clock.now()));
    const { key } = keyOf();
    expect(readCertificate((await join('berlin', token, key)).chainPem ?? '').uris).toEqual(['spiffe://mesh.example/cluster/berlin']);
    expect((await join('berlin', token, key)).chainPem).toBeDefined();
    expect(await join('berlin', token, keyOf().key)).toMatchObject({ reason: 'TokenUsed', message: expect.stringContaining('a token is good for one') as string });
    for (const cluster of ['oslo', 'bergen']) expect(await join(cluster, token, keyOf().key)).toMatchObject({ reason: 'TokenInvalid', advice: 'user' });
    expect(await join('oslo', otherIssuer.token(agentClaims(clock.now())), keyOf().key)).toMatchObject({ reason: 'TokenInvalid', message: expect.stringContaining('is of issuer') as string });
    expect(await join('bеrlin', token, key)).toMatchObject({ reason: 'InvalidRequest' });
    const shown = await kubernetes.get<ClusterAdmissionObject>(ClusterAdmission, { name: 'berlin' }, signal);
    expect(shown?.status).toMatchObject({ uses: [{ usedAt: '2030-01-01T00:00:00.000Z' }], lastUse: { pod: 'isthmus-agent-7' } });
    expect(await kubernetes.get(Cluster, { name: 'oslo' }, signal)).toBeUndefined();
  });

  test('two clusters with one key, issuer, account and audience: neither joins, until they differ', async () => {
    const { join, admit, clock } = await hub('Automatically');
    await admit('berlin', issuer);
    await admit('oslo', { ...issuer, key: { ...issuer.key, kid: 'another name' } });
    expect(await join('berlin', issuer.token(agentClaims(clock.now())), keyOf().key)).toMatchObject({ reason: 'TokenInvalid', message: expect.stringContaining('ClusterAdmission "oslo" would take the same token') as string });
    const apart = await hub('Automatically');
    await apart.admit('berlin', issuer, { audience: 'isthmus:mesh.example/berlin' });
    await apart.admit('oslo', issuer, { audience: 'isthmus:mesh.example/oslo' });
    const token = issuer.token(agentClaims(apart.clock.now(), { aud: ['isthmus:mesh.example/berlin'] }));
    expect(await apart.join('oslo', token, keyOf().key)).toMatchObject({ reason: 'TokenInvalid' });
    expect((await apart.join('berlin', token, keyOf().key)).chainPem).toBeDefined();
  });

  test('of 100 keys with one token one joins; used tokens are forgotten when they end, and never more than 32 are kept', async () => {
    const { join, admit, clock, kubernetes } = await hub('Automatically');
    await admit('berlin', issuer);
    const token = issuer.token(agentClaims(clock.now()));
    const answers = await Promise.all(Array.from({ length: 100 }, () => join('berlin', token, keyOf().key)));
    expect(answers.filter(({ chainPem }) => chainPem !== undefined)).toHaveLength(1);
    expect(answers.filter(({ reason }) => reason === 'TokenUsed' || reason === 'Overloaded')).toHaveLength(99);
    const { key } = keyOf();
    for (let count = 1; count < 32; count++) expect((await join('berlin', issuer.token(agentClaims(clock.now(), { jti: String(count) })), key)).chainPem).toBeDefined();
    expect(await join('berlin', issuer.token(agentClaims(clock.now(), { jti: 'one more' })), key)).toMatchObject({ reason: 'Overloaded', advice: 'retry' });
    await clock.advance(3_661_000);
    expect((await join('berlin', issuer.token(agentClaims(clock.now())), key)).chainPem).toBeDefined();
    expect((await kubernetes.get<ClusterAdmissionObject>(ClusterAdmission, { name: 'berlin' }, signal))?.status?.uses).toHaveLength(1);
  });

  test('a cluster that was revoked is let in by a person\'s word alone: neither a new token nor an old ClusterAdmission is enough', async () => {
    const { join, admit, clock, revoke, kubernetes, admissions } = await hub('Automatically');
    await admit('berlin', issuer);
    const early = issuer.token(agentClaims(clock.now()));
    await clock.advance(10_000);
    revoke(clock.now());
    await clock.advance(10_000);
    const fresh = issuer.token(agentClaims(clock.now()));
    expect((await join('berlin', fresh, keyOf().key)).message).toContain('older than the revocation');
    await kubernetes.delete(ClusterAdmission, { name: 'berlin' }, {}, signal);
    admissions.length = 0;
    await admit('berlin', issuer);
    expect((await join('berlin', early, keyOf().key)).message).toContain('older than the revocation');
    expect((await join('berlin', fresh, keyOf().key)).chainPem).toBeDefined();
  });

  test('waits for people as any other, whatever token it shows then', async () => {
    const { join, admit, clock, decide, cluster, log } = await hub();
    await admit('berlin', issuer);
    const { key, print } = keyOf();
    const first = issuer.token(agentClaims(clock.now()));
    expect(await join('berlin', first, key)).toMatchObject({ reason: 'Pending' });
    await clock.advance(1_800_000);
    expect((await cluster('berlin'))?.status?.pending).toMatchObject({ keySha256: print, by: 'service account isthmus-system/isthmus-agent, pod isthmus-agent-7' });
    await decide('berlin', 'Accepted', print);
    expect((await join('berlin', issuer.token(agentClaims(clock.now())), key)).chainPem).toBeDefined();
    expect(JSON.stringify(log.lines)).not.toContain(first.slice(-40));
  });
});
