/** The document as people see it: no key leaves here. */
import { type Instant, toRfc3339 } from '../../mesh/model/instant.ts';
import { stepProblem } from '../policy/rotation.ts';
import { signersOf, trustedRoots } from '../policy/signing.ts';
import { factsOf } from './chain.ts';
import type { AuthorityDocument, StoredAuthority, StoredIssuer } from './document.ts';
import { missingHosts, type Workshop } from './maintain.ts';
import type { AuthorityProblem, AuthorityState, IssuerState, RootState } from './state.ts';

const DAY = 86_400_000;
const ROOT_WARNING = 365 * DAY;

export function describe(document: AuthorityDocument, workshop: Pick<Workshop, 'roots' | 'hosts'>, failure: string | undefined, now: Instant): AuthorityState {
  const { trustDomain, sequence, request, rotation, finished, clientsFrom, serversFrom } = document;
  const { from: _from, to: _to, ...shown } = rotation ?? {};
  const roots = describeRoots(document, workshop);
  const blocked = stepProblem(document);
  return {
    trustDomain, sequence, roots, issuers: describeIssuers(document),
    ...(request === undefined ? {} : { request: { requestPem: request.requestPem, root: request.root, since: request.since, hosts: document.hosts ?? [] } }),
    ...(rotation === undefined ? {} : { rotation: { ...shown, ...(blocked === undefined ? {} : { blocked }) } as NonNullable<AuthorityState['rotation']> }),
    ...(finished === undefined ? {} : { finished }),
    renewClientsFrom: clientsFrom, renewServersFrom: serversFrom, problems: problemsOf(document, roots, workshop, failure, now),
  };
}

function common({ certificatePem, generation, state, taintedAt }: StoredAuthority) {
  const { subject, commonName, serial, fingerprint, notBefore, notAfter } = factsOf(certificatePem);
  return { generation, subject, commonName, serial, fingerprint, notBefore, notAfter, state, ...(taintedAt === undefined ? {} : { taintedAt }), certificatePem };
}

function describeRoots(document: AuthorityDocument, { roots }: Pick<Workshop, 'roots'>): readonly RootState[] {
  const trusted = trustedRoots(document);
  const key = (root: StoredAuthority): RootState['key'] => {
    if (root.keyPem !== undefined) return 'Held';
    return trusted.includes(root) ? roots?.kind ?? 'Offline' : 'Nowhere';
  };
  return document.roots.map((root) => ({ ...common(root), trusted: trusted.includes(root), key: key(root) }));
}

function describeIssuers(document: AuthorityDocument): readonly IssuerState[] {
  const { client, server } = signersOf(document);
  return document.issuers.map((issuer) => ({
    ...common(issuer), root: issuer.root,
    signs: [...(issuer === client ? ['client' as const] : []), ...(issuer === server ? ['server' as const] : [])],
  }));
}

function problemsOf(document: AuthorityDocument, roots: readonly RootState[], { hosts }: Pick<Workshop, 'hosts'>, failure: string | undefined, now: Instant): readonly AuthorityProblem[] {
  const { request, issuers } = document;
  const signers = Object.values(signersOf(document)).filter((signer): signer is StoredIssuer => signer !== undefined);
  const ends = signers.map(({ certificatePem }) => factsOf(certificatePem).notAfter);
  const problems: AuthorityProblem[] = [];
  const say = (reason: AuthorityProblem['reason'], message: string): void => { problems.push({ reason, message }); };
  if (signers.length === 0 || Math.min(...ends) <= now) say('NoIssuer', 'no issuing CA is valid, so no certificate can be issued or renewed: clusters lose their connection when theirs end');
  for (const { generation } of new Set(signers.filter(({ taintedAt }) => taintedAt !== undefined))) say('TaintedSigns', `issuing CA ${generation} is tainted and still signs, because there is no other yet`);
  const believed = [
    ...roots.filter(({ taintedAt, trusted }) => taintedAt !== undefined && trusted).map(({ generation }) => `root ${generation}`),
    ...issuers.filter(({ taintedAt, root }) => taintedAt !== undefined && roots.some(({ generation, trusted }) => generation === root && trusted)).map(({ generation }) => `issuing CA ${generation}`),
  ];
  if (believed.length > 0) say('TaintedTrusted', `${believed.join(' and ')}: tainted and still believed by everybody who trusts the root above; a rotation of the root ends that`);
  if (request !== undefined) {
    const until = ends.length === 0 ? 'nothing can be issued until then' : `what signs now ends at ${toRfc3339(Math.min(...ends))}`;
    say('SignatureNeeded', `since ${toRfc3339(request.since)} an issuing CA waits for the signature of root ${request.root} ("isthmus identity root sign"); ${until}`);
  }
  if (failure !== undefined) say('RootKeyFails', failure);
  for (const signer of new Set(signers)) {
    const missing = missingHosts(signer, hosts);
    if (missing.length > 0) say('HostNotPermitted', `issuing CA ${signer.generation} may not sign for ${missing.join(', ')}, by which agents are to reach the hub`);
  }
  for (const { generation, trusted, notAfter, state } of roots) {
    if (trusted && state !== 'old' && notAfter - now < ROOT_WARNING) say('RootEnds', `root ${generation} ends at ${toRfc3339(notAfter)}; begin a rotation of the root`);
  }
  return problems;
}
