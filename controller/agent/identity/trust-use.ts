/**
 * Brings the trust that is asked of the cluster into use, in the one order that locks nobody out: roots into every Secret, then new pods, which read them at their start
 * alone, then the mark by which Cilium makes its clients anew; leaves are renewed beside that, for they are read at every handshake. Tells what is in use once it is so everywhere.
 */
import { canonicalJson, type Digest } from '../../../mesh/model/canonical.ts';
import type { TrustState } from '../../../mesh/model/desired.ts';
import { type Instant, seconds, toRfc3339 } from '../../../mesh/model/instant.ts';
import { MAX_TRUST_ISSUERS, type TrustUse } from '../../../mesh/model/trust.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { replacePods } from '../peers/replace-pods.ts';
import type { AgentState } from '../state/state.ts';
import type { AgentIdentity } from './identity.ts';
import type { MeshCertificates } from './mesh-certificates.ts';
import { TRUST_SETTLE_SECONDS } from './settle-seconds.ts';
import { listed } from '../../../mesh/model/listed.ts';

/** Digest of the roots that the pods of clustermesh-apiserver have read. */
const TRUSTS_ANNOTATION = 'isthmus.dev/trusts';
const LOOK_AGAIN_MILLISECONDS = 2000;
const NAMED_PEERS = 3;

interface TrustStep {
  /** What is still to come, for people; empty: nothing. */
  readonly message: string;
  /** What only time brings: no fault, but not in use yet; empty: nothing. */
  readonly settles: string;
  readonly again?: Instant;
  /** The newest that was complete, also before a restart; undefined: none yet. */
  readonly use: TrustUse | undefined;
}

/** What Cilium reads of its peers, as it stands in the cluster. */
interface PeersTexts {
  /** Peers whose text does not have `mark`, by name of the Secret. */
  unmarked(mark: string): ReadonlyMap<string, readonly string[]>;
}

export interface Trusts {
  /** `peers` undefined: the cluster is in no mesh. */
  carryOut(trust: TrustState, peers: PeersTexts | undefined, signal: CancelSignal): Promise<TrustStep>;
  /** Names the roots in what Cilium reads of its peers, for it makes its clients anew when that changes; undefined: the first bundle, or not yet. */
  mark(trust: TrustState): string | undefined;
}

interface TrustParts {
  readonly ports: { readonly kubernetes: KubernetesClient; readonly clock: Clock; readonly digest: Digest };
  readonly namespace: string;
  /** How long after the last change Cilium's processes have it; undefined: `TRUST_SETTLE_SECONDS`. */
  readonly settleSeconds?: number | undefined;
  readonly state: Pick<AgentState, 'trusted' | 'setTrusted'>;
  readonly identity: Pick<AgentIdentity, 'adoptTrust' | 'avoid' | 'issuer'>;
  /** Told of what the identity took; of what it refused nothing is told. */
  readonly adopted: (trust: TrustState) => void;
  readonly certificates: Pick<MeshCertificates, 'avoid' | 'inPlace' | 'leaves' | 'problems'>;
}

export function createTrusts({ ports: { kubernetes, clock, digest }, namespace, settleSeconds = TRUST_SETTLE_SECONDS, state, identity, adopted, certificates }: TrustParts): Trusts {
  /** What stands complete in the cluster, and since when it is seen so; a restart begins anew. */
  let standing: { readonly what: string; readonly since: Instant } | undefined;
  /** The roots that every pod has read. */
  let read: string | undefined;

  const short = (bundlePem: string): string => digest(bundlePem).slice(0, 16);
  /** A fleet that has known one bundle only has nothing to replace. */
  const digestOf = ({ sequence, bundlePem }: TrustState): string | undefined => (sequence > 1 && certificates.inPlace()?.bundlePem === bundlePem ? short(bundlePem) : undefined);

  /**
   * What was said stays said, with the issuers of leaves that are shown since: a rotation on its way back asks who shows new ones, one on its way asks who shows old ones.
   * Not what another hub was told, nor what a cluster said while it was in no mesh and had nothing of Cilium to speak of. Just after a restart nobody knows what is shown.
   */
  function said({ sequence, bundlePem }: TrustState, peered: boolean): TrustUse | undefined {
    const { trusted } = state;
    if (trusted === null || trusted.use.sequence > sequence || (trusted.use.sequence === sequence && trusted.bundle !== short(bundlePem))) return undefined;
    if (!peered) return trusted.use;
    if (trusted.use.serverIssuers.length === 0 || certificates.problems() === undefined) return undefined;
    const shown = (server: boolean): readonly string[] => [...certificates.leaves()].flatMap(([role, { issuer }]) => (issuer === undefined || (role === 'server') !== server ? [] : [issuer]));
    const all = (...issuers: readonly string[]): string[] => [...new Set(issuers)].sort().slice(0, MAX_TRUST_ISSUERS);
    const use: TrustUse = {
      sequence: trusted.use.sequence,
      clientIssuers: all(...trusted.use.clientIssuers, ...[identity.issuer() ?? []].flat(), ...shown(false)),
      serverIssuers: all(...trusted.use.serverIssuers, ...shown(true)),
    };
    state.setTrusted({ ...trusted, use });
    return use;
  }

  function say(use: TrustUse, { bundlePem }: TrustState): TrustStep {
    state.setTrusted({ use, bundle: short(bundlePem) });
    return { message: '', settles: '', use };
  }

  /** When Cilium's processes will have what stands; undefined: they have. */
  function settledAt(what: string): Instant | undefined {
    if (standing?.what !== what) standing = { what, since: clock.now() };
    const at = standing.since + seconds(settleSeconds);
    return at > clock.now() ? at : undefined;
  }

  function unmarkedText(peers: PeersTexts, mark: string): string {
    return [...peers.unmarked(mark)].map(([name, of]) => {
      return `Secret ${namespace}/${name}: what stands there of ${listed(of, NAMED_PEERS)} does not name the roots of now, so Cilium may believe those of before; it is written as soon as nobody else holds it`;
    }).join('; ');
  }

  async function carryOut(trust: TrustState, peers: PeersTexts | undefined, signal: CancelSignal): Promise<TrustStep> {
    const { sequence, bundlePem, renewClientsOf = [], renewServersOf = [] } = trust;
    const believed = await identity.adoptTrust(bundlePem, signal);
    if (believed) adopted(trust);
    identity.avoid(renewClientsOf);
    certificates.avoid({ clients: renewClientsOf, servers: renewServersOf });
    const use = said(trust, peers !== undefined);
    const step = (message: string): TrustStep => { standing = undefined; return { message, settles: '', again: clock.now() + LOOK_AGAIN_MILLISECONDS, use }; };
    const own = identity.issuer();
    if (own === undefined) return step('');
    if (!believed) return step(`identity: is of ${own}, which is of none of the roots of bundle ${sequence}, so it keeps its own`);
    if (renewClientsOf.includes(own)) return step(`identity: is of ${own}, and is to be issued anew`);
    if (peers === undefined) return say({ sequence, clientIssuers: [own], serverIssuers: [] }, trust);
    const held = certificates.inPlace();
    // Why they are not in place is told with the certificates; just after a restart nobody has looked yet.
    if (held === undefined) return step('');
    if (held.bundlePem !== bundlePem) return step('mesh certificates: the roots are not in every Secret yet');
    const stale = [...held.clientIssuers.filter((issuer) => renewClientsOf.includes(issuer)), ...held.serverIssuers.filter((issuer) => renewServersOf.includes(issuer))];
    if (stale.length > 0) return step(`mesh certificates: some are of ${[...new Set(stale)].join(', ')}, and are to be issued anew`);
    const trusts = digestOf(trust);
    if (trusts !== undefined) {
      const pods = await replacePods(kubernetes, { namespace, annotations: { [TRUSTS_ANNOTATION]: trusts } }, signal);
      // Nothing of the clients waits for pods that cannot be replaced.
      if (pods.state !== 'replacing') read = trusts;
      if (pods.state === 'replacing' || pods.state === 'refused') return step(pods.message);
    }
    const next: TrustUse = { sequence, clientIssuers: [...new Set([own, ...held.clientIssuers])].sort(), serverIssuers: [...held.serverIssuers].sort() };
    if (use !== undefined && canonicalJson(use) === canonicalJson(next)) return say(next, trust);
    const missing = trusts === undefined ? '' : unmarkedText(peers, trusts);
    if (missing !== '') return step(missing);
    // The first bundle of a fleet is all that anybody has ever read.
    if (use === undefined && trusts === undefined && renewClientsOf.length === 0 && renewServersOf.length === 0) return say(next, trust);
    const at = settledAt(canonicalJson([trusts ?? null, held.clientIssuers, held.serverIssuers]));
    if (at !== undefined) return { message: '', settles: `trust: counts as in use from ${toRfc3339(at)} on, when Cilium's processes have read what has changed`, again: at, use };
    return say(next, trust);
  }

  return {
    carryOut,
    mark(trust) {
      const trusts = digestOf(trust);
      return trusts === read ? trusts : undefined;
    },
  };
}
