/** The certificate authorities themselves: root → issuing CA, loaded from and stored as a document. */
import { type Instant, toRfc3339 } from '../../mesh/model/instant.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { Signer, SigningKey } from '../../mesh/ports/signer.ts';
import { BACKDATE, ISSUING_LIFETIME, issuerDuty, ROOT_LIFETIME, type Validity } from '../policy/schedule.ts';
import { type Name, randomSerial, serialText, signCertificate } from './certificate.ts';
import { AuthorityUnusable, type AuthorityDocument, generationOf, type StoredAuthority } from './document.ts';
import { readCertificate } from './read.ts';

/** A certificate authority that can sign. */
export interface LoadedAuthority extends Validity {
  readonly certificatePem: string;
  readonly key: SigningKey;
  readonly name: Name;
}

const ORGANIZATION = 'Isthmus';

export function loadAuthority(stored: StoredAuthority, signer: Signer): LoadedAuthority {
  const { commonName, notBefore, notAfter } = readCertificate(stored.certificatePem);
  return { certificatePem: stored.certificatePem, key: signer.import(stored.keyPem), name: { organization: ORGANIZATION, commonName }, notBefore, notAfter };
}

export function newDocument(trustDomain: string, signer: Signer, random: Random, now: Instant): AuthorityDocument {
  const key = signer.generate();
  const serial = randomSerial(random);
  const name = authorityName('root CA', serial);
  const certificatePem = signCertificate({
    subject: name, issuer: name, serial, names: {},
    validity: { notBefore: now - BACKDATE, notAfter: now + ROOT_LIFETIME },
    publicKeyDer: key.publicKeyDer, issuerPublicKeyDer: key.publicKeyDer,
    usage: { kind: 'authority', pathLength: 1 },
  }, key);
  const root = { certificatePem, keyPem: key.exportPem() };
  return { schema: 1, trustDomain, sequence: 1, roots: [root], issuers: [newIssuer(loadAuthority(root, signer), 1, signer, random, now)] };
}

/** The document after everything due now was done, the same one where nothing was, and when to look again. */
export function maintainDocument(document: AuthorityDocument, signer: Signer, random: Random, now: Instant): { readonly document: AuthorityDocument; readonly nextAt: Instant } {
  const duty = issuerDuty(document.issuers.map((issuer) => readCertificate(issuer.certificatePem)), now);
  if (!duty.prepare && duty.retire.length === 0) return { document, nextAt: duty.nextAt };
  const counted = document.issuers.map((issuer, index) => ({ ...issuer, generation: generationOf(document, index) }));
  const kept = counted.filter((_, index) => !duty.retire.includes(index));
  const root = document.roots.at(-1);
  if (root === undefined) throw new AuthorityUnusable('certificate authority: has no root; restore it from a backup');
  const added = duty.prepare ? [newIssuer(loadAuthority(root, signer), (counted.at(-1)?.generation ?? 0) + 1, signer, random, now)] : [];
  return { document: { ...document, issuers: [...kept, ...added] }, nextAt: duty.nextAt };
}

function newIssuer(root: LoadedAuthority, generation: number, signer: Signer, random: Random, now: Instant): StoredAuthority {
  if (root.notAfter <= now + BACKDATE) throw new AuthorityUnusable(`certificate authority: its root ended at ${toRfc3339(root.notAfter)}; every cluster must join a new hub`);
  const key = signer.generate();
  const serial = randomSerial(random);
  const certificatePem = signCertificate({
    subject: authorityName('issuing CA', serial), issuer: root.name, serial, names: {},
    validity: { notBefore: now - BACKDATE, notAfter: Math.min(now + ISSUING_LIFETIME, root.notAfter) },
    publicKeyDer: key.publicKeyDer, issuerPublicKeyDer: root.key.publicKeyDer,
    usage: { kind: 'authority', pathLength: 0 },
  }, root.key);
  return { certificatePem, keyPem: key.exportPem(), generation };
}

/** Unlike for each authority, so that a chain is found by name, too. */
function authorityName(role: string, serial: Uint8Array): Name {
  return { organization: ORGANIZATION, commonName: `Isthmus ${role} ${serialText(serial).slice(0, 8)}` };
}
