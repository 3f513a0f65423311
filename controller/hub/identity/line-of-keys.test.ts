/** Who holds the issuing CA's key can make a certificate for any cluster, with any serial. What the hub makes of it before anybody knows, and from the moment that the CA is tainted. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCertificateRequest, keyFingerprint, readCertificate } from '../../../certs/index.ts';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { CertificateAuthority, Cluster, JoinToken } from '../../../mesh/api/resources/index.ts';
import type { PeerIdentity } from '../../../mesh/ports/transport.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { decodeJoinToken } from '../../runtime/join-token.ts';
import { createJoinToken } from '../../runtime/new-join-token.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { threeClusters } from '../testing/three-clusters.ts';
import { isOfLine, lineAfter } from './line-of-keys.ts';

const never = new AbortController().signal;
const signer = deterministicSigner('line');
let { bench }: Awaited<ReturnType<typeof threeClusters>> = {} as never;
beforeEach(async () => { ({ bench } = await threeClusters()); });
afterEach(() => bench.stopHub());

const settled = async <T>(work: Promise<T>): Promise<T | Error> => {
  const answer = work.catch((error: unknown) => error as Error);
  await bench.clock.advance(500);
  return answer;
};
const statusOf = async () => (await bench.get<ClusterObject>(Cluster, 'berlin'))?.status?.identity;

async function joined(): Promise<PeerIdentity> {
  const { text, object } = createJoinToken({ cluster: 'berlin', hubAddress: 'hub:1', trustDomain: 'test', bundlePem: 'PEM' }, { random: seededRandom(77), digest: sha256Hex, now: bench.clock.now() });
  await bench.kubernetes.create(JoinToken, object, { fieldManager: 'test' }, never);
  const content = decodeJoinToken(text);
  if ('problem' in content) throw new Error(content.problem);
  return peerFrom(await settled(bench.handler()!.join({ cluster: 'berlin', secret: new Uint8Array(Buffer.from(content.secret, 'base64url')), csrDer: createCertificateRequest(signer.generate()) }, never)));
}
function peerFrom(answer: { readonly chainPem: string } | Error): PeerIdentity {
  if (answer instanceof Error) throw answer;
  const { serial, notBefore, publicKeyDer } = readCertificate(answer.chainPem);
  return { cluster: 'berlin', spiffeId: 'spiffe://test/cluster/berlin', certificateSerial: serial, notBefore, keyFingerprint: keyFingerprint(publicKeyDer) };
}
/** All that a certificate says is the real one's, but the key. */
const forged = (real: PeerIdentity): PeerIdentity => ({ ...real, keyFingerprint: keyFingerprint(signer.generate().publicKeyDer) });
const renewed = (peer: PeerIdentity) => settled(bench.handler()!.renew(peer, createCertificateRequest(signer.generate()), never));
async function taint(): Promise<void> {
  await bench.kubernetes.patch(CertificateAuthority, { name: 'fleet' }, { spec: { tainted: [{ of: 'Issuing', generation: 1, reason: 'copied' }] } }, { type: 'merge', fieldManager: 'person' }, never);
  await bench.clock.advance(1000);
}
const REFUSED = /cluster "berlin": an authority's key may be in other hands, and this certificate is none that the hub gave/;

test('a forged certificate with the real one\'s serial is refused from the taint on, at every call; the cluster\'s own goes on', async () => {
  const own = await joined();
  expect(await statusOf()).toMatchObject({ keyFingerprint: own.keyFingerprint, certificateSerial: own.certificateSerial });
  await taint();
  const thief = forged(own);
  const before = bench.metrics.value('isthmus_hub_unknown_keys_total');
  expect(await renewed(thief)).toMatchObject({ message: expect.stringMatching(REFUSED) as string, reason: 'PermissionDenied' });
  expect(await settled(bench.handler()!.issueMeshCertificates(thief, [{ role: 'server', csrDer: createCertificateRequest(signer.generate()) }], never))).toMatchObject({ message: expect.stringMatching(REFUSED) as string });
  expect(await settled(bench.handler()!.sync(thief, {} as never, never))).toMatchObject({ message: expect.stringMatching(REFUSED) as string });
  expect(await renewed({ ...thief, cluster: 'oslo', spiffeId: 'spiffe://test/cluster/oslo' })).toBeInstanceOf(Error);
  expect(bench.metrics.value('isthmus_hub_unknown_keys_total')).toBe(before + 4);
  const next = peerFrom(await renewed(own) as { chainPem: string });
  expect(await renewed(next)).toHaveProperty('chainPem');
});

test('an answer that was lost locks nobody out: the key that asked counts as well, and the one before it no more', async () => {
  const first = await joined();
  await taint();
  const lost = peerFrom(await renewed(first) as { chainPem: string });
  const second = peerFrom(await renewed(first) as { chainPem: string });
  expect(await renewed(lost)).toBeInstanceOf(Error);
  const third = peerFrom(await renewed(second) as { chainPem: string });
  expect(await renewed(first)).toBeInstanceOf(Error);
  expect(await renewed(third)).toHaveProperty('chainPem');
});

test('what a thief renewed before anybody knew is counted, named in the log, and refused after the taint', async () => {
  const own = await joined();
  const bought = peerFrom(await renewed(forged(own)) as { chainPem: string });
  expect(bench.metrics.value('isthmus_hub_unknown_keys_total')).toBe(1);
  expect(bench.log.lines.some(({ message, fields }) => message.includes('no record of') && fields['cluster'] === 'berlin')).toBe(true);
  expect((await statusOf())?.keyFingerprint).toBe(own.keyFingerprint);
  await taint();
  expect(await renewed(bought)).toMatchObject({ message: expect.stringMatching(REFUSED) as string });
  expect(await renewed(own)).toHaveProperty('chainPem');
});

test('an open stream of a forged certificate ends when the CA is tainted', async () => {
  const own = await joined();
  let ended: unknown;
  let close = (): void => {};
  const closed = new Promise<{ readonly done: true }>((resolve) => { close = () => { resolve({ done: true }); }; });
  void bench.handler()!.sync(forged(own), { send: () => Promise.resolve(), messages: { [Symbol.asyncIterator]: () => ({ next: () => closed }) }, close } as never, never).catch((error: unknown) => { ended = error; });
  await bench.clock.advance(1000);
  expect(ended).toBeUndefined();
  await taint();
  expect(ended).toMatchObject({ message: expect.stringMatching(REFUSED) as string });
});

test('of hubs that wrote no keys down the serial counts until the next renewal', () => {
  const identity = { spiffeId: 's', certificateSerial: 'AB', issuer: 'i', notAfter: '', joinedAt: '' };
  const peer = { cluster: 'berlin', spiffeId: 's', certificateSerial: 'AB', keyFingerprint: 'a' };
  expect([isOfLine(peer, identity), isOfLine({ ...peer, certificateSerial: 'AC' }, identity), isOfLine(peer, undefined)]).toEqual([true, false, false]);
  expect(lineAfter(peer, identity, 'b')).toEqual({ keyFingerprint: 'b', previousKeyFingerprint: 'a' });
  expect(isOfLine({ ...peer, keyFingerprint: 'c' }, { ...identity, keyFingerprint: 'b', previousKeyFingerprint: 'a' })).toBe(false);
});
