/** Judges an issuing certificate that a root signed elsewhere. */
import { type Instant, toRfc3339 } from '../../mesh/model/instant.ts';
import type { Signer } from '../../mesh/ports/signer.ts';
import { spiffeIdOfHub } from '../names.ts';
import { toPem } from '../pem.ts';
import type { Step } from '../policy/rotation.ts';
import { ISSUING_ACTIVATE_BEFORE } from '../policy/schedule.ts';
import { factsOf } from './chain.ts';
import { bareHost, constrainable, isHost, permitsHost, permitsUri } from './constraints.ts';
import type { AuthorityDocument, StoredIssuer } from './document.ts';
import { meshServerName } from './leaves.ts';
import { type AuthorityFacts, readAuthorities, signedBy } from './read-authority.ts';

const DAY = 86_400_000;
const LONGEST_LIFETIME = 366 * DAY;
const LONGEST_CHAIN = 4;
const CLOCK_SKEW = 5 * 60_000;
/** Of certificates that people brought. */
const MOST_REMEMBERED = 16;

interface InstallContext {
  readonly trustDomain: string;
  readonly signer: Signer;
  readonly hosts: readonly string[];
  readonly now: Instant;
}

export type Judgement = { readonly fingerprint: string; readonly issuer: Pick<StoredIssuer, 'certificatePem' | 'intermediatesPem' | 'keyPem' | 'root'> } | { readonly already: true } | { readonly problem: string };

/** The document with it as the next issuing CA of its root; the very same one where it was brought before. */
export function installed(pem: string, document: AuthorityDocument, context: InstallContext): Step {
  const judgement = judgeInstalled(pem, document, context);
  if ('problem' in judgement) return { refusal: `issuing certificate: ${judgement.problem}` };
  if ('already' in judgement) return { document };
  const { request: _, ...rest } = document;
  const generation = document.made.issuers + 1;
  const remembered = [...document.installed ?? [], judgement.fingerprint].slice(-MOST_REMEMBERED);
  return { document: { ...rest, installed: remembered, issuers: [...document.issuers, { ...judgement.issuer, generation, state: 'prepared' }], made: { ...document.made, issuers: generation } } };
}

export function judgeInstalled(pem: string, { request, roots, installed: known = [] }: AuthorityDocument, context: InstallContext): Judgement {
  let chain: readonly AuthorityFacts[];
  try {
    chain = readAuthorities(pem);
  } catch (error) {
    return { problem: (error as Error).message };
  }
  const [issuing, ...above] = chain;
  if (issuing === undefined) return { problem: 'the text holds no CERTIFICATE block' };
  if (chain.length > LONGEST_CHAIN) return { problem: `has ${chain.length} certificates, at most ${LONGEST_CHAIN} are taken` };
  if (known.includes(issuing.fingerprint)) return { already: true };
  const root = roots.find(({ generation }) => generation === request?.root);
  if (request === undefined || root === undefined) return { problem: 'no request is open: nothing waits for a signature' };
  const pinned = factsOf(root.certificatePem);
  // Tools append the root itself; it is pinned, so it is not kept.
  const intermediates = above.filter(({ fingerprint }) => fingerprint !== pinned.fingerprint);
  const problem = keyProblem(issuing, context.signer.import(request.keyPem).publicKeyDer)
    ?? profileProblem(issuing, [...intermediates, pinned], context) ?? chainProblem([issuing, ...intermediates, pinned], context.now) ?? validityProblem(issuing, pinned, context.now);
  if (problem !== undefined) return { problem };
  const text = (each: AuthorityFacts): string => toPem('CERTIFICATE', new Uint8Array(each.x509.raw));
  return {
    fingerprint: issuing.fingerprint,
    issuer: { certificatePem: text(issuing), keyPem: request.keyPem, root: root.generation, ...(intermediates.length === 0 ? {} : { intermediatesPem: intermediates.map(text).join('') }) },
  };
}

const keyProblem = ({ publicKeyDer }: AuthorityFacts, expected: Uint8Array): string | undefined =>
  (Buffer.compare(publicKeyDer, expected) === 0 ? undefined : 'is for another key than that of the open request: sign the request that is shown now');

/** RFC 5280 §6.1.4: each authority of a path takes one from what those above it left. Some tools copy no path length from a request, so the one above may say it. */
const endsPaths = (pathLength: number | undefined, above: readonly AuthorityFacts[]): boolean =>
  pathLength === 0 || (pathLength === undefined && above.some((authority, index) => authority.pathLength !== undefined && authority.pathLength <= index + 1));

function profileProblem({ authority, signsCertificates, pathLength, constraints, problem }: AuthorityFacts, above: readonly AuthorityFacts[], { trustDomain, hosts }: InstallContext): string | undefined {
  if (problem !== undefined) return problem;
  if (!authority || !signsCertificates) return 'is not one of an authority: it needs CA:TRUE and keyCertSign';
  if (!endsPaths(pathLength, above)) return 'permits authorities below itself: it needs pathlen:0, or a signer with pathlen:1';
  if (constrainable(trustDomain) && (constraints?.uriHosts?.length !== 1 || !permitsUri(constraints, spiffeIdOfHub(trustDomain)))) {
    return `is not bound to this fleet: it needs critical name constraints that permit URIs of ${JSON.stringify(trustDomain)} alone`;
  }
  const needed = [meshServerName('kube-system'), 'any.mesh.cilium.io', 'localhost', '127.0.0.1', '::1', ...hosts.map(bareHost).filter(isHost)];
  const refused = needed.find((host) => !permitsHost(constraints ?? {}, host));
  return refused === undefined ? undefined : `its name constraints do not permit ${JSON.stringify(refused)}, which the fleet's certificates need`;
}

/** `chain`: each one signed by the next. */
function chainProblem(chain: readonly AuthorityFacts[], now: Instant): string | undefined {
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1];
    if (issuer === undefined) return undefined;
    if (!signedBy(certificate, issuer)) return `${certificate.subject} is not signed by ${issuer.subject} with SHA-256 or better`;
    const last = index + 1 === chain.length - 1;
    if (!issuer.authority || !issuer.signsCertificates || (issuer.pathLength !== undefined && issuer.pathLength < index + 1)) return `${issuer.subject} may not sign authorities at this depth`;
    if (!last && (issuer.problem !== undefined || issuer.notBefore > now + CLOCK_SKEW || issuer.notAfter < chain[0]!.notAfter)) return `${issuer.subject} ${issuer.problem ?? 'ends before what it signed'}`;
  }
  return undefined;
}

function validityProblem({ notBefore, notAfter }: AuthorityFacts, root: AuthorityFacts, now: Instant): string | undefined {
  if (notBefore > now + CLOCK_SKEW) return `is not valid before ${toRfc3339(notBefore)}`;
  if (notAfter <= now + ISSUING_ACTIVATE_BEFORE + DAY) return `ends at ${toRfc3339(notAfter)}, too soon to be put to use: give it 90 days`;
  if (notAfter > root.notAfter) return 'ends after its root';
  if (notAfter - notBefore > LONGEST_LIFETIME) return 'is valid for more than a year: give it 90 days';
  return undefined;
}
