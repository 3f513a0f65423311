/** Mesh: a group of clusters that Cilium Cluster Mesh peers with each other. */
import { z } from 'zod';
import { conditionsSchema, selectorSchema } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

export const meshSpec = z.object({
  clusters: selectorSchema,
  maxConnectedClusters: z.union([z.literal(255), z.literal(511)]).default(255)
    .meta({ 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'maxConnectedClusters is set when Cilium is installed and cannot change' }] })
    .describe('Must equal Cilium\'s own setting in every cluster.'),
  strategy: z.string().max(253).default('default').describe('Name of the UpdateStrategy that rolls changes of this mesh out.'),
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
