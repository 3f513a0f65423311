/** From what the hub heard of a cluster to what it believes: `Cluster.status`. */
import { canonicalJson } from '../model/canonical.ts';
import type { CiliumFacts } from '../model/cluster.ts';
import type { ClusterStatusValue } from '../model/cluster-status.ts';
import { MAX_SHOWN_PEERINGS } from '../model/desired.ts';
import { type Instant, toRfc3339 } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { foldCapacity, foldObservedAt } from './capacity.ts';
import { foldConditions } from './conditions.ts';
import { foldDrift } from './drift.ts';
import type { ClusterFacts } from './facts.ts';
import { foldProperties } from './properties.ts';

export type { ClusterFacts } from './facts.ts';

const MAX_EXPORTS = 256;
const MAX_POD_CIDRS = 64;

/** `status` is the very object passed in where nothing changed. */
export function foldCluster(facts: ClusterFacts, previousStatus: ClusterStatusValue | undefined, now: Instant): { status: ClusterStatusValue } {
  const previous = previousStatus ?? {};
  const agent = agentOf(facts, previous);
  const status: ClusterStatusValue = withoutUndefined({
    identity: foldIdentity(facts, previous),
    trust: foldTrust(facts, previous),
    peering: foldPeering(facts, previous),
    properties: foldProperties(facts, previous.properties ?? [], now),
    ...foldReport(facts, previous),
    ...foldCapacity(facts, previous),
    ...foldExports(facts, previous),
    desired: facts.assignment === null ? previous.desired : { id: facts.assignment.desiredId, run: facts.assignment.run, stage: facts.assignment.stage },
    current: foldCurrent(facts, previous, agent, now),
    revocation: facts.revocation,
    pending: facts.pending,
    ...foldDrift(facts, previous),
  });
  const observedAt = foldObservedAt(status, previous, facts.reportedAt ?? now);
  if (observedAt !== undefined) status.observedAt = observedAt;
  status.conditions = foldConditions(facts, status, previous.conditions ?? [], now);
  if (previousStatus !== undefined && canonicalJson(status) === canonicalJson(previousStatus)) return { status: previousStatus };
  return { status };
}

/** Who speaks for the cluster. */
export const agentOf = (facts: ClusterFacts, status: ClusterStatusValue): string => facts.reportedBy ?? facts.identity?.spiffeId ?? status.identity?.spiffeId ?? 'hub';

function foldIdentity({ identity, joinedAt }: ClusterFacts, previous: ClusterStatusValue): ClusterStatusValue['identity'] {
  if (identity === null) return previous.identity;
  const { spiffeId, certificateSerial, issuer, notAfter, trustDomain, issuingCaGeneration, keyFingerprint, previousKeyFingerprint } = identity;
  return withoutUndefined({
    spiffeId, certificateSerial, issuer, notAfter: toRfc3339(notAfter), joinedAt: joinedAt === null ? (previous.identity?.joinedAt ?? toRfc3339(0)) : toRfc3339(joinedAt),
    trustDomain, issuingCaGeneration, keyFingerprint, previousKeyFingerprint,
  });
}

function foldTrust({ applied }: ClusterFacts, previous: ClusterStatusValue): ClusterStatusValue['trust'] {
  if (applied?.trust === undefined) return previous.trust;
  const { sequence, clientIssuers, serverIssuers } = applied.trust;
  return { sequence, clientIssuers: [...clientIssuers], serverIssuers: [...serverIssuers] };
}

function foldPeering({ applied }: ClusterFacts, previous: ClusterStatusValue): ClusterStatusValue['peering'] {
  if (applied === null) return previous.peering;
  if (applied.peering === undefined) return undefined;
  const { reads, waiting, keeps = [] } = applied.peering;
  return withoutUndefined({
    reads: reads.length, waiting: waiting.length, waitsFor: waiting.length === 0 ? undefined : waiting.slice(0, MAX_SHOWN_PEERINGS).map((one) => ({ ...one })),
    keeps: keeps.length === 0 ? undefined : keeps.slice(0, MAX_SHOWN_PEERINGS),
  });
}

function foldReport({ report }: ClusterFacts, previous: ClusterStatusValue): Pick<ClusterStatusValue, 'cilium' | 'kubernetesVersion' | 'agentVersion' | 'nodes'> {
  if (report === null) return { cilium: previous.cilium, kubernetesVersion: previous.kubernetesVersion, agentVersion: previous.agentVersion, nodes: previous.nodes };
  return {
    cilium: report.cilium === null ? undefined : ciliumStatus(report.cilium),
    kubernetesVersion: report.kubernetesVersion, agentVersion: report.agentVersion, nodes: { total: report.nodes.total, ready: report.nodes.ready },
  };
}

function ciliumStatus({ endpoint, podCidrs, nodeCidrs, serviceCidrs, serverNames, foreignTrust, ...rest }: CiliumFacts): ClusterStatusValue['cilium'] {
  const { ips, address, port } = endpoint ?? { port: 0 };
  return {
    ...rest, podCidrs: podCidrs.slice(0, MAX_POD_CIDRS),
    ...(nodeCidrs === undefined ? {} : { nodeCidrs: [...nodeCidrs] }), ...(serviceCidrs === undefined ? {} : { serviceCidrs: [...serviceCidrs] }), ...(serverNames === undefined ? {} : { serverNames: [...serverNames] }),
    ...(foreignTrust === undefined ? {} : { foreignTrust: { roots: [...foreignTrust.roots], signedBy: [...foreignTrust.signedBy] } }),
    ...(endpoint === undefined ? {} : { endpoint: withoutUndefined({ address, ips: ips === undefined ? undefined : [...ips], port }) }),
  };
}

function foldExports({ exports }: ClusterFacts, previous: ClusterStatusValue): Pick<ClusterStatusValue, 'exports' | 'exportCount'> {
  if (exports === null) return { exports: previous.exports, exportCount: previous.exportCount };
  return { exports: [...exports].sort(compareText).slice(0, MAX_EXPORTS), exportCount: exports.length };
}

/** The run that brought a state stays named after a later run has been assigned. */
function foldCurrent({ applied, assignment }: ClusterFacts, previous: ClusterStatusValue, agent: string, now: Instant): ClusterStatusValue['current'] {
  if (applied === null) return previous.current;
  if (applied.id === null) return undefined;
  const earlier = previous.current?.id === applied.id ? previous.current : undefined;
  const by = assignment?.desiredId === applied.id ? `run/${assignment.run}` : (earlier?.by ?? agent);
  return { id: applied.id, appliedAt: applied.appliedAt === null ? (earlier?.appliedAt ?? toRfc3339(now)) : toRfc3339(applied.appliedAt), by };
}

const withoutUndefined = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
