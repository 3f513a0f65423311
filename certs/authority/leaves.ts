/**
 * Which names and purposes each leaf certificate has.
 *
 * Agents and the hub have no common name: a mesh etcd takes the common name of any certificate of our root for a user, and a cluster may be
 * called `root` or `admin-oslo`. Mesh certificates in turn have no SPIFFE ID, so that none of them passes for an agent.
 */
import { dnsLabelProblem } from '../../mesh/model/names.ts';
import type { MeshCertificateRole } from '../../mesh/ports/transport.ts';
import { spiffeIdOfCluster, spiffeIdOfHub } from '../names.ts';
import { AGENT_LIFETIME, HUB_LIFETIME, MESH_LIFETIME } from '../policy/schedule.ts';
import type { AlternativeNames, Name, Usage } from './certificate.ts';

export interface LeafProfile {
  readonly subject: Name;
  readonly usage: Usage;
  readonly names: AlternativeNames;
  readonly lifetime: number;
  /** By whom it is renewed first in a rotation: those that call, or those that are called. */
  readonly side: 'client' | 'server';
}

const LOOPBACK = ['localhost', '127.0.0.1'];

/** Client towards the hub, client and server towards other agents. */
export function agentProfile(trustDomain: string, cluster: string): LeafProfile {
  return {
    subject: { organization: 'Isthmus', organizationalUnit: cluster },
    usage: { kind: 'leaf', server: true, client: true },
    names: { uris: [spiffeIdOfCluster(trustDomain, cluster)] },
    lifetime: AGENT_LIFETIME,
    side: 'client',
  };
}

/** `host`: a DNS name or IP address, an IPv6 address with or without brackets. */
export function hubProfile(trustDomain: string, host: string): LeafProfile {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return {
    subject: { organization: 'Isthmus', organizationalUnit: 'hub' },
    usage: { kind: 'leaf', server: true, client: false },
    names: { uris: [spiffeIdOfHub(trustDomain)], hosts: [...new Set([bare, ...LOOPBACK])].filter((name) => name !== '') },
    lifetime: HUB_LIFETIME,
    side: 'server',
  };
}

/**
 * Cilium's chart (`templates/clustermesh-apiserver/tls-*`), except that the server's name is this cluster's alone: with the chart's `*.mesh.cilium.io`
 * and one authority for all, any cluster could pass for any other.
 */
export function meshProfile(role: MeshCertificateRole, cluster: string, namespace: string): LeafProfile {
  const problem = dnsLabelProblem('Cilium namespace', namespace);
  if (problem !== undefined) throw new Error(problem);
  if (role !== 'server') {
    return { subject: { organization: 'Isthmus', commonName: `${role}-${cluster}` }, usage: { kind: 'leaf', server: false, client: true }, names: {}, lifetime: MESH_LIFETIME, side: 'client' };
  }
  const service = meshServerName(namespace);
  return {
    // Common names end at 64 characters (RFC 5280 upper bounds); nobody matches the server's, its alternative names count.
    subject: { organization: 'Isthmus', commonName: service.length <= 64 ? service : 'clustermesh-apiserver' },
    usage: { kind: 'leaf', server: true, client: false },
    names: { hosts: [service, `${cluster}.mesh.cilium.io`, ...LOOPBACK, '::1'] },
    lifetime: MESH_LIFETIME,
    side: 'server',
  };
}

export const meshServerName = (namespace: string): string => `clustermesh-apiserver.${namespace}.svc`;
