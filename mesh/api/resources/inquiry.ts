/** Inquiry: a question to the hub's records or to an agent, answered in its status. */
import { z } from 'zod';
import { timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

const fleetQuestion = z.object({
  text: z.string().max(4096).optional().describe('Query, as of "isthmus fleet query"; none: every cluster.'),
  saved: z.string().max(253).optional().describe('Name of a FleetQuery, instead of text.'),
  at: timestamp.optional().describe('As of then, from the records; now where it is left out.'),
  columns: z.array(z.string().max(316)).max(64).optional().describe('Keys to show of each cluster; those of the saved query, or the usual ones, where it is left out.'),
  orderBy: z.string().max(1024).optional().describe('Instead of the query\'s own order: KEY, or KEY desc, several separated by commas.'),
  limit: z.int().min(1).max(100_000).optional().describe('At most this many clusters in one answer; fewer come where they would not fit.'),
  continue: z.string().max(256).optional().describe('From the answer before: the clusters that follow, of the same moment.'),
}).meta({ 'x-kubernetes-validations': [{ rule: '!has(self.text) || !has(self.saved)', message: 'give a text or the name of a saved query, not both' }] });

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
  discovered: z.object({ limit: z.int().min(1).max(1000).default(500) }).optional().describe('Clusters that other inventories and tools know.'),
  run: z.object({ name: z.string().max(253) }).optional(),
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
