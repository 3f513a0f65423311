/** The certificate authorities themselves: root → issuing CA. */
import { type Instant, toRfc3339 } from '../../mesh/model/instant.ts';
import { BACKDATED_MILLISECONDS } from '../../mesh/model/revocation.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { Signer, SigningKey } from '../../mesh/ports/signer.ts';
import { ISSUING_LIFETIME, ROOT_LIFETIME, type Validity } from '../policy/schedule.ts';
import { type CertificateTemplate, type IssuerNames, type Name, randomSerial, serialText, signCertificate } from './certificate.ts';
import type { NameConstraints } from './constraints.ts';
import { AuthorityUnusable, type StoredIssuer } from './document.ts';
import { type AuthorityFacts, readAuthorities } from './read-authority.ts';

/** An issuing CA that can sign. */
export interface LoadedIssuer extends Validity, IssuerNames {
  readonly generation: number;
  /** Itself and what is between it and the root. */
  readonly chainPem: string;
  readonly key: SigningKey;
  readonly commonName: string;
  readonly constraints: NameConstraints | undefined;
}

const ORGANIZATION = 'Isthmus';

export function loadIssuer(stored: StoredIssuer, signer: Signer): LoadedIssuer {
  const { commonName, notBefore, notAfter, subjectDer, keyIdentifier, constraints } = factsOf(stored.certificatePem);
  return {
    generation: stored.generation, chainPem: stored.certificatePem + (stored.intermediatesPem ?? ''), key: signer.import(stored.keyPem ?? ''),
    commonName, notBefore, notAfter, subjectDer, keyIdentifier, constraints,
  };
}

const MOST_REMEMBERED = 64;
const remembered = new Map<string, AuthorityFacts>();

/** Of the first certificate in the text. The few that are there are read again and again, so what was read is kept. */
export function factsOf(certificatePem: string): AuthorityFacts {
  const known = remembered.get(certificatePem);
  if (known !== undefined) return known;
  const [facts] = readAuthorities(certificatePem);
  if (facts === undefined) throw new AuthorityUnusable('certificate authority: a stored certificate is none; restore the document from a backup');
  if (remembered.size >= MOST_REMEMBERED) remembered.clear();
  remembered.set(certificatePem, facts);
  return facts;
}

export interface NewRoot {
  readonly certificatePem: string;
  readonly key: SigningKey;
}

/** `constraints`: of everything below it; a root that may serve one fleet alone says so. */
export function newRoot(signer: Signer, random: Random, now: Instant, lifetime = ROOT_LIFETIME, constraints?: NameConstraints): NewRoot {
  const key = signer.generate();
  const serial = randomSerial(random);
  const name = authorityName('root CA', serial);
  const certificatePem = signCertificate({
    subject: name, issuer: name, serial, names: {}, publicKeyDer: key.publicKeyDer,
    validity: { notBefore: now - BACKDATED_MILLISECONDS, notAfter: now + lifetime },
    usage: { kind: 'authority', pathLength: 1, ...(constraints === undefined ? {} : { constraints }) },
  }, key);
  return { certificatePem, key };
}

/** The issuing CA as every root signs it: what a request or a person asks for does not change it. Throws `AuthorityUnusable` where the root has ended. */
export function issuingTemplate(root: AuthorityFacts, publicKeyDer: Uint8Array, constraints: NameConstraints | undefined, random: Random, now: Instant): CertificateTemplate {
  if (root.notAfter <= now + BACKDATED_MILLISECONDS) throw new AuthorityUnusable(`certificate authority: its root ended at ${toRfc3339(root.notAfter)}; every cluster must join a new hub`);
  const serial = randomSerial(random);
  return {
    subject: authorityName('issuing CA', serial), issuer: root, serial, names: {}, publicKeyDer,
    validity: { notBefore: Math.max(now - BACKDATED_MILLISECONDS, root.notBefore), notAfter: Math.min(now + ISSUING_LIFETIME, root.notAfter) },
    usage: { kind: 'authority', pathLength: 0, ...(constraints === undefined ? {} : { constraints }) },
  };
}

/** For a request that people sign by tools of their own. */
export const issuingName = (random: Random): Name => authorityName('issuing CA', randomSerial(random));

/** Unlike for each authority, so that a chain is found by name, too. */
function authorityName(role: string, serial: Uint8Array): Name {
  return { organization: ORGANIZATION, commonName: `Isthmus ${role} ${serialText(serial).slice(0, 8)}` };
}
