/** Who is trusted and who signs: a function of the document alone, the same at every hub. */
import { ROTATION_PHASES, type RotationPhase } from '../../mesh/model/trust.ts';
import type { AuthorityDocument, StoredAuthority, StoredIssuer } from '../authority/document.ts';

type Rotating = Pick<AuthorityDocument, 'roots' | 'issuers' | 'rotation'>;

export const reached = (phase: RotationPhase, least: RotationPhase): boolean => ROTATION_PHASES.indexOf(phase) >= ROTATION_PHASES.indexOf(least);

/** Both roots from Init on, the one alone that stays from Cleanup on. */
export function trustedRoots({ roots, rotation }: Pick<Rotating, 'roots' | 'rotation'>): readonly StoredAuthority[] {
  const dropped = rotation?.of === 'Root' && reached(rotation.phase, 'Cleanup') ? rotation.from.root : undefined;
  return roots.filter((root) => root.generation !== dropped);
}

export const bundleOf = (document: Pick<Rotating, 'roots' | 'rotation'>): string => trustedRoots(document).map((root) => root.certificatePem).join('');

export interface Signers {
  /** Of leaves that call: agents, mesh clients. */
  readonly client: StoredIssuer | undefined;
  /** Of leaves that are called: the hub, mesh servers. */
  readonly server: StoredIssuer | undefined;
}

/**
 * Forward: clients first, then servers, each when everybody trusts both roots. On the way back servers do not wait: both roots are still trusted by all. A line
 * without a usable issuing CA, or with a tainted one, is stood in for by the other one wherever that one is trusted.
 */
export function signersOf({ issuers, rotation }: Pick<Rotating, 'issuers' | 'rotation'>): Signers {
  const usable = (generation: number | undefined): StoredIssuer | undefined =>
    issuers.find((issuer) => issuer.generation === generation && issuer.state !== 'old' && issuer.keyPem !== undefined);
  if (rotation === undefined) {
    const active = issuers.findLast((issuer) => issuer.state === 'active' && issuer.keyPem !== undefined);
    return { client: active, server: active };
  }
  const [from, to] = [usable(rotation.from.issuer), usable(rotation.to.issuer)];
  const { phase, back } = rotation;
  if (!reached(phase, 'UpdateClients')) {
    const signer = rotation.of === 'Issuing' ? untainted(from, to) : from;
    return { client: signer, server: signer };
  }
  return { client: untainted(to, from), server: back === true || reached(phase, 'UpdateServers') ? untainted(to, from) : untainted(from, to) };
}

const untainted = (...issuers: readonly (StoredIssuer | undefined)[]): StoredIssuer | undefined =>
  issuers.find((issuer) => issuer !== undefined && issuer.taintedAt === undefined) ?? issuers.find((issuer) => issuer !== undefined);

/** Leaves of tainted issuing CAs are to be replaced now, as soon as another one signs. One that signed nothing yet has no leaves. */
export function floored(document: AuthorityDocument): AuthorityDocument {
  const tainted = document.issuers.filter(({ taintedAt, state }) => taintedAt !== undefined && state !== 'prepared').map(({ generation }) => generation);
  const least = (floor: number, signer: StoredIssuer | undefined): number => {
    const after = Math.max(0, ...tainted) + 1;
    return signer !== undefined && signer.taintedAt === undefined && after <= signer.generation ? Math.max(floor, after) : floor;
  };
  const { client, server } = signersOf(document);
  const [clientsFrom, serversFrom] = [least(document.clientsFrom, client), least(document.serversFrom, server)];
  return clientsFrom === document.clientsFrom && serversFrom === document.serversFrom ? document : { ...document, clientsFrom, serversFrom };
}
