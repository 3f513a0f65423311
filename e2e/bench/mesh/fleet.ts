/** Fleets of full meshes, as their agents tell of them. */
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { MeshValue } from '../../../mesh/model/policy.ts';
import type { Topology } from '../../../mesh/model/topology.ts';
import type { PlanInput } from '../../../mesh/plan/plan.ts';

/** Of the first in each mesh, for hubs and spokes. */
export const HUBS = 4;
const SETTINGS = { 'routing-mode': 'tunnel', 'tunnel-protocol': 'vxlan', 'enable-ipv4': 'true', 'enable-ipv6': 'false', ipam: 'cluster-pool' } as const;

function clusterOf(mesh: number, index: number): ClusterView {
  const name = `cluster-${String(mesh).padStart(3, '0')}-${String(index).padStart(3, '0')}`;
  return {
    name, labels: { mesh: `mesh-${mesh}`, role: index < HUBS ? 'hub' : 'spoke' }, properties: [], joined: true, assignedId: null,
    report: {
      properties: {}, kubernetesVersion: '1.36.0', agentVersion: '0.1.0', nodes: { total: 3, ready: 3 }, peerAddress: '',
      cilium: {
        version: '1.20.0', clusterName: name, clusterId: index + 1, maxConnectedClusters: 511, settings: SETTINGS, podCidrs: [`10.${mesh}.${index >> 1}.${(index & 1) * 128}/25`], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster',
        endpoint: { address: `${name}.mesh.cilium.io`, port: 2379 }, serverNames: ['*.mesh.cilium.io'],
      },
    },
  };
}

const meshOf = (mesh: number, topology: Topology): MeshValue => ({ name: `mesh-${mesh}`, generation: 1, clusters: { labels: { mesh: `mesh-${mesh}` } }, maxConnectedClusters: 511, strategy: 'default', allowVersionSkewMinors: 1, topology });

export function fleetOf(meshes: number, each: number, topology: Topology = { type: 'FullMesh' }): PlanInput {
  const numbers = Array.from({ length: meshes }, (_, mesh) => mesh);
  return {
    meshes: numbers.map((mesh) => meshOf(mesh, topology)), clusters: numbers.flatMap((mesh) => Array.from({ length: each }, (_, index) => clusterOf(mesh, index))),
    failover: [], globalServices: [], trust: { trustDomain: 'example.org', sequence: 1, bundlePem: 'PEM' }, endpointOverrides: {},
  };
}
