/** Mesh: a group of clusters that Cilium Cluster Mesh peers with each other. */
import { z } from 'zod';
import { conditionsSchema, selectorSchema } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

const clusterName = z.string().min(1).max(64);
/** Cilium's own limit of a mesh, twice: every cluster of the largest one may stand in some pairs. */
const MOST_PAIRS = 1022;

const topologySchema = z.object({
  type: z.enum(['FullMesh', 'HubAndSpoke', 'Regional', 'Pairs']).default('FullMesh'),
  hubs: selectorSchema.optional().describe('HubAndSpoke: clusters that are peered with all others; the others with these alone.'),
  groupBy: z.string().min(1).max(316).optional().describe('Regional: a label, property or fact; clusters with the same value are peered with each other.'),
  gateways: selectorSchema.optional().describe('Regional: clusters that are also peered with the gateways of other groups. Each group needs one.'),
  pairs: z.array(z.object({
    from: clusterName, to: clusterName,
    direction: z.enum(['Both', 'OneWay']).default('Both').describe('OneWay: `from` knows the services and endpoints of `to`, and not the other way round. Answers of pods come back only where the network carries them without Cilium.'),
  })).min(1).max(MOST_PAIRS).optional().describe('Pairs: who is peered with whom.'),
}).meta({ 'x-kubernetes-validations': [
  { rule: "(self.type == 'HubAndSpoke') == has(self.hubs)", message: 'hubs belongs to type HubAndSpoke, which needs it' },
  { rule: "(self.type == 'Regional') == has(self.groupBy) && (self.type == 'Regional') == has(self.gateways)", message: 'groupBy and gateways belong to type Regional, which needs both' },
  { rule: "(self.type == 'Pairs') == has(self.pairs)", message: 'pairs belongs to type Pairs, which needs it' },
] }).describe('Who is peered with whom; absent: everybody with everybody.');

export const meshSpec = z.object({
  clusters: selectorSchema,
  maxConnectedClusters: z.union([z.literal(255), z.literal(511)]).default(255)
    .meta({ 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'maxConnectedClusters is set when Cilium is installed and cannot change' }] })
    .describe('Must equal Cilium\'s own setting in every cluster.'),
  strategy: z.string().max(253).default('default').describe('Name of the UpdateStrategy that rolls changes of this mesh out.'),
  topology: topologySchema.optional(),
  allowVersionSkewMinors: z.int().min(0).max(4).default(1).describe('Largest distance between Cilium minor versions.'),
});

const meshStatus = z.object({
  observedGeneration: z.int().optional(),
  planDigest: z.string().optional().describe('Digest of the newest conflict-free plan.'),
  clusterCount: z.int().optional(),
  clusters: z.array(z.object({ name: z.string(), clusterId: z.int(), desiredId: z.string() })).max(511).optional(),
  conditions: conditionsSchema.optional(),
});

export type MeshObject = ResourceObject<z.infer<typeof meshSpec>, z.infer<typeof meshStatus>>;

/** Conditions: `Planned` (False with reason `ClusterIdConflict|CidrOverlap|VersionSkew|MaxConnectedClustersMismatch|…`), `RolledOut`. */
export const Mesh = defineResource({
  kind: 'Mesh', plural: 'meshes',
  description: 'A group of clusters that Cilium Cluster Mesh peers with each other.',
  spec: meshSpec, status: meshStatus,
  printColumns: [
    { name: 'Planned', type: 'string', jsonPath: '.status.conditions[?(@.type=="Planned")].status' },
    { name: 'RolledOut', type: 'string', jsonPath: '.status.conditions[?(@.type=="RolledOut")].status' },
    { name: 'Clusters', type: 'integer', jsonPath: '.status.clusterCount' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});
