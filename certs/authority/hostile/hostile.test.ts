/** Hostile requests and certificates, by hand and by the hundred thousand: refused, each in a bounded time, and nothing taken that does not hold. */
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { peerOf } from '../../../controller/adapters/grpc/identity.ts';
import { p256Signer } from '../../../controller/adapters/signer.ts';
import { TransportError } from '../../../mesh/ports/transport.ts';
import { isP256PublicKey } from '../identifiers.ts';
import { type CertificateFacts, readCertificate } from '../read.ts';
import { CertificateRequestRejected, readCertificateRequest } from '../request.ts';
import { hostileCertificates, hostileRequests } from './testing/corpus.ts';
import { bits, bytes, certificate, ECDSA_SHA256, extension, leafExtensions, fixedKey, name, octets, pemOf, request, selfSigned, sequence, sha256Signature, tlv, alternativeNames, set, oid } from './testing/craft.ts';
import { chance, mutated } from './testing/mutate.ts';
import { strictly } from './testing/strict.ts';

const NOW = Date.UTC(2030, 0, 1);
const key = fixedKey('key');
const issuer = fixedKey('issuer');
/** Longer than this for one input is a hang on its way. */
const LONGEST_MILLISECONDS = 2000;
const MUTANTS = 100_000;

const outcomeOf = <T>(work: () => T): { readonly value: T } | { readonly error: Error } => {
  try {
    return { value: work() };
  } catch (error) {
    return { error: error as Error };
  }
};
const readRequest = (der: Uint8Array) => outcomeOf(() => readCertificateRequest(der, p256Signer));
const readPem = (der: Uint8Array) => outcomeOf(() => readCertificate(pemOf(der)));
const peer = (der: Uint8Array) => outcomeOf(() => peerOf({ sslPeerCertificate: { raw: Buffer.from(der) } } as never, 'mesh.test', NOW));

/** The judge: possession is proven over the very bytes, by a P-256 key, in DER. A sentence where it is not. */
function unprovenRequest(der: Uint8Array, taken: Uint8Array): string | undefined {
  const { parts: [info, algorithm, signature] } = strictly(der);
  const spki = info?.parts[2]?.whole ?? new Uint8Array();
  if (Buffer.compare(spki, taken) !== 0) return 'another key was taken than the one that signed';
  if (Buffer.compare(algorithm?.whole ?? new Uint8Array(), ECDSA_SHA256) !== 0) return 'another algorithm';
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return 'no P-256 key';
  return verify('sha256', info?.whole ?? new Uint8Array(), publicKey, signature?.content.subarray(1) ?? new Uint8Array()) ? undefined : 'no valid signature';
}

/** Where OpenSSL reads it too, both must have read the same: OpenSSL judges the chain, our reading names the cluster. */
function readOtherwise(der: Uint8Array, facts: CertificateFacts): string | undefined {
  const openssl = outcomeOf(() => new X509Certificate(der));
  if ('error' in openssl) return undefined;
  const { value: x509 } = openssl;
  const publicKey = outcomeOf(() => x509.publicKey.export({ type: 'spki', format: 'der' }));
  if ('value' in publicKey && isP256PublicKey(facts.publicKeyDer) && Buffer.compare(publicKey.value, facts.publicKeyDer) !== 0) return 'another key';
  const [from, to] = [x509.validFromDate.getTime(), x509.validToDate.getTime()];
  if (!Number.isNaN(from) && from !== facts.notBefore) return `from ${facts.notBefore}, ${from} by OpenSSL`;
  if (!Number.isNaN(to) && to !== facts.notAfter) return `until ${facts.notAfter}, ${to} by OpenSSL`;
  return undefined;
}

describe('requests', () => {
  for (const [what, [der, refused]] of Object.entries(hostileRequests(key))) {
    test(what, () => {
      const begin = performance.now();
      const outcome = readRequest(der);
      expect(performance.now() - begin).toBeLessThan(LONGEST_MILLISECONDS);
      if (refused === undefined) expect(outcome).toEqual({ value: key.spki });
      else {
        expect(outcome).toEqual({ error: expect.objectContaining({ name: 'CertificateRequestRejected', advice: 'never', message: expect.stringMatching(refused) as string }) as Error });
        expect('error' in outcome && outcome.error.message.length).toBeLessThan(400);
      }
    });
  }
});

describe('certificates', () => {
  for (const [what, [der, verdicts]] of Object.entries(hostileCertificates(key, issuer, NOW))) {
    test(what, () => {
      const begin = performance.now();
      const facts = readPem(der);
      const caller = peer(der);
      expect(performance.now() - begin).toBeLessThan(2 * LONGEST_MILLISECONDS);
      expect('error' in facts ? facts.error.message : undefined).toEqual(verdicts.read === undefined ? undefined : expect.stringMatching(verdicts.read));
      if (verdicts.peer === undefined) expect(caller).toMatchObject({ value: { cluster: 'c1' } });
      else {
        expect(caller).toEqual({ error: expect.objectContaining({ name: 'TransportError', reason: 'Unauthenticated', message: expect.stringMatching(verdicts.peer) as string }) as Error });
        expect('error' in caller && caller.error.message.length).toBeLessThan(4000);
      }
      if ('value' in facts) expect(readOtherwise(der, facts.value)).toBeUndefined();
    });
  }
});

describe(`${MUTANTS.toLocaleString('en')} mutants`, () => {
  const extensionRequest = tlv(0xa0, sequence(oid('1.2.840.113549.1.9.14'), set(sequence(alternativeNames('spiffe://mesh.test/cluster/c10'), extension('2.5.29.37', octets(Uint8Array.of(5, 0)))))));
  const requests = [request(key), request(key, { subject: name(['2.5.4.3', 'c10'], ['2.5.4.10', 'Isthmus', 0x13]), attributes: extensionRequest })];
  const certificates = [certificate(key, issuer, NOW), selfSigned(issuer, NOW), certificate(key, issuer, NOW, { extensions: leafExtensions(key, issuer, 'spiffe://mesh.test/cluster/c1', 'spiffe://mesh.test/hub') })];

  /** Each input's time and the memory of all: nothing may hang or pile up. */
  function each(count: number, seeds: readonly Uint8Array[], seed: number, judge: (mutant: Uint8Array) => void): void {
    const random = chance(seed);
    let longest = 0;
    const begin = performance.now();
    const before = process.memoryUsage().rss;
    for (let index = 0; index < count; index += 1) {
      const mutant = mutated(seeds, random);
      const from = performance.now();
      judge(mutant);
      longest = Math.max(longest, performance.now() - from);
    }
    const seconds = (performance.now() - begin) / 1000;
    console.log(`  ${count.toLocaleString('en')} in ${seconds.toFixed(1)} s, the longest ${longest.toFixed(1)} ms, ${((process.memoryUsage().rss - before) / 2 ** 20).toFixed(0)} MiB more`);
    expect(process.memoryUsage().rss - before).toBeLessThan(512 * 2 ** 20);
  }
  const same = (seeds: readonly Uint8Array[], der: Uint8Array): boolean => seeds.some((seed) => Buffer.compare(seed, der) === 0);

  /** A refusal of ours, and no other error. */
  function refusedOrProven(mutant: Uint8Array): boolean {
    const outcome = readRequest(mutant);
    if ('error' in outcome) {
      if (!(outcome.error instanceof CertificateRequestRejected)) throw outcome.error;
      return false;
    }
    const problem = unprovenRequest(mutant, outcome.value);
    if (problem !== undefined) throw new Error(`${problem}: ${Buffer.from(mutant).toString('hex')}`);
    return true;
  }

  test('requests: none is taken', () => {
    let taken = 0;
    each(MUTANTS * 0.5, requests, 1, (mutant) => { if (!same(requests, mutant) && refusedOrProven(mutant)) taken += 1; });
    expect(taken).toBe(0);
  });

  test('requests that their key signed again after they were broken: what is taken is proven', () => {
    const infos = requests.map((der) => strictly(der).parts[0]?.whole ?? new Uint8Array());
    let taken = 0;
    each(MUTANTS * 0.1, infos, 2, (info) => { if (refusedOrProven(sequence(info, ECDSA_SHA256, bits(sha256Signature(key, info))))) taken += 1; });
    // Names and attributes count for nothing: those with a broken name, and a proof, are taken.
    expect(taken).toBeGreaterThan(MUTANTS * 0.001);
  });

  test('certificates: what is read is what OpenSSL reads, and a caller is the one that it was', () => {
    let read = 0;
    each(MUTANTS * 0.4, certificates, 3, (mutant) => {
      const facts = readPem(mutant);
      // What cannot be read names nobody; that peerOf says so, and throws nothing else, is seen in one of sixteen.
      if ('error' in facts && ((mutant[mutant.length - 1] ?? 0) & 15) !== 0) return;
      const caller = peer(mutant);
      if ('error' in caller) {
        if (!(caller.error instanceof TransportError)) throw caller.error;
      } else if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(caller.value.cluster)) throw new Error(`cluster ${JSON.stringify(caller.value.cluster)}`);
      if ('error' in facts) return;
      read += 1;
      strictly(mutant);
      const problem = readOtherwise(mutant, facts.value);
      if (problem !== undefined) throw new Error(`${problem}: ${Buffer.from(mutant).toString('hex')}`);
      if ('error' in caller) return;
      // TLS comes first; what it would let through must name the cluster to OpenSSL as it does to us.
      const x509 = outcomeOf(() => new X509Certificate(mutant));
      if ('value' in x509 && x509.value.verify(createPublicKey({ key: Buffer.from(issuer.spki), format: 'der', type: 'spki' }))) {
        expect(x509.value.subjectAltName).toBe(`URI:${caller.value.spiffeId}`);
        if (!same(certificates, mutant)) expect(bytes(strictly(mutant).parts[0]?.whole ?? [])).toEqual(bytes(strictly(certificates[0] ?? new Uint8Array()).parts[0]?.whole ?? []));
      }
    });
    expect(read).toBeGreaterThan(100);
  });
});
