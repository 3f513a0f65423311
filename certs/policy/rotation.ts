/** Which steps a rotation may take, and what each does to the document. Total: what is not allowed is a sentence. */
import { phaseAfter, type RotationPhase, type RotationTarget } from '../../mesh/model/trust.ts';
import type { AuthorityDocument, Line, RotationOrder, StoredAuthority, StoredIssuer, StoredRotation } from '../authority/document.ts';
import type { Instant } from '../../mesh/model/instant.ts';
import { floored, signersOf } from './signing.ts';

/** `document` is the very same one where the step is done already. */
export type Step = { readonly document: AuthorityDocument } | { readonly refusal: string };

const LONGEST_ID = 128;

/** `nextRoot`: makes or finds the root that comes in with a rotation of the root; what it throws passes through. */
export function begun(document: AuthorityDocument, order: RotationOrder, nextRoot: () => Pick<StoredAuthority, 'certificatePem' | 'keyPem'>, now: Instant): Step {
  const { rotation, finished } = document;
  if (order.id === '' || order.id.length > LONGEST_ID) return { refusal: `rotation: its id has ${order.id.length} characters; use 1 to ${LONGEST_ID}` };
  if (rotation?.id === order.id || finished?.id === order.id) return { document };
  if (rotation !== undefined) return { refusal: `rotation "${order.id}": rotation "${rotation.id}" is in phase ${rotation.phase}; wait until it is done, or roll it back first` };
  const signer = signersOf(document).client;
  if (signer === undefined) return { refusal: `rotation "${order.id}": there is no issuing CA to rotate: the first one waits for its signature, or the last one has expired` };
  const since = { ...order, phase: 'Init' as const, since: now };
  if (order.of === 'Issuing') {
    return { document: { ...document, rotation: { ...since, from: { root: signer.root, issuer: signer.generation }, to: { root: signer.root } } } };
  }
  const generation = document.made.roots + 1;
  return {
    document: {
      ...document, sequence: document.sequence + 1, made: { ...document.made, roots: generation },
      roots: [...document.roots, { ...nextRoot(), generation, state: 'prepared' }],
      rotation: { ...since, from: { root: signer.root, issuer: signer.generation }, to: { root: generation } },
    },
  };
}

export function moved(document: AuthorityDocument, id: string, target: RotationTarget, now: Instant): Step {
  const { rotation } = document;
  if (rotation === undefined) return target === 'Standby' && document.finished?.id === id ? { document } : { refusal: `rotation "${id}": is not running` };
  if (rotation.id !== id) return { refusal: `rotation "${id}": is not running; "${rotation.id}" is` };
  if (rotation.phase === target) return { document };
  if (phaseAfter(rotation.phase) !== target) return { refusal: `rotation "${id}": goes from ${rotation.phase} to ${phaseAfter(rotation.phase)}, never to ${target}` };
  if (target === 'Standby') return { document: cleanedUp(document, rotation, now) };
  if (target === 'Cleanup') return { document: dropping(document, rotation, now) };
  const problem = targetProblem(document, rotation);
  if (problem !== undefined) return { refusal: `rotation "${id}": ${problem}` };
  return { document: target === 'UpdateClients' ? signingClients(document, rotation, now) : signingServers(document, rotation, now) };
}

export function rolledBack(document: AuthorityDocument, id: string, now: Instant): Step {
  const { rotation } = document;
  if (rotation?.id !== id) return document.finished?.id === id && document.finished.back === true ? { document } : { refusal: `rotation "${id}": is not running, so there is nothing to roll back` };
  if (rotation.back === true) return { document };
  if (rotation.phase === 'Cleanup') return { refusal: `rotation "${id}": the old one is being dropped, the way back is closed; begin another rotation when it is done` };
  const back: StoredRotation = { ...rotation, from: rotation.to, to: rotation.from, back: true };
  if (rotation.phase === 'Init') return { document: dropping(document, back, now) };
  const problem = targetProblem(document, back);
  if (problem !== undefined) return { refusal: `rotation "${id}": ${problem}; so it cannot be rolled back` };
  return { document: signingClients(document, back, now) };
}

/** What was prepared below the same root and signed nothing yet lay in the same store: it is given up. */
export function tainted(document: AuthorityDocument, of: 'Root' | 'Issuing', generation: number, at: Instant): Step {
  const list: readonly StoredAuthority[] = of === 'Root' ? document.roots : document.issuers;
  const meant = list.find((stored) => stored.generation === generation);
  if (meant === undefined) return { refusal: `${of === 'Root' ? 'root' : 'issuing CA'} ${generation}: is not there; there are ${list.map((stored) => stored.generation).join(', ') || 'none'}` };
  if (meant.taintedAt !== undefined && meant.taintedAt <= at) return { document };
  if (of === 'Root') return { document: { ...document, roots: document.roots.map((root) => (root === meant ? { ...root, taintedAt: at } : root)) } };
  const issuer = meant as StoredIssuer;
  const given = (other: StoredIssuer): boolean => other !== issuer && issuer.state !== 'prepared' && other.state === 'prepared' && other.root === issuer.root && other.generation !== document.rotation?.to.issuer;
  return { document: floored({ ...document, issuers: document.issuers.filter((other) => !given(other)).map((other) => (other === issuer ? { ...other, taintedAt: at } : other)) }) };
}

/** Why `moved` would refuse the next step, whatever the fleet believes; undefined: it would not, or no rotation runs. */
export function stepProblem(document: AuthorityDocument): string | undefined {
  const { rotation } = document;
  return rotation?.phase === 'Init' || rotation?.phase === 'UpdateClients' ? targetProblem(document, rotation) : undefined;
}

/** Why nothing can be signed by the line that the rotation leads to. */
function targetProblem({ roots, issuers }: AuthorityDocument, { to }: StoredRotation): string | undefined {
  const root = roots.find(({ generation }) => generation === to.root);
  const issuer = issuers.find(({ generation }) => generation === to.issuer);
  if (root?.taintedAt !== undefined) return `root ${to.root} is tainted, nothing may lead to it`;
  if (issuer?.keyPem === undefined) return `root ${to.root} has signed no issuing CA for it yet`;
  if (issuer.taintedAt !== undefined) return `issuing CA ${issuer.generation} is tainted, nothing may lead to it`;
  return undefined;
}

const inPhase = (rotation: StoredRotation, phase: RotationPhase, now: Instant, to: Line = rotation.to): StoredRotation => ({ ...rotation, phase, since: now, to });

/** The issuing CA that takes over gets the greatest number, so that "at least this generation" means: of this one, or of a later one. */
function signingClients(document: AuthorityDocument, rotation: StoredRotation, now: Instant): AuthorityDocument {
  const { issuers, made } = document;
  const newest = issuers.every(({ generation }) => generation <= (rotation.to.issuer ?? 0));
  const generation = newest ? rotation.to.issuer ?? 0 : made.issuers + 1;
  return {
    ...document, clientsFrom: generation, made: { ...made, issuers: Math.max(made.issuers, generation) },
    issuers: issuers.map((issuer): StoredIssuer => (issuer.generation === rotation.to.issuer ? { ...issuer, generation, state: rotation.back === true ? 'active' : issuer.state } : issuer)).sort((a, b) => a.generation - b.generation),
    rotation: inPhase(rotation, 'UpdateClients', now, { ...rotation.to, issuer: generation }),
  };
}

function signingServers(document: AuthorityDocument, rotation: StoredRotation, now: Instant): AuthorityDocument {
  const { to } = rotation;
  return { ...handedOver(document, rotation), serversFrom: to.issuer ?? document.serversFrom, rotation: inPhase(rotation, 'UpdateServers', now) };
}

/** What the rotation leads to is active, what it leaves is old. */
function handedOver(document: AuthorityDocument, { from, to }: StoredRotation): AuthorityDocument {
  const stand = <T extends StoredAuthority>(stored: T, old: number | undefined, active: number | undefined): T =>
    (stored.generation === active ? { ...stored, state: 'active' } : stored.generation === old ? { ...stored, state: 'old' } : stored);
  return {
    ...document,
    roots: document.roots.map((root) => stand(root, from.root, to.root)),
    issuers: document.issuers.map((issuer) => stand(issuer, from.issuer, to.issuer)),
  };
}

/** What is left loses its keys: there is no way back from here. */
function dropping(document: AuthorityDocument, rotation: StoredRotation, now: Instant): AuthorityDocument {
  const { roots, issuers, request, ...rest } = handedOver(document, rotation);
  const left = leftBehind(rotation);
  return {
    ...rest,
    sequence: document.sequence + (rotation.of === 'Root' ? 1 : 0),
    roots: roots.map((root) => (rotation.of === 'Root' && root.generation === rotation.from.root ? withoutKey(root) : root)),
    issuers: issuers.map((issuer) => (left(issuer) ? { ...withoutKey(issuer), state: 'old' } : issuer)),
    // On the way back from Init the request was for what is given up.
    ...(request === undefined || rotation.back === true || request.root === rotation.from.root && rotation.of === 'Root' ? {} : { request }),
    rotation: inPhase(rotation, 'Cleanup', now),
  };
}

function cleanedUp({ rotation: _, ...document }: AuthorityDocument, rotation: StoredRotation, now: Instant): AuthorityDocument {
  const left = leftBehind(rotation);
  return {
    ...document,
    roots: document.roots.filter((root) => rotation.of === 'Issuing' || root.generation !== rotation.from.root),
    // Below a root that stays, a tainted one is believed on: it is known until that root is left.
    issuers: document.issuers.filter((issuer) => !left(issuer) || (rotation.of === 'Issuing' && issuer.taintedAt !== undefined)),
    finished: { id: rotation.id, of: rotation.of, at: now, ...(rotation.back === true ? { back: true } : {}) },
  };
}

const leftBehind = ({ of, from }: StoredRotation) => (issuer: StoredIssuer): boolean => (of === 'Root' ? issuer.root === from.root : issuer.generation === from.issuer);

export function withoutKey<T extends StoredAuthority>({ keyPem: _, ...stored }: T): Omit<T, 'keyPem'> {
  return stored;
}
