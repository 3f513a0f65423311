/** UpdateStrategy and UpdateRun: how a change goes through the fleet, and one such change on its way. */
import { z } from 'zod';
import { conditionsSchema, strategySchema, timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

export const updateStrategySpec = strategySchema;
const emptyStatus = z.object({ observedGeneration: z.int().optional(), conditions: conditionsSchema.optional() });
export type UpdateStrategyObject = ResourceObject<z.infer<typeof updateStrategySpec>, z.infer<typeof emptyStatus>>;
export const UpdateStrategy = defineResource({
  kind: 'UpdateStrategy', plural: 'updatestrategies',
  description: 'In which order, how many at once and how carefully clusters get a change.',
  spec: updateStrategySpec, status: emptyStatus,
  printColumns: [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }],
});

export const updateRunSpec = z.object({
  strategy: strategySchema.extend({ name: z.string() }).describe('Copied when the run is made; later edits of the UpdateStrategy do not reach it.'),
  planDigest: z.string().describe('Digest of the plan that this run rolls out.'),
  reason: z.string().max(1024).describe('Why this run exists.'),
  requestedBy: z.string().max(256),
  undoOf: z.string().max(253).optional().describe('Name of the run whose targets this one takes back to what they had before it.'),
  stop: z.boolean().default(false).describe('Set true to stop: clusters in flight finish, the rest is skipped.'),
});

const updateRunStatus = z.object({
  observedGeneration: z.int().optional(),
  phase: z.enum(['Pending', 'Running', 'Stopped', 'Completed', 'CompletedWithFailures']),
  stage: z.string().optional(),
  message: z.string(),
  startedAt: timestamp.optional(),
  finishedAt: timestamp.optional(),
  counts: z.object({ total: z.int(), done: z.int(), inFlight: z.int(), failed: z.int(), skipped: z.int() }),
  conditions: conditionsSchema.optional(),
});
export type UpdateRunObject = ResourceObject<z.infer<typeof updateRunSpec>, z.infer<typeof updateRunStatus>>;

/** Rows per cluster and the journal are records (`isthmus run status`); status stays small at any fleet size. */
export const UpdateRun = defineResource({
  kind: 'UpdateRun', plural: 'updateruns', shortNames: ['irun'],
  description: 'One change on its way through the fleet, stage by stage.',
  spec: updateRunSpec, status: updateRunStatus,
  printColumns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Stage', type: 'string', jsonPath: '.status.stage' },
    { name: 'Done', type: 'integer', jsonPath: '.status.counts.done' },
    { name: 'Total', type: 'integer', jsonPath: '.status.counts.total' },
    { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{
    rule: 'self.spec.strategy == oldSelf.spec.strategy && self.spec.planDigest == oldSelf.spec.planDigest && has(self.spec.undoOf) == has(oldSelf.spec.undoOf)',
    message: 'a run is frozen when it is made; only spec.stop may change',
  }],
});
