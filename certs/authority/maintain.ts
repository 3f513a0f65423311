/** Makes what is due: issuing CAs signed by the root where its key can be reached, else a request for one. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { Signer, SigningKey } from '../../mesh/ports/signer.ts';
import { fromPem, toPem } from '../pem.ts';
import { authorityDuty } from '../policy/duty.ts';
import { type CertificateTemplate, unsigned } from './certificate.ts';
import { factsOf, issuingName, issuingTemplate, newRoot } from './chain.ts';
import { bareHost, constraintsFor, isHost, type NameConstraints, permitsHost } from './constraints.ts';
import { type AuthorityDocument, AuthorityRefusal, type StoredAuthority, type StoredIssuer } from './document.ts';
import type { AuthorityFacts } from './read-authority.ts';
import { asksFor, createAuthorityRequest } from './request.ts';
import { RootKeyFailure, type RootKeys, rootSigned } from './root-keys.ts';
import { rootProblem } from './root.ts';

export interface Workshop {
  readonly trustDomain: string;
  readonly signer: Signer;
  readonly random: Random;
  /** undefined: the authority makes its root and keeps its key itself. */
  readonly roots?: RootKeys | undefined;
  /** By which agents reach the hub; undefined: not known, nothing is constrained to them. */
  readonly hosts?: readonly string[] | undefined;
}

export interface Maintained {
  /** The very same one where nothing was due. */
  readonly document: AuthorityDocument;
  readonly nextAt: Instant;
  /** Why the root's key could not be used. */
  readonly failure?: string;
}

const MOST_STEPS = 8;

export function newDocument(workshop: Workshop, sequence: number, now: Instant): AuthorityDocument {
  return {
    schema: 2, trustDomain: workshop.trustDomain, sequence, roots: [{ ...nextRoot(workshop, [], now), generation: 1, state: 'active' }], issuers: [],
    clientsFrom: 1, serversFrom: 1, made: { roots: 1, issuers: 0 },
  };
}

/** The root to begin with or to go to: a new one, or one that the operator gave and that is not in use. Throws `AuthorityRefusal`. */
export function nextRoot({ roots, signer, random, trustDomain }: Workshop, known: readonly StoredAuthority[], now: Instant): Pick<StoredAuthority, 'certificatePem' | 'keyPem'> {
  if (roots === undefined) {
    const { certificatePem, key } = newRoot(signer, random, now);
    return { certificatePem, keyPem: key.exportPem() };
  }
  const fingerprints = known.map(({ certificatePem }) => factsOf(certificatePem).fingerprint);
  const given = roots.certificates();
  // Only what comes after those in use: what was left once stays in the file until somebody takes it out, and is never gone back to.
  const next = given[given.findLastIndex((certificatePem) => fingerprints.includes(factsOf(certificatePem).fingerprint)) + 1];
  if (next === undefined) throw new AuthorityRefusal('there is no other root to go to: put the new root\'s certificate after the old one into the file where the hub reads its roots, then ask again');
  const problem = rootProblem(factsOf(next), trustDomain, now);
  if (problem !== undefined) throw new AuthorityRefusal(`the root's certificate: ${problem}`);
  return { certificatePem: next };
}

export async function maintain(before: AuthorityDocument, workshop: Workshop, now: Instant, signal: CancelSignal): Promise<Maintained> {
  const fits = (issuer: StoredIssuer): boolean => missingHosts(issuer, workshop.hosts).length === 0;
  let document = before;
  for (let step = 0; step < MOST_STEPS; step++) {
    const duty = authorityDuty(document, now, fits);
    document = duty.document;
    if (duty.wanted === undefined) return { document, nextAt: duty.nextAt };
    try {
      const added = await addIssuer(document, duty.wanted, workshop, now, signal);
      if (added.issuers === document.issuers) return { document: added, nextAt: duty.nextAt };
      document = added;
    } catch (error) {
      if (!(error instanceof RootKeyFailure)) throw error;
      return { document, nextAt: duty.nextAt, failure: error.message };
    }
  }
  throw new Error(`certificate authority: is not at rest after ${MOST_STEPS} steps`);
}

const MOST_HOSTS = 8;

/** Hubs of other names share one document: each keeps in it what the others are called, so that the next issuing CA is good for all. */
function called(document: AuthorityDocument, hosts: readonly string[] = []): AuthorityDocument {
  const known = document.hosts ?? [];
  const added = hosts.map(bareHost).filter((host, index, all) => isHost(host) && !known.includes(host) && all.indexOf(host) === index);
  return added.length === 0 ? document : { ...document, hosts: [...known, ...added].slice(-MOST_HOSTS) };
}

/** What the hub is called and its issuing CA may not sign for. */
export function missingHosts({ certificatePem }: Pick<StoredIssuer, 'certificatePem'>, hosts: readonly string[] = []): readonly string[] {
  const constraints = factsOf(certificatePem).constraints ?? {};
  return hosts.map(bareHost).filter((host) => isHost(host) && !permitsHost(constraints, host));
}

/** The very same document where a person has to sign, and was asked already. */
async function addIssuer(before: AuthorityDocument, root: StoredAuthority, workshop: Workshop, now: Instant, signal: CancelSignal): Promise<AuthorityDocument> {
  const { signer, random, trustDomain, hosts } = workshop;
  const document = called(before, hosts);
  const facts = factsOf(root.certificatePem);
  const key = signer.generate();
  const constraints = constraintsFor(trustDomain, hosts === undefined ? undefined : document.hosts);
  const template = issuingTemplate(facts, key.publicKeyDer, constraints, random, now);
  const certificatePem = await signedBy(root, facts, template, workshop, signal);
  const { request, ...rest } = document;
  if (certificatePem === undefined) {
    if (request?.root !== root.generation) return { ...document, request: { requestPem: requestOf(key, constraints, random), keyPem: key.exportPem(), root: root.generation, since: now } };
    const asks = hosts === undefined || fromPem('CERTIFICATE REQUEST', request.requestPem).some((each) => asksFor(each, constraints));
    // The same key, so that what was signed for it meanwhile is still good.
    return asks ? document : { ...document, request: { ...request, requestPem: requestOf(signer.import(request.keyPem), constraints, random) } };
  }
  const generation = document.made.issuers + 1;
  return {
    ...rest, ...(request === undefined || request.root === root.generation ? {} : { request }),
    issuers: [...document.issuers, { certificatePem, keyPem: key.exportPem(), generation, root: root.generation, state: 'prepared' }],
    made: { ...document.made, issuers: generation },
  };
}

const requestOf = (key: SigningKey, constraints: NameConstraints | undefined, random: Random): string => toPem('CERTIFICATE REQUEST', createAuthorityRequest(key, issuingName(random), constraints));

/** undefined: the root's key is out of reach. */
async function signedBy(root: StoredAuthority, facts: AuthorityFacts, template: CertificateTemplate, { signer, roots }: Workshop, signal: CancelSignal): Promise<string | undefined> {
  const { algorithm } = facts;
  if (algorithm === undefined) throw new RootKeyFailure(`root ${root.generation}: signs with an algorithm that is not used here; use P-256, RSA of 2048 bits or more, or Ed25519`);
  const { toBeSigned, finish } = unsigned(template, algorithm);
  if (root.keyPem !== undefined) return finish(signer.import(root.keyPem).sign(toBeSigned));
  const signature = await roots?.sign(facts, algorithm, toBeSigned, signal);
  if (signature === undefined) return undefined;
  if (!rootSigned(facts, toBeSigned, signature, signer)) throw new RootKeyFailure(`root ${root.generation}: what came back is no signature by the key of its certificate; is it the key of another root?`);
  return finish(signature);
}
