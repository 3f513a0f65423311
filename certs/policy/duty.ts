/** What is due on issuing CAs. Pure; certificates are read, keys are not needed. */
import type { AuthorityDocument, StoredAuthority, StoredIssuer } from '../authority/document.ts';
import { factsOf } from '../authority/chain.ts';
import type { Instant } from '../../mesh/model/instant.ts';
import { ISSUING_ACTIVATE_BEFORE, ISSUING_LIFETIME, ISSUING_PREPARE_BEFORE } from './schedule.ts';
import { floored, reached, signersOf } from './signing.ts';
import { withoutKey } from './rotation.ts';

const DAY = 86_400_000;

/** Whether an issuing CA may sign what this hub has to: its constraints permit the hub's names. */
export type Fits = (issuer: StoredIssuer) => boolean;

export interface Duty {
  /** With what time alone asks for: the expired forgotten, the prepared put to use. The very same one where nothing was due. */
  readonly document: AuthorityDocument;
  /** Root that is to sign another issuing CA. */
  readonly wanted?: StoredAuthority;
  readonly nextAt: Instant;
}

const endOf = ({ certificatePem }: StoredAuthority): Instant => factsOf(certificatePem).notAfter;

/** The lines that must be able to sign, the one in use first. */
function lines(document: AuthorityDocument): readonly { readonly root: number; readonly issuer: number | undefined; readonly side: 'from' | 'to' | undefined }[] {
  const { rotation, roots } = document;
  if (rotation === undefined) {
    const signer = signersOf(document).client;
    const root = roots.findLast(({ state }) => state === 'active') ?? roots.at(-1);
    return root === undefined ? [] : [{ root: root.generation, issuer: signer?.root === root.generation ? signer.generation : undefined, side: undefined }];
  }
  const to = { root: rotation.to.root, issuer: rotation.to.issuer, side: 'to' as const };
  // Below one root the new issuing CA stands in for the old one at any time, so the old one needs no successor of its own.
  const alone = reached(rotation.phase, 'UpdateClients') || rotation.of === 'Issuing';
  return alone ? [to] : [{ root: rotation.from.root, issuer: rotation.from.issuer, side: 'from' }, to];
}

export function authorityDuty(before: AuthorityDocument, now: Instant, fits: Fits = () => true): Duty {
  let document = forgotten(before, now);
  const wants: { readonly root: StoredAuthority; readonly urgent: boolean; readonly side: 'from' | 'to' | undefined }[] = [];
  const times: Instant[] = [...document.issuers, ...document.roots].map(endOf);
  for (const { root: rootGeneration, issuer, side } of lines(document)) {
    const root = document.roots.find(({ generation }) => generation === rootGeneration);
    if (root === undefined) continue;
    const current = document.issuers.find(({ generation }) => generation === issuer);
    const left = current === undefined ? 0 : endOf(current) - now;
    const poor = current === undefined || current.taintedAt !== undefined || !fits(current);
    const successor = document.issuers
      .filter((other) => other.root === rootGeneration && other.state === 'prepared' && other.keyPem !== undefined && other.taintedAt === undefined && fits(other)
        && other.generation !== issuer && endOf(other) > (current === undefined ? now : endOf(current)) - DAY)
      .sort((one, other) => endOf(one) - endOf(other)).at(-1);
    if (successor !== undefined && (poor || left <= ISSUING_ACTIVATE_BEFORE)) document = promoted(document, current, successor, side);
    else if (successor === undefined && (poor || left <= ISSUING_PREPARE_BEFORE) && (poor || endOf(root) - now > left + DAY)) wants.push({ root, urgent: poor || left <= ISSUING_ACTIVATE_BEFORE, side });
    const end = current === undefined ? now + ISSUING_LIFETIME : endOf(current);
    times.push(end - ISSUING_PREPARE_BEFORE, end - ISSUING_ACTIVATE_BEFORE);
  }
  // Who signs now goes first where it must; else where the rotation leads to: an offline root is asked for one signature at a time.
  const wanted = wants.find(({ side, urgent }) => side !== 'to' && urgent) ?? wants.find(({ side }) => side === 'to') ?? wants[0];
  if (wanted !== undefined) times.push(now + ISSUING_LIFETIME - ISSUING_PREPARE_BEFORE);
  return { document: floored(document), ...(wanted === undefined ? {} : { wanted: wanted.root }), nextAt: Math.min(...times.filter((at) => at > now), now + ISSUING_LIFETIME) };
}

/** Expired issuing CAs, and requests to roots that are gone. */
function forgotten(document: AuthorityDocument, now: Instant): AuthorityDocument {
  const issuers = document.issuers.filter((issuer) => endOf(issuer) > now);
  const stale = document.request !== undefined && !document.roots.some(({ generation }) => generation === document.request?.root);
  if (issuers.length === document.issuers.length && !stale) return document;
  const { request, ...rest } = document;
  return { ...rest, ...(stale || request === undefined ? {} : { request }), issuers };
}

/**
 * Below the same root, so that whoever trusts the one trusts the other. The key of what is old is not needed any more. Whoever comes to sign has the greatest number
 * of all that signed: what was prepared before a way back gets a new one.
 */
function promoted(document: AuthorityDocument, current: StoredIssuer | undefined, successor: StoredIssuer, side: 'from' | 'to' | undefined): AuthorityDocument {
  const { rotation, made, clientsFrom, serversFrom } = document;
  // A line that does not sign yet stays prepared.
  const waiting = side === 'to' && rotation !== undefined && !reached(rotation.phase, 'UpdateServers');
  const late = successor.generation < Math.max(clientsFrom, serversFrom, ...document.issuers.filter((other) => other === current || other.state !== 'prepared').map((other) => other.generation));
  const generation = late ? made.issuers + 1 : successor.generation;
  return {
    ...document, made: { ...made, issuers: Math.max(made.issuers, generation) },
    issuers: document.issuers.map((issuer): StoredIssuer => {
      if (issuer === successor) return { ...issuer, generation, state: waiting ? 'prepared' : 'active' };
      return issuer === current ? { ...withoutKey(issuer), state: 'old' } : issuer;
    }).sort((one, other) => one.generation - other.generation),
    ...(rotation !== undefined && side !== undefined ? { rotation: { ...rotation, [side]: { ...rotation[side], issuer: generation } } } : {}),
  };
}
