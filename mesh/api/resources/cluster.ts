/** Cluster: what is known and wanted of one member of the fleet. */
import { z } from 'zod';
import { LONGEST_RELEASE_NAME, MAX_CAPABILITY_LENGTH, MAX_CAPABILITY_VALUES, MAX_FOREIGN_ROOTS, MAX_NODE_CIDRS, MAX_REQUEST_GROUPS, MAX_SERVER_NAMES, MAX_SERVICE_CIDRS, RELEASE_TOOLS, REMOTE_USERS_MOUNTS } from '../../model/cluster.ts';
import { MAX_SHOWN_PEERS } from '../../model/revocation.ts';
import { LONGEST_WAITING_REASON, MAX_SHOWN_PEERINGS } from '../../model/desired.ts';
import { MAX_TRUST_ISSUERS } from '../../model/trust.ts';
import { conditionsSchema, declaredEndpointSchema, meshEndpointSchema, timestamp } from './common.ts';
import { driftEntryStatus } from './drift-policy.ts';
import { defineResource, type ResourceObject } from './define.ts';

const clusterSpec = z.object({
  properties: z.record(z.string().max(128), z.string().max(1024)).optional().describe('Facts that the administrators of the hub declare.'),
  meshEndpoint: declaredEndpointSchema.optional().describe('Where peers reach this cluster\'s clustermesh-apiserver; overrides what its agent reports.'),
  frozen: z.object({
    reason: z.string().min(1).max(1024).describe('Why, for whoever meets it.'),
    until: timestamp.optional().describe('Over by itself then; absent: until somebody removes it.'),
  }).optional().describe('No update run changes a frozen cluster: it is skipped, with this reason. What it has goes on working.'),
  revoked: z.object({
    at: timestamp.describe('Certificates of the cluster that were issued then, or before the hub saw this, are refused everywhere.'),
    reason: z.string().min(1).max(1024).describe('Why, for whoever meets it.'),
  }).optional().describe('Cuts the cluster off at once: its streams at the hub end, peers remove its user and its keys, its exports are imported nowhere. Undone by joining anew alone, with a token that was made after.'),
  admission: z.object({
    decision: z.enum(['Accepted', 'Rejected']),
    keySha256: z.string().regex(/^[0-9a-f]{64}$/).describe('Of the request that this is about: compare status.pending.keySha256 with what the agent says in its log.'),
    reason: z.string().max(1024).optional().describe('Why, for whoever meets it.'),
  }).optional().describe('Where the hub accepts clusters by hand: whether the key that asks may join. Another key asks anew.'),
});

const amounts = {
  cpuMilli: z.int().min(0), memoryBytes: z.int().min(0), pods: z.int().min(0),
  gpus: z.record(z.string().max(MAX_CAPABILITY_LENGTH), z.int().min(0)).describe('By extended-resource name, as nvidia.com/gpu.'),
};

export const clusterStatus = z.object({
  identity: z.object({
    spiffeId: z.string(),
    certificateSerial: z.string(),
    issuer: z.string(),
    notAfter: timestamp,
    joinedAt: timestamp,
    trustDomain: z.string().optional(),
    issuingCaGeneration: z.int().optional().describe('1 for the first issuing CA of this hub, one more with each renewal; absent: issued by a version that did not count.'),
    keyFingerprint: z.string().regex(/^[0-9a-f]{64}$/).optional().describe('SHA-256 of the public key of the certificate: one of an unbroken line of keys since the cluster joined. While an authority is tainted, no other key is answered.'),
    previousKeyFingerprint: z.string().regex(/^[0-9a-f]{64}$/).optional().describe('Of the key that asked for the certificate: it counts as well, for the answer may have been lost.'),
  }).optional(),
  trust: z.object({
    sequence: z.int().min(0).describe('Of the bundle of roots that all of its programs believe.'),
    clientIssuers: z.array(z.string().max(256)).max(MAX_TRUST_ISSUERS).describe('Common names of the issuing CAs of the client certificates in use.'),
    serverIssuers: z.array(z.string().max(256)).max(MAX_TRUST_ISSUERS),
  }).optional().describe('What is in use there; absent: its agent has not said.'),
  pending: z.object({
    keySha256: z.string().describe('SHA-256 of the public key that asks, hex; the agent says the same in its log.'),
    since: timestamp,
    by: z.string().max(512).describe('What it has shown: a join token or a service-account token.'),
  }).optional().describe('A key that asks to join and waits for spec.admission; absent: none does.'),
  uid: z.string().max(128).optional().describe('Of the cluster\'s namespace kube-system: one for its life, whatever it is called.'),
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
    nodeCidrs: z.array(z.string()).max(MAX_NODE_CIDRS).optional().describe('Addresses of nodes, exactly; absent: not told, or more than travel.'),
    serviceCidrs: z.array(z.string()).max(MAX_SERVICE_CIDRS).optional().describe('Of ServiceCIDR objects, or else as the agent\'s property service-cidrs says; absent: not told.'),
    remoteUsers: z.enum(REMOTE_USERS_MOUNTS).optional().describe('What pods of clustermesh-apiserver make of ConfigMap clustermesh-remote-users; absent: not told.'),
    serverNames: z.array(z.string().max(253)).max(MAX_SERVER_NAMES).optional().describe('Names in the certificate that others made for clustermesh-apiserver.'),
    foreignTrust: z.object({ roots: z.array(z.string().max(64)).max(MAX_FOREIGN_ROOTS), signedBy: z.array(z.string().max(64)).max(MAX_FOREIGN_ROOTS) }).optional().describe('Certificates of the mesh that others made: SHA-256 of the roots that they believe and of those that signed them.'),
    release: z.object({
      tool: z.enum(RELEASE_TOOLS), name: z.string().max(LONGEST_RELEASE_NAME),
      namespace: z.string().max(LONGEST_RELEASE_NAME).optional().describe('Absent: the mark does not say it.'),
      byLabelAlone: z.literal(true).optional().describe('The mark is one that charts set as well (app.kubernetes.io/instance).'),
    }).optional().describe('What brings Cilium there, as marks on ConfigMap cilium-config say; absent: they do not, or not told.'),
    settings: z.record(z.string().max(64), z.string().max(256)).optional().describe('Settings of ConfigMap cilium-config that clusters of a mesh must agree on, as they stand there.'),
  }).optional(),
  kubernetesVersion: z.string().optional(),
  agentVersion: z.string().optional(),
  nodes: z.object({ total: z.int(), ready: z.int() }).optional(),
  capabilities: z.record(z.string().max(MAX_CAPABILITY_LENGTH), z.array(z.string().max(MAX_CAPABILITY_LENGTH)).max(MAX_CAPABILITY_VALUES)).optional()
    .describe('What there is, by name: architecture, storage-class, zone, region, gpu, extended-resource, operating-system, kubelet-version. Absent: unknown.'),
  resources: z.object({
    capacity: z.object(amounts),
    allocatable: z.object(amounts),
    requested: z.object(amounts).optional().describe('By pods that are bound to a node and have not ended. Absent: unknown, for the agent cannot read pods.'),
  }).optional().describe('Follows what pods ask for in steps of 1 % of allocatable, at most once a minute.'),
  requestedBy: z.array(z.object({ label: z.string().max(317), value: z.string().max(63), ...amounts })).max(MAX_REQUEST_GROUPS).optional()
    .describe('Requests by value of a label of the pod or else of its namespace.'),
  observedAt: z.record(z.string().max(256), timestamp).optional().describe('When each fact that the agent observed became what it is, by field.'),
  exports: z.array(z.string().max(130)).max(256).optional().describe('namespace/name of exported services, first 256 by name.'),
  exportCount: z.int().optional(),
  peering: z.object({
    reads: z.int().min(0).describe('Clusters that it reads.'),
    waiting: z.int().min(0).describe('Clusters that it is to read and does not yet.'),
    waitsFor: z.array(z.object({ peer: z.string().max(63), reason: z.string().max(LONGEST_WAITING_REASON) })).max(MAX_SHOWN_PEERINGS).optional().describe('The first few of them, and what each is waited for.'),
    keeps: z.array(z.string().max(63)).max(MAX_SHOWN_PEERINGS).optional().describe('Clusters that are to read it no more and still may, the first few.'),
  }).optional().describe('How far it is with its peers; absent: its agent has not said.'),
  current: z.object({ id: z.string(), appliedAt: timestamp, by: z.string() }).optional().describe('Desired state that the cluster has applied, and the run that brought it.'),
  desired: z.object({ id: z.string(), run: z.string(), stage: z.string() }).optional().describe('Desired state that a run assigned last.'),
  revocation: z.object({
    at: timestamp.describe('Certificates that were issued then or before are refused.'),
    reason: z.string(),
    streamsCutAt: timestamp.optional().describe('When the hub ended what the agent had open; absent: it had nothing open.'),
    clusters: z.int().describe('Other clusters that have joined.'),
    usersRemoved: z.int().describe('Those that have removed its user, or where it was no peer.'),
    podsReplaced: z.int().describe('Those where no watch of it can be open: the pods of clustermesh-apiserver were replaced, or it was no peer.'),
    lastUserRemovedAt: timestamp.optional().describe('Set once all have.'),
    lastWatchGoneAt: timestamp.optional().describe('Set once all have.'),
    peers: z.array(z.object({
      cluster: z.string(),
      userRemovedAt: timestamp.optional(),
      podsReplacedAt: timestamp.optional(),
      problem: z.string().max(1024).optional(),
    })).max(MAX_SHOWN_PEERS).optional().describe('Those that it was a peer of, and those that have not said; who is not done first.'),
  }).optional().describe('What has become of spec.revoked; absent: the cluster is not cut off.'),
  drift: z.array(driftEntryStatus).max(32).optional(),
  driftOmitted: z.int().optional().describe('Changes by others beyond those in drift.'),
  conditions: conditionsSchema.optional(),
});

export type ClusterObject = ResourceObject<z.infer<typeof clusterSpec>, z.infer<typeof clusterStatus>>;

/** Conditions: `Joined`, `Connected`, `Applied` (reason `Healthy|Applying|Unhealthy`), `InSync` (False: drift), `Ready` (all of these); `Consistent` (False: what the cluster says contradicts what is declared, or another cluster says it is the same). */
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
    { name: 'Revoked', type: 'date', jsonPath: '.status.revocation.at', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  // As clusterNameProblem has it: no other name could ever join.
  validations: [{
    rule: "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$') && self.metadata.name != 'default'",
    message: 'name a cluster as in Cilium: a DNS label of at most 32 characters, not "default"',
  }, {
    rule: '!has(oldSelf.spec) || !has(oldSelf.spec.revoked) || (has(self.spec) && has(self.spec.revoked) && self.spec.revoked.at >= oldSelf.spec.revoked.at)',
    message: 'a revocation is not taken back: let the cluster join anew with a token that is made now (isthmus join)',
  }],
});
