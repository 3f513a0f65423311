/** Mesh: a group of clusters that Cilium Cluster Mesh peers with each other. */
import { z } from 'zod';
import { MAX_SKIP_CLUSTERS, MAX_SKIPS, SKIPPABLE_CHECKS } from '../../model/mesh-check.ts';
import { MAX_NAMED_BY, MAX_RELEASED_IDS } from '../../model/mesh-ids.ts';
import { conditionsSchema, selectorSchema, timestamp } from './common.ts';
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

const REASON = z.string().min(1).max(512).regex(/\S/);

const skipSchema = z.object({
  check: z.enum(SKIPPABLE_CHECKS).describe('By its name, as the findings have it; docs/reference/mesh-checks.md has all.'),
  clusters: z.array(clusterName).min(1).max(MAX_SKIP_CLUSTERS).optional().describe('Findings about these clusters alone are skipped; absent: all of the check.'),
  reason: REASON.describe('Why it can be gone without, for the record.'),
});

const releaseSchema = z.object({
  id: z.int().min(1).max(511), cluster: clusterName.describe('Who held it.'), reason: REASON.describe('Why it is known that nothing refers to it, for the record.'),
});

export const meshSpec = z.object({
  clusters: selectorSchema,
  maxConnectedClusters: z.union([z.literal(255), z.literal(511)]).default(255)
    .meta({ 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'maxConnectedClusters is set when Cilium is installed and cannot change' }] })
    .describe('Must equal Cilium\'s own setting in every cluster.'),
  strategy: z.string().max(253).default('default').describe('Name of the UpdateStrategy that rolls changes of this mesh out.'),
  topology: topologySchema.optional(),
  cells: z.object({
    maxClusters: z.int().min(2).max(511).optional().describe('Clusters of a cell; maxConnectedClusters where it is left out or smaller.'),
    region: z.string().min(1).max(316).describe('A label, property or fact: clusters with the same value are put into one cell as far as it has room.'),
    affinity: z.string().min(1).max(316).optional().describe('A label, property or fact: of a region that is divided, clusters with the same value stay together as far as they can.'),
  }).optional().describe('Divides a fleet that is larger than one Cluster Mesh can be into cells: each is a mesh of its own, with peers and cluster ids of its own. Whoever has a cell keeps it while it can.'),
  skips: z.array(skipSchema).max(MAX_SKIPS).optional().describe('Findings that the mesh is planned in spite of.'),
  releaseIds: z.array(releaseSchema).max(MAX_RELEASED_IDS).optional().describe('Cluster ids that are to be free before their drain is over. Each is obeyed once; what came of it is in status.releasedIds.'),
  allowVersionSkewMinors: z.int().min(0).max(4).default(1).describe('Largest distance between Cilium minor versions.'),
});

/** Of findings, of ids and of moves, in a status. */
const MOST_SHOWN = 64;
const MOST_CELLS = 512;

const meshStatus = z.object({
  observedGeneration: z.int().optional(),
  planDigest: z.string().optional().describe('Digest of the newest conflict-free plan.'),
  clusterCount: z.int().optional(),
  conflictCount: z.int().min(0).optional().describe('What keeps the mesh from being planned; condition Planned names it.'),
  clusters: z.array(z.object({ name: z.string(), clusterId: z.int(), desiredId: z.string() })).max(511).optional().describe('Of a mesh with cells: the first 511.'),
  cellCount: z.int().min(0).optional().describe('Of a mesh with cells.'),
  cells: z.array(z.object({ name: z.string(), clusters: z.int(), conflicts: z.int() })).max(MOST_CELLS).optional().describe('Of a mesh with cells: how many clusters each has.'),
  moves: z.array(z.object({ cluster: z.string(), from: z.int(), to: z.int() })).max(MOST_SHOWN).optional().describe('Clusters that the plan puts into another cell, the first 64.'),
  heldIds: z.array(z.object({
    id: z.int(), cluster: z.string(), since: timestamp,
    quietSince: timestamp.optional().describe('Since when no cluster names it; absent: some do.'),
    namedBy: z.array(z.string()).max(MAX_NAMED_BY).describe('Clusters whose state names it as a peer\'s, the first few.'),
  })).max(MOST_SHOWN).optional().describe('Ids of clusters that have left: nobody else gets them yet.'),
  releasedIds: z.array(z.object({ id: z.int(), cluster: z.string(), at: timestamp, by: z.string(), reason: z.string() })).max(MAX_RELEASED_IDS).optional().describe('Ids that people have declared free.'),
  skipped: z.array(z.object({ check: z.string(), clusters: z.array(z.string()).max(MAX_SKIP_CLUSTERS), finding: z.string().max(2048), reason: z.string() })).max(MOST_SHOWN).optional().describe('Findings that the mesh is planned in spite of, as spec.skips has it.'),
  warnings: z.array(z.object({ check: z.string(), finding: z.string().max(2048) })).max(MOST_SHOWN).optional().describe('What does not keep the mesh from being planned: warnings, clusters that wait, skips that skip nothing.'),
  pairsWaiting: z.int().min(0).optional().describe('Ordered pairs of clusters of which the first does not read the second yet, as their agents say.'),
  conditions: conditionsSchema.optional(),
});

export type MeshObject = ResourceObject<z.infer<typeof meshSpec>, z.infer<typeof meshStatus>>;

/** Conditions: `Planned` (False with reason `ClusterIdConflict|CidrOverlap|VersionSkew|MaxConnectedClustersMismatch|…`), `RolledOut`, `Peered` (True when every cluster reads whom it is to read), `PreflightSkipped` (True while findings are skipped). */
export const Mesh = defineResource({
  kind: 'Mesh', plural: 'meshes',
  description: 'A group of clusters that Cilium Cluster Mesh peers with each other.',
  spec: meshSpec, status: meshStatus,
  printColumns: [
    { name: 'Planned', type: 'string', jsonPath: '.status.conditions[?(@.type=="Planned")].status' },
    { name: 'RolledOut', type: 'string', jsonPath: '.status.conditions[?(@.type=="RolledOut")].status' },
    { name: 'Clusters', type: 'integer', jsonPath: '.status.clusterCount' },
    { name: 'Conflicts', type: 'integer', jsonPath: '.status.conflictCount' },
    { name: 'Cells', type: 'integer', jsonPath: '.status.cellCount', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});
