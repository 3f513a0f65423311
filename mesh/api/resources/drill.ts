/** Drill: a rehearsed evacuation, measured from every cluster. */
import { z } from 'zod';
import { conditionsSchema, serviceKeySchema, timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

export const drillSpec = z.object({
  service: serviceKeySchema,
  evacuate: z.string().max(63).describe('Cluster that must not serve during the drill.'),
  holdSeconds: z.int().min(1).max(86400).default(10).describe('How long the cluster stays evacuated.'),
  objectiveSeconds: z.int().min(1).max(86400).default(30).describe('Longest time until every cluster\'s DNS answers without the evacuated cluster.'),
  requestedBy: z.string().max(256),
  stop: z.boolean().default(false).describe('Set true to cancel: everything is restored at once.'),
});

const drillStatus = z.object({
  observedGeneration: z.int().optional(),
  phase: z.enum(['Pending', 'CheckingBefore', 'Evacuating', 'Restoring', 'CheckingAfter', 'Succeeded', 'Failed', 'Cancelled']),
  message: z.string(),
  startedAt: timestamp.optional(),
  finishedAt: timestamp.optional(),
  worstRecoverySeconds: z.number().optional(),
  conditions: conditionsSchema.optional(),
});
export type DrillObject = ResourceObject<z.infer<typeof drillSpec>, z.infer<typeof drillStatus>>;
export const Drill = defineResource({
  kind: 'Drill', plural: 'drills',
  description: 'Evacuates one cluster for one service, measures how every cluster\'s DNS follows, and restores it.',
  spec: drillSpec, status: drillStatus,
  printColumns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Cluster', type: 'string', jsonPath: '.spec.evacuate' },
    { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{ rule: 'self.spec.requestedBy == oldSelf.spec.requestedBy', message: 'who asked for a drill does not change' }],
});
