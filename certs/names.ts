/** Names in certificates: SPIFFE IDs of the hub and of clusters, and the names that Cilium's mesh etcd knows. */
import { clusterNameProblem } from '../mesh/model/names.ts';

const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;

/** SPIFFE-ID.md §2.1. A sentence, or undefined where the value is fine. */
export function trustDomainProblem(field: string, value: string): string | undefined {
  if (TRUST_DOMAIN.test(value)) return undefined;
  return `${field}: ${JSON.stringify(value)} is not a trust domain: use 1 to 255 of a-z, 0-9, ".", "-" and "_"`;
}

export const spiffeIdOfHub = (trustDomain: string): string => `spiffe://${trustDomain}/hub`;
export const spiffeIdOfCluster = (trustDomain: string, cluster: string): string => `spiffe://${trustDomain}/cluster/${cluster}`;

/** The cluster that an ID names, undefined for every other text: compared whole, so `cluster/c1` is never `cluster/c10`, nor of another trust domain. */
export function clusterOfSpiffeId(trustDomain: string, spiffeId: string): string | undefined {
  const prefix = spiffeIdOfCluster(trustDomain, '');
  if (!spiffeId.startsWith(prefix)) return undefined;
  const cluster = spiffeId.slice(prefix.length);
  return clusterNameProblem('cluster', cluster) === undefined ? cluster : undefined;
}
