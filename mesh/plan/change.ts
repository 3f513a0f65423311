/** From the state that a cluster was assigned to the one that is planned: what that means there. */
import { canonicalJson } from '../model/canonical.ts';
import { parseCiliumVersion } from '../model/cilium-version.ts';
import { type DesiredState, type PeeringState, type PeerState, readersOf } from '../model/desired.ts';
import { listed } from '../model/listed.ts';
import { compareText } from '../model/order.ts';
import type { PlanChange } from '../model/plan-change.ts';

const NAMED = 3;
/** Cilium before it reads addresses of peers from the hosts file of its pods alone (chart, `hostAliases`). */
const HOST_ALIASES_MINOR = 20;

/** Both as they are written, canonically. `before` undefined: it was assigned nothing. `ciliumId`: the id that its Cilium has now, 0: none or not known. */
export function planChange(before: DesiredState | undefined, after: DesiredState, ciliumId: number): PlanChange {
  const [old, next] = [before?.peering ?? null, after.peering];
  const [oldPeers, nextPeers] = [peersOf(old), peersOf(next)];
  const peersAdded = [...nextPeers.keys()].filter((name) => !oldPeers.has(name));
  const peersRemoved = [...oldPeers.keys()].filter((name) => !nextPeers.has(name));
  const peersChanged = [...nextPeers].filter(([name, peer]) => oldPeers.has(name) && JSON.stringify(oldPeers.get(name)) !== JSON.stringify(peer)).map(([name]) => name);
  const differs = peersAdded.length + peersRemoved.length + peersChanged.length > 0;
  const namespace = (next ?? old)?.namespace ?? '';
  const readers = (state: PeeringState | null): string => (state === null ? '' : readersOf(state).join());
  return {
    cluster: after.cluster, mesh: after.mesh, clusterId: next?.clusterId ?? 0, clusterIdBefore: ciliumId !== 0 ? ciliumId : old?.clusterId ?? 0, peersAdded, peersRemoved, peersChanged,
    writes: [
      ...(readers(old) === readers(next) && (old === null) === (next === null) ? [] : [`ConfigMap ${namespace}/clustermesh-remote-users`]),
      ...(differs ? [`Secret ${namespace}/cilium-clustermesh`, ...(next?.kvstoreMesh ?? old?.kvstoreMesh ?? false ? [`Secret ${namespace}/cilium-kvstoremesh`] : [])] : []),
    ],
    policies: changedPolicies(before, after),
    restarts: next === null ? [] : [...idRestart(next, ciliumId), ...aliasRestart(next, [...peersAdded, ...peersChanged])],
  };
}

const peersOf = (peering: PeeringState | null): Map<string, PeerState> => new Map((peering?.peers ?? []).map((peer) => [peer.name, peer]));

function idRestart({ clusterId, clusterName }: PeeringState, ciliumId: number): string[] {
  if (clusterId === ciliumId || clusterId === 0) return [];
  return [`cluster-id of ${clusterName} ${ciliumId === 0 ? `is to be ${clusterId}, and its Cilium has none` : `changes from ${ciliumId} to ${clusterId}`} (Helm value cluster.id): all of Cilium restarts there, and pods get new identities`];
}

function aliasRestart({ peers, ciliumVersion, kvstoreMesh }: PeeringState, touched: readonly string[]): string[] {
  const version = parseCiliumVersion(ciliumVersion);
  if (version === undefined || version.major > 1 || version.minor >= HOST_ALIASES_MINOR) return [];
  const names = new Set(touched);
  const byAddresses = peers.filter(({ name, endpoint }) => names.has(name) && endpoint.ips !== undefined).map(({ name }) => name);
  if (byAddresses.length === 0) return [];
  return [`Cilium ${ciliumVersion} finds ${listed(byAddresses, NAMED)}, known by ips, through the hosts file of its pods: unless DNS has <peer>.mesh.cilium.io, ${kvstoreMesh ? 'clustermesh-apiserver restarts' : 'clustermesh-apiserver and all cilium-agents restart'} with new hostAliases`];
}

function changedPolicies(before: DesiredState | undefined, after: DesiredState): string[] {
  const [old, next] = [before?.access ?? [], after.access ?? []].map((rules) => {
    const byPolicy = new Map<string, string>();
    for (const rule of rules) byPolicy.set(rule.policy, `${byPolicy.get(rule.policy) ?? ''}${canonicalJson(rule)}`);
    return byPolicy;
  }) as [Map<string, string>, Map<string, string>];
  return [...new Set([...old.keys(), ...next.keys()])].filter((name) => old.get(name) !== next.get(name)).sort(compareText);
}
