/** Issuing certificates that people bring from an offline root: each wrong one is refused for its reason, and no broken one is ever taken. */
import { verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { p256Signer } from '../../../controller/adapters/signer.ts';
import type { AuthorityDocument } from '../document.ts';
import { type Judgement, judgeInstalled } from '../install.ts';
import { basicConstraints, bits, bytes, type CertificateParts, certificate, COMMON_NAME, extension, fixedKey, generalizedTime, hex, ISSUER_NAME, type Key, keyUsage, name, newEd25519Key, newRsaKey, octets, oid, pemOf, selfSigned, sequence, sha256Signature, tlv, utcTime } from './testing/craft.ts';
import { chance, mutated } from './testing/mutate.ts';
import { strictly } from './testing/strict.ts';

const NOW = Date.UTC(2030, 0, 1);
const [root, issuing, stranger] = [fixedKey('root'), fixedKey('issuing'), fixedKey('stranger')];
const keyPem = (key: Key): string => key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const TRUE = hex('0101ff');
const AUTHORITY = extension('2.5.29.19', sequence(TRUE, hex('020100')), true);
const SIGNS = keyUsage(0x06, 1);
const uriConstraint = (host: string, kind = 0xa0): Uint8Array => extension('2.5.29.30', sequence(tlv(kind, sequence(tlv(0x86, Buffer.from(host))))), true);
const EXTENSIONS = [AUTHORITY, SIGNS, uriConstraint('mesh.test')];
const rootDer = certificate(root, root, NOW, { subject: ISSUER_NAME, notAfter: utcTime('391231000000Z'), extensions: [extension('2.5.29.19', sequence(TRUE, hex('020101')), true), SIGNS] });
const made = (parts: CertificateParts = {}, signer = root): Uint8Array => certificate(issuing, signer, NOW, {
  subject: name([COMMON_NAME, 'Test issuing']), notBefore: utcTime('291231235900Z'), notAfter: utcTime('300401000000Z'), extensions: EXTENSIONS, ...parts,
});
const document = {
  schema: 2, trustDomain: 'mesh.test', sequence: 1, issuers: [], made: { roots: 1, issuers: 0 },
  roots: [{ certificatePem: pemOf(rootDer), generation: 1, state: 'active' }],
  request: { requestPem: '', keyPem: keyPem(issuing), root: 1, since: NOW },
} as unknown as AuthorityDocument;
const judge = (text: string): Judgement => judgeInstalled(text, document, { trustDomain: 'mesh.test', signer: p256Signer, hosts: ['hub.mesh.test'], now: NOW });
const install = (...ders: readonly Uint8Array[]): Judgement => judge(ders.map(pemOf).join(''));

describe('an issuing certificate', () => {
  test('is taken, with the root behind it or not, and without a path length where its root leaves it none', () => {
    const unsaid = made({ extensions: [basicConstraints(true), ...EXTENSIONS.slice(1)] });
    for (const chain of [[made()], [made(), rootDer], [unsaid]]) expect(install(...chain)).toMatchObject({ issuer: { root: 1, certificatePem: expect.stringContaining('BEGIN CERTIFICATE') as string } });
  });

  const intermediate = (parts: CertificateParts): Uint8Array => certificate(stranger, root, NOW, { subject: name([COMMON_NAME, 'Test between']), notAfter: utcTime('350101000000Z'), ...parts });
  const rsa = newRsaKey();
  test.each<[string, () => Judgement, RegExp]>([
    ['no certificate at all', () => judge('hello'), /holds no CERTIFICATE block/],
    ['noise', () => install(Uint8Array.of(1, 2, 3)), /cannot be read/],
    ['1 MB', () => install(made({ extensions: [...EXTENSIONS, extension('1.2.3', octets(new Uint8Array(1_000_000)))] })), /allowed are 16384/],
    ['a byte behind it', () => install(bytes(made(), [0])), /./],
    ['a byte changed', () => install(made().map((byte, index) => (index === 60 ? byte ^ 1 : byte))), /./],
    ['five certificates', () => install(made(), made(), made(), made(), made()), /at most 4/],
    ['another key', () => install(made({ spki: stranger.spki })), /another key than that of the open request/],
    ['an RSA key', () => install(made({ spki: rsa.spki })), /another key/],
    ['an Ed25519 key', () => install(made({ spki: newEd25519Key().spki })), /another key/],
    ['a stranger\'s signature', () => install(made({}, stranger)), /is not signed by/],
    ['no signature', () => install(made({ signature: () => bits(new Uint8Array()) })), /./],
    ['a signature over something else', () => install(made({ signature: () => bits(sha256Signature(root, Uint8Array.of(1))) })), /is not signed by/],
    ['ECDSA with SHA-1', () => install(made({ algorithm: sequence(oid('1.2.840.10045.4.1')) })), /is not signed by/],
    ['two algorithms', () => install(made({ outerAlgorithm: sequence(oid('1.2.840.10045.4.3.4')) })), /is not signed by/],
    ['an issuer of another name', () => install(made({ issuer: name([COMMON_NAME, 'Test rooted']) })), /is not signed by/],
    ['no authority', () => install(made({ extensions: [basicConstraints(false), ...EXTENSIONS.slice(1)] })), /needs CA:TRUE/],
    ['CA:FALSE, said at length', () => install(made({ extensions: [extension('2.5.29.19', sequence(hex('010100'), hex('020100')), true), ...EXTENSIONS.slice(1)] })), /needs CA:TRUE/],
    ['a truth of another form', () => install(made({ extensions: [extension('2.5.29.19', sequence(hex('010101'), hex('020100')), true), ...EXTENSIONS.slice(1)] })), /needs CA:TRUE/],
    ['no basic constraints', () => install(made({ extensions: EXTENSIONS.slice(1) })), /needs CA:TRUE/],
    ['authorities below it', () => install(made({ extensions: [extension('2.5.29.19', sequence(TRUE, hex('020101')), true), ...EXTENSIONS.slice(1)] })), /needs pathlen:0/],
    ['a negative path length', () => install(made({ extensions: [extension('2.5.29.19', sequence(TRUE, hex('0201ff')), true), ...EXTENSIONS.slice(1)] })), /./],
    ['a path length of 2^32', () => install(made({ extensions: [extension('2.5.29.19', sequence(TRUE, hex('02050100000000')), true), ...EXTENSIONS.slice(1)] })), /./],
    ['a key that may not sign certificates', () => install(made({ extensions: [AUTHORITY, keyUsage(0x80, 7), ...EXTENSIONS.slice(2)] })), /keyCertSign/],
    ['no name constraints', () => install(made({ extensions: EXTENSIONS.slice(0, 2) })), /not bound to this fleet/],
    ['constraints to another fleet', () => install(made({ extensions: [...EXTENSIONS.slice(0, 2), uriConstraint('other.test')] })), /not bound to this fleet/],
    ['constraints to all below a domain', () => install(made({ extensions: [...EXTENSIONS.slice(0, 2), uriConstraint('.test')] })), /not bound to this fleet/],
    ['constraints that exclude only', () => install(made({ extensions: [...EXTENSIONS.slice(0, 2), uriConstraint('other.test', 0xa1)] })), /./],
    ['basic constraints twice', () => install(made({ extensions: [basicConstraints(false), ...EXTENSIONS] })), /twice/],
    ['name constraints twice', () => install(made({ extensions: [uriConstraint('other.test'), ...EXTENSIONS] })), /twice/],
    ['a critical extension of nobody', () => install(made({ extensions: [...EXTENSIONS, extension('1.2.3.4', hex('0500'), true)] })), /critical extension 1.2.3.4/],
    ['version 1', () => install(made({ version: null, extensions: null })), /./],
    ['a beginning in the future', () => install(made({ notBefore: utcTime('300102000000Z') })), /not valid before/],
    ['an end that is near', () => install(made({ notAfter: utcTime('300108000000Z') })), /too soon/],
    ['an end before its beginning', () => install(made({ notBefore: utcTime('300101000000Z'), notAfter: utcTime('290101000000Z') })), /too soon/],
    ['more than a year', () => install(made({ notAfter: utcTime('310301000000Z') })), /more than a year/],
    ['longer than its root', () => install(made({ notAfter: generalizedTime('20500101000000Z') })), /ends after its root/],
    ['an end on the 30th of February', () => install(made({ notAfter: utcTime('300230000000Z') })), /./],
    ['an intermediate that is no authority', () => install(made({ issuer: name([COMMON_NAME, 'Test between']) }, stranger), intermediate({ extensions: [basicConstraints(false), SIGNS] })), /may not sign|is not signed/],
    ['an intermediate that may have none below', () => install(made({ issuer: name([COMMON_NAME, 'Test between']) }, stranger), intermediate({ extensions: [AUTHORITY, SIGNS] })), /may not sign/],
    ['a root of its own behind it', () => install(made({}, stranger), selfSigned(stranger, NOW)), /is not signed by|may not sign|ends before/],
  ])('with %s is refused', (_name, judged, problem) => {
    expect(judged()).toEqual({ problem: expect.stringMatching(problem) as string });
  });
});

test('of 10,000 broken ones none is taken, and nothing is thrown', () => {
  const seeds = [made(), rootDer];
  const random = chance(4);
  const outcomes = new Map<string, number>();
  for (let index = 0; index < 10_000; index += 1) {
    const mutant = mutated(seeds, random);
    const judgement = install(mutant);
    const said = 'problem' in judgement ? judgement.problem.replaceAll(/[^a-z ]/gi, '').slice(0, 30) : 'taken';
    outcomes.set(said, (outcomes.get(said) ?? 0) + 1);
    if ('problem' in judgement || seeds.some((seed) => Buffer.compare(seed, mutant) === 0)) continue;
    const { parts: [toBeSigned, , signature] } = strictly(mutant);
    // Only a signature has a second form that holds: (r, order − s).
    if (!verify('sha256', toBeSigned?.whole ?? new Uint8Array(), { key: Buffer.from(root.spki), format: 'der', type: 'spki' }, signature?.content.subarray(1) ?? new Uint8Array())) throw new Error(Buffer.from(mutant).toString('hex'));
  }
  expect(outcomes.size).toBeGreaterThan(5);
});
