/** What people do with an offline root: make it, and sign the issuing CA that a hub asks for. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { Signer } from '../../mesh/ports/signer.ts';
import { trustDomainProblem } from '../names.ts';
import { fromPem } from '../pem.ts';
import { unsigned } from './certificate.ts';
import { factsOf, issuingTemplate, newRoot, type NewRoot } from './chain.ts';
import { constrainable, constraintsFor } from './constraints.ts';
import type { SignatureAlgorithm } from './identifiers.ts';
import { type AuthorityFacts, readAuthorities } from './read-authority.ts';
import { CertificateRequestRejected, readCertificateRequest } from './request.ts';
import { rootProblem } from './root.ts';
import { rootSigned } from './root-keys.ts';

/** Bound to one trust domain by its own constraints. Throws a sentence. */
export function initRoot(trustDomain: string, lifetimeMilliseconds: number, signer: Signer, random: Random, now: Instant): NewRoot {
  const problem = trustDomainProblem('trust domain', trustDomain);
  if (problem !== undefined) throw new Error(problem);
  if (!constrainable(trustDomain)) throw new Error(`trust domain: ${JSON.stringify(trustDomain)} cannot be a name constraint: use a form like a host name's, "mesh.example", and not a number at its end`);
  return newRoot(signer, random, now, lifetimeMilliseconds, { uriHosts: [trustDomain] });
}

export interface IssuingOrder {
  readonly rootPem: string;
  readonly requestPem: string;
  /** Needed where the root's own constraints do not name one. */
  readonly trustDomain?: string | undefined;
  /** Of the hub, beside what every fleet needs; undefined: any. */
  readonly hosts: readonly string[] | undefined;
  readonly sign: (root: AuthorityFacts, algorithm: SignatureAlgorithm, bytes: Uint8Array) => Promise<Uint8Array | undefined>;
  readonly signer: Signer;
  readonly random: Random;
  readonly now: Instant;
}

/** The certificate, and what it says. Nothing of the request counts but its key. Throws a sentence. */
export async function signIssuingRequest(order: IssuingOrder): Promise<{ readonly certificatePem: string; readonly issued: AuthorityFacts; readonly trustDomain: string }> {
  const { signer, now } = order;
  const [root, ...more] = readAuthorities(order.rootPem);
  if (root === undefined || more.length > 0) throw new Error('the root\'s certificate: give exactly one');
  const named = root.constraints?.uriHosts ?? [];
  const trustDomain = order.trustDomain ?? (named.length === 1 ? named[0] : undefined);
  if (trustDomain === undefined) throw new Error('the root is not bound to one trust domain by itself: say which the hub has');
  const problem = trustDomainProblem('trust domain', trustDomain) ?? rootProblem(root, trustDomain, now);
  if (problem !== undefined) throw new Error(`the root's certificate: ${problem}`);
  const [requestDer, ...others] = fromPem('CERTIFICATE REQUEST', order.requestPem);
  if (requestDer === undefined || others.length > 0) throw new CertificateRequestRejected('the text holds no CERTIFICATE REQUEST block, or more than one');
  const template = issuingTemplate(root, readCertificateRequest(requestDer, signer), constraintsFor(trustDomain, order.hosts), order.random, now);
  if (root.algorithm === undefined) throw new Error('the root\'s key is of no kind that is used here');
  const { toBeSigned, finish } = unsigned(template, root.algorithm);
  const signature = await order.sign(root, root.algorithm, toBeSigned);
  if (signature === undefined || !rootSigned(root, toBeSigned, signature, signer)) throw new Error('the key is not that of the root\'s certificate');
  const certificatePem = finish(signature);
  return { certificatePem, issued: factsOf(certificatePem), trustDomain };
}
