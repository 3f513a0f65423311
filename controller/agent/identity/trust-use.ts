/**
 * Brings the trust that is asked of the cluster into use, in the one order that locks nobody out: roots into every Secret, then new pods, which read them at their start
 * alone; leaves are renewed beside that, for they are read at every handshake. Tells what is in use once it is so everywhere.
 */
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { TrustState } from '../../../mesh/model/desired.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { TrustUse } from '../../../mesh/model/trust.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { replacePods } from '../peers/replace-pods.ts';
import type { AgentIdentity } from './identity.ts';
import type { MeshCertificates } from './mesh-certificates.ts';

/** Digest of the roots that the pods of clustermesh-apiserver have read. */
const TRUSTS_ANNOTATION = 'isthmus.dev/trusts';
const LOOK_AGAIN_MILLISECONDS = 2000;

interface TrustStep {
  /** What is still to come, for people; empty: nothing. */
  readonly message: string;
  readonly again?: Instant;
  /** The newest that was complete; undefined: none since this agent started. */
  readonly use: TrustUse | undefined;
}

export interface Trusts {
  /** `peered`: the cluster has mesh certificates. */
  carryOut(trust: TrustState, peered: boolean, signal: CancelSignal): Promise<TrustStep>;
  /** Names the roots in what Cilium reads of its peers, for it makes its clients anew when that changes; undefined: the first bundle, or not yet. */
  mark(trust: TrustState): string | undefined;
}

interface TrustParts {
  readonly ports: { readonly kubernetes: KubernetesClient; readonly clock: Clock; readonly digest: Digest };
  readonly namespace: string;
  readonly identity: Pick<AgentIdentity, 'adoptTrust' | 'avoid' | 'issuer'>;
  readonly certificates: Pick<MeshCertificates, 'avoid' | 'inPlace'>;
}

export function createTrusts({ ports: { kubernetes, clock, digest }, namespace, identity, certificates }: TrustParts): Trusts {
  let use: TrustUse | undefined;

  /** A fleet that has known one bundle only has nothing to replace. */
  const mark = ({ sequence, bundlePem }: TrustState): string | undefined =>
    (sequence > 1 && certificates.inPlace()?.bundlePem === bundlePem ? digest(bundlePem).slice(0, 16) : undefined);

  async function carryOut(trust: TrustState, peered: boolean, signal: CancelSignal): Promise<TrustStep> {
    const { sequence, bundlePem, renewClientsOf = [], renewServersOf = [] } = trust;
    await identity.adoptTrust(bundlePem, signal);
    identity.avoid(renewClientsOf);
    certificates.avoid({ clients: renewClientsOf, servers: renewServersOf });
    const step = (message: string): TrustStep => ({ message, again: clock.now() + LOOK_AGAIN_MILLISECONDS, use });
    const own = identity.issuer();
    if (own === undefined) return step('');
    if (renewClientsOf.includes(own)) return step(`identity: is of ${own}, and is to be issued anew`);
    if (!peered) {
      use = { sequence, clientIssuers: [own], serverIssuers: [] };
      return { message: '', use };
    }
    const held = certificates.inPlace();
    // Why they are not in place is told with the certificates; just after a restart nobody has looked yet.
    if (held === undefined) return step('');
    if (held.bundlePem !== bundlePem) return step('mesh certificates: the roots are not in every Secret yet');
    const stale = [...held.clientIssuers.filter((issuer) => renewClientsOf.includes(issuer)), ...held.serverIssuers.filter((issuer) => renewServersOf.includes(issuer))];
    if (stale.length > 0) return step(`mesh certificates: some are of ${[...new Set(stale)].join(', ')}, and are to be issued anew`);
    const trusts = mark(trust);
    if (trusts !== undefined) {
      const pods = await replacePods(kubernetes, { namespace, annotations: { [TRUSTS_ANNOTATION]: trusts } }, signal);
      if (pods.state === 'replacing' || pods.state === 'refused') return step(pods.message);
    }
    use = { sequence, clientIssuers: [...new Set([own, ...held.clientIssuers])].sort(), serverIssuers: [...held.serverIssuers].sort() };
    return { message: '', use };
  }

  return { carryOut, mark };
}
