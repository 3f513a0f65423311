/** Cluster: what is known and wanted of one member of the fleet. */
import { z } from 'zod';
import { conditionsSchema, meshEndpointSchema, timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

const clusterSpec = z.object({
  properties: z.record(z.string().max(128), z.string().max(1024)).optional().describe('Facts that the administrators of the hub declare.'),
  meshEndpoint: meshEndpointSchema.optional().describe('Where peers reach this cluster\'s clustermesh-apiserver; overrides what its agent reports.'),
});

export const clusterStatus = z.object({
  identity: z.object({
    spiffeId: z.string(),
    certificateSerial: z.string(),
    issuer: z.string(),
    notAfter: timestamp,
    joinedAt: timestamp,
  }).optional(),
  properties: z.array(z.object({
    name: z.string().max(128),
    value: z.string().max(1024),
    source: z.enum(['declared', 'observed']),
    observedAt: timestamp,
  })).max(128).optional(),
  cilium: z.object({
    version: z.string(),
    clusterName: z.string(),
    clusterId: z.int(),
    maxConnectedClusters: z.int(),
    podCidrs: z.array(z.string()).max(64),
    namespace: z.string(),
    kvstoreMesh: z.boolean(),
    authMode: z.enum(['legacy', 'migration', 'cluster']),
    endpoint: meshEndpointSchema.optional(),
  }).optional(),
  kubernetesVersion: z.string().optional(),
  agentVersion: z.string().optional(),
  nodes: z.object({ total: z.int(), ready: z.int() }).optional(),
  exports: z.array(z.string().max(130)).max(256).optional().describe('namespace/name of exported services, first 256 by name.'),
  exportCount: z.int().optional(),
  current: z.object({ id: z.string(), appliedAt: timestamp, by: z.string() }).optional().describe('Desired state that the cluster has applied, and the run that brought it.'),
  desired: z.object({ id: z.string(), run: z.string(), stage: z.string() }).optional().describe('Desired state that a run assigned last.'),
  drift: z.array(z.object({
    object: z.string(),
    path: z.string(),
    expected: z.string(),
    actual: z.string(),
    manager: z.string(),
    firstSeen: timestamp,
  })).max(32).optional(),
  conditions: conditionsSchema.optional(),
});

export type ClusterObject = ResourceObject<z.infer<typeof clusterSpec>, z.infer<typeof clusterStatus>>;

/** Conditions: `Joined`, `Connected`, `Applied` (reason `Healthy|Applying|Unhealthy`), `InSync` (False: drift), `Ready` (all of them). */
export const Cluster = defineResource({
  kind: 'Cluster', plural: 'clusters', shortNames: ['icl'],
  description: 'One cluster of the fleet: identity, properties, current and desired state. Labels are for selection.',
  spec: clusterSpec, status: clusterStatus,
  printColumns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Cilium', type: 'string', jsonPath: '.status.cilium.version' },
    { name: 'Id', type: 'integer', jsonPath: '.status.cilium.clusterId' },
    { name: 'Current', type: 'string', jsonPath: '.status.current.id', priority: 1 },
    { name: 'Desired', type: 'string', jsonPath: '.status.desired.id', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  // As clusterNameProblem has it: no other name could ever join.
  validations: [{
    rule: "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$') && self.metadata.name != 'default'",
    message: 'name a cluster as in Cilium: a DNS label of at most 32 characters, not "default"',
  }],
});
