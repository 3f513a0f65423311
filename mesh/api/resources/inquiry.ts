/** Inquiry: a question to the hub's records or to an agent, answered in its status. */
import { z } from 'zod';
import { timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';
import { changesQuestion, simulateQuestion } from './foresight.ts';

const ONE_QUERY = { rule: '!has(self.text) || !has(self.saved)', message: 'give a text or the name of a saved query, not both' };

const fleetQuestion = z.object({
  text: z.string().max(4096).optional().describe('Query, as of "isthmus fleet query"; none: every cluster.'),
  saved: z.string().max(253).optional().describe('Name of a FleetQuery, instead of text.'),
  at: timestamp.optional().describe('As of then, from the records; now where it is left out.'),
  columns: z.array(z.string().max(316)).max(64).optional().describe('Keys to show of each cluster; those of the saved query, or the usual ones, where it is left out.'),
  orderBy: z.string().max(1024).optional().describe('Instead of the query\'s own order: KEY, or KEY desc, several separated by commas.'),
  limit: z.int().min(1).max(100_000).optional().describe('At most this many clusters in one answer; fewer come where they would not fit.'),
  continue: z.string().max(256).optional().describe('From the answer before: the clusters that follow, of the same moment.'),
}).meta({ 'x-kubernetes-validations': [ONE_QUERY] });

/** Of which clusters a report or a search is. */
const ofClusters = {
  text: z.string().max(4096).optional().describe('Only the clusters that this query matches; none: every cluster.'),
  saved: z.string().max(253).optional().describe('Name of a FleetQuery, instead of text.'),
  at: timestamp.optional().describe('As of then, from the records; now where it is left out.'),
  limit: z.int().min(1).max(100_000).optional().describe('At most so many rows in one answer; fewer come where they would not fit.'),
  continue: z.string().max(256).optional().describe('From the answer before: what follows, of the same moment.'),
};
const wishes = z.array(z.string().min(1).max(316)).max(32).default([]);

/** One entry a question; exactly one is asked. */
const questions = {
  history: z.object({
    cluster: z.string().max(63).optional(),
    field: z.string().max(316).optional().describe('A field, for example desired or labels.region; with a final * all that begin so.'),
    since: timestamp.optional(),
    until: timestamp.optional().describe('Up to, not including, this time.'),
    limit: z.int().min(1).max(500).default(100),
  }).optional().describe('What changed, newest first: by whom, why, on whose approval.'),
  diff: z.object({
    cluster: z.string().max(63),
    at: timestamp,
    to: timestamp.optional().describe('Now where it is left out.'),
  }).optional().describe('What is different in a cluster between two moments, and who changed it last.'),
  query: fleetQuestion.optional().describe('Which clusters match a query, and what is known of them.'),
  report: z.object({
    ...ofClusters,
    by: z.string().min(1).max(316).optional().describe('One row for each value of this label or property of clusters; each cluster by itself where it is left out.'),
    workloadLabel: z.string().min(1).max(316).optional().describe('Instead: one row for each value of this label of pods or their namespaces, which agents sum by.'),
  }).meta({ 'x-kubernetes-validations': [ONE_QUERY, { rule: '!has(self.by) || !has(self.workloadLabel)', message: 'a report is made by one of by, workloadLabel' }] })
    .optional().describe('What clusters give, what their pods ask for, what is idle and what that costs.'),
  find: z.object({
    ...ofClusters,
    classes: wishes.describe('Each a kind of capability that must not be empty, or a glob over resources, architectures and storage classes.'),
    regions: wishes.describe('Any of them: a region, the beginning of its name up to a "-", or a glob.'),
    capabilities: wishes.describe('Each NAME that is declared or labelled, or NAME=GLOB.'),
    freeCpuMilli: z.int().min(0).optional(),
    freeMemoryBytes: z.int().min(0).optional(),
    freeGpus: z.int().min(0).optional(),
    explain: z.boolean().default(false).describe('Also the clusters that are not chosen, and everything that speaks against each.'),
  }).meta({ 'x-kubernetes-validations': [ONE_QUERY] }).optional().describe('Which clusters could take a workload, by what they can do; most to give first.'),
  discovered: z.object({ limit: z.int().min(1).max(1000).default(500) }).optional().describe('Clusters that other inventories and tools know.'),
  run: z.object({ name: z.string().max(253) }).optional(),
  simulate: simulateQuestion,
  changes: changesQuestion,
  access: z.object({
    name: z.string().max(200).describe('Of an AccessPolicy; with spec, also of one that nobody has made.'),
    spec: z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true }).optional().describe('As of an AccessPolicy: as it would be. Left out: as it is.'),
    remove: z.boolean().optional().describe('As if it were not.'),
    cluster: z.string().max(63).optional().describe('Of this destination alone.'),
  }).meta({ 'x-kubernetes-validations': [{ rule: '!has(self.remove) || !self.remove || !has(self.spec)', message: 'give spec or remove, not both' }] })
    .optional().describe('Which pods an AccessPolicy lets through to its destinations, and which it stops, by the pods that there are.'),
  standing: z.object({ cluster: z.string().max(63) }).optional().describe('What stands of a mesh in a cluster, whoever made it: parsed, and by digests.'),
  verify: z.object({
    mesh: z.string().max(253).optional().describe('Of clusters of this Mesh alone.'),
    from: z.string().max(63).optional().describe('What this cluster sees.'),
    to: z.string().max(63).optional().describe('How this cluster is seen.'),
    fresh: z.boolean().default(false).describe('Has the agents look at this moment, rather than say what they saw last.'),
  }).optional().describe('Whether each cluster reads its peers as Cilium does: what agents find when they open their peers\' mesh etcds.'),
  plan: z.object({
    mesh: z.string().max(253).optional().describe('Of this Mesh alone.'),
    objects: z.array(z.object({
      kind: z.enum(['Mesh', 'Cluster', 'AccessPolicy']), metadata: z.object({ name: z.string().min(1).max(253), labels: z.record(z.string().max(316), z.string().max(63)).optional() }),
      spec: z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true }).optional(), status: z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true }).optional(),
    })).max(1000).optional().describe('As if these were there, in place of those of their names. A Cluster whose status.cilium is given counts as one that has joined and reported that.'),
    limit: z.int().min(1).max(100_000).optional().describe('At most so many clusters in one answer; fewer come where they would not fit.'),
    continue: z.string().max(256).optional().describe('From the answer before: the clusters that follow, of the same moment.'),
  }).optional().describe('What the plan changes of each cluster against what it is assigned: peers, ids, objects, policies, restarts.'),
  drill: z.object({ name: z.string().max(253) }).optional(),
  dns: z.object({ name: z.string().max(253), type: z.string().max(16).default('A'), from: z.string().max(63) }).optional(),
};
export type QuestionName = keyof typeof questions;
export const QUESTION_NAMES = Object.keys(questions) as readonly QuestionName[];

const inquirySpec = z.object(questions).meta({
  'x-kubernetes-validations': [{ rule: `[${QUESTION_NAMES.map((name) => `has(self.${name})`).join(', ')}].filter(x, x).size() == 1`, message: 'ask exactly one thing' }],
});

const inquiryStatus = z.object({
  answeredAt: timestamp,
  /** JSON text; its shape depends on the question (`mesh/api/resources/inquiry-answers.ts`). */
  answer: z.string().max(1_000_000).optional(),
  error: z.string().max(4096).optional(),
  reason: z.enum(['WrongQuery']).optional().describe('Of an error that is the question\'s own: what it asks cannot be read.'),
});
export type InquiryObject = ResourceObject<z.infer<typeof inquirySpec>, z.infer<typeof inquiryStatus>>;

/** Asked by creating one, answered in its status, deleted by who asked; the hub deletes what is older than 60 s. Who may ask is Kubernetes RBAC. */
export const Inquiry = defineResource({
  kind: 'Inquiry', plural: 'inquiries',
  description: 'A question to the hub\'s records or to an agent.',
  spec: inquirySpec, status: inquiryStatus,
  printColumns: [{ name: 'Answered', type: 'string', jsonPath: '.status.answeredAt' }],
});
