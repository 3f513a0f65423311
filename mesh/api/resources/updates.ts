/** UpdateStrategy and UpdateRun: how a change goes through the fleet, and one such change on its way. */
import { z } from 'zod';
import { RUN_PHASES } from '../../model/rollout.ts';
import { conditionsSchema, selectorSchema, timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';
import { strategySchema } from './strategy.ts';

export const updateStrategySpec = strategySchema;
const emptyStatus = z.object({ observedGeneration: z.int().optional(), conditions: conditionsSchema.optional() });
export type UpdateStrategyObject = ResourceObject<z.infer<typeof updateStrategySpec>, z.infer<typeof emptyStatus>>;
export const UpdateStrategy = defineResource({
  kind: 'UpdateStrategy', plural: 'updatestrategies',
  description: 'In which order, how many at once and how carefully clusters get a change.',
  spec: updateStrategySpec, status: emptyStatus,
  printColumns: [
    { name: 'Valid', type: 'string', jsonPath: '.status.conditions[?(@.type=="Valid")].status' },
    { name: 'Message', type: 'string', jsonPath: '.status.conditions[?(@.type=="Valid")].message', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

const digest = z.string().regex(/^sha256-[0-9a-f]{64}$/);

/** No rule of the schema says so, for rules see no labels: the hub ends a run whose empty selector has no `all`. */
const all = z.boolean().optional().describe('True: every cluster of the fleet is meant; clusters is empty then. A run whose clusters is empty without it fails, and changes nothing.');

export const updateRunSpec = z.object({
  strategy: strategySchema.extend({ name: z.string() }).optional().describe('Copied when the run is made; later edits of the UpdateStrategy do not reach it.'),
  strategyName: z.string().max(253).optional().describe('Instead of strategy: an UpdateStrategy that is copied when the run begins.'),
  planDigest: z.string().optional().describe('Digest of the plan that this run rolls out.'),
  bundle: z.object({
    name: z.string().max(253).describe('A Bundle; what its package is on the selected clusters now is replaced.'),
    digest: digest.optional().describe('Of the content. Absent: taken from the Bundle when the run begins.'),
    clusters: selectorSchema.describe('Clusters that get it.'),
    all,
  }).optional(),
  removePackage: z.object({ name: z.string().max(63), clusters: selectorSchema.describe('Clusters that it is taken from.'), all }).optional().describe('A package that is to be taken away.'),
  undoOf: z.string().max(253).optional().describe('Name of the run whose targets this one takes back to what they had before it.'),
  retryOf: z.string().max(253).optional().describe('Name of the ended run whose failed and skipped clusters this one tries again, with the same frozen content.'),
  reason: z.string().max(1024).describe('Why this run exists.'),
  requestedBy: z.string().max(256).describe('Who asks for it. The API server refuses any other name than that of the user who creates it.'),
  stop: z.boolean().default(false).describe('Set true to stop: clusters in flight finish, the rest is skipped.'),
  pause: z.boolean().optional().describe('Set true to pause: clusters in flight finish, nothing new begins.'),
  resumedAt: timestamp.optional().describe('Set to now to resume a run that its failure policy or an inconclusive gate has paused: the failures until then are accepted. One that waits for clusters of a stage goes on without them.'),
  stoppedBy: z.string().max(256).optional().describe('Who set stop last. The API server writes it down, or refuses any other name than that of the user who does.'),
  pausedBy: z.string().max(256).optional().describe('Likewise of pause, whether it was set or taken back.'),
  resumedBy: z.string().max(256).optional().describe('Likewise of resumedAt.'),
});

const gateStatus = z.object({
  name: z.string(), phase: z.enum(['Waiting', 'Passed', 'Failed', 'Inconclusive']), message: z.string().max(1024), since: timestamp, approvedBy: z.array(z.string().max(256)).max(16).optional(),
});

const updateRunStatus = z.object({
  observedGeneration: z.int().optional(),
  phase: z.enum(RUN_PHASES),
  stage: z.string().optional(),
  message: z.string(),
  waitingUntil: timestamp.optional().describe('When time alone lets it go on; absent: not known, or it does not wait.'),
  startedAt: timestamp.optional(),
  finishedAt: timestamp.optional(),
  strategyDigest: z.string().optional().describe('Of the strategy that the run has frozen.'),
  counts: z.object({ total: z.int(), done: z.int(), inFlight: z.int(), failed: z.int(), skipped: z.int(), rolledBack: z.int().optional(), away: z.int().optional(), joinedLater: z.int().optional(), gone: z.int().optional() }),
  changedBy: z.array(z.object({ person: z.string().max(256), changed: z.array(z.string().max(320)).max(8) })).max(64).optional()
    .describe('Who changed what the run carries since the runs before carried it, and which objects. No approval of theirs counts.'),
  unknownChanges: z.array(z.string().max(512)).max(16).optional().describe('What the run carries and nothing vouches for who changed it. Gates that want approval hold.'),
  gates: z.array(gateStatus).max(64).optional().describe('Gates that were reached.'),
  conditions: conditionsSchema.optional(),
});
export type UpdateRunObject = ResourceObject<z.infer<typeof updateRunSpec>, z.infer<typeof updateRunStatus>>;

/**
 * Rows per cluster and the journal are records (`isthmus run status`); status stays small at any fleet size. Conditions: `Progressing`, `Healthy` (no cluster that the run has
 * changed has failed), `StrategySound` (False: what is unwise in it), `StrategyChanged` (only where the UpdateStrategy is not what the run has frozen).
 */
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
  validations: [
    {
      rule: "has(self.spec.strategy) == has(oldSelf.spec.strategy) && (!has(self.spec.strategy) || self.spec.strategy == oldSelf.spec.strategy) && has(self.spec.strategyName) == has(oldSelf.spec.strategyName) && (!has(self.spec.strategyName) || self.spec.strategyName == oldSelf.spec.strategyName) && has(self.spec.planDigest) == has(oldSelf.spec.planDigest) && (!has(self.spec.planDigest) || self.spec.planDigest == oldSelf.spec.planDigest) && has(self.spec.bundle) == has(oldSelf.spec.bundle) && (!has(self.spec.bundle) || self.spec.bundle == oldSelf.spec.bundle) && has(self.spec.removePackage) == has(oldSelf.spec.removePackage) && (!has(self.spec.removePackage) || self.spec.removePackage == oldSelf.spec.removePackage) && has(self.spec.undoOf) == has(oldSelf.spec.undoOf) && (!has(self.spec.undoOf) || self.spec.undoOf == oldSelf.spec.undoOf) && has(self.spec.retryOf) == has(oldSelf.spec.retryOf) && (!has(self.spec.retryOf) || self.spec.retryOf == oldSelf.spec.retryOf) && self.spec.requestedBy == oldSelf.spec.requestedBy",
      message: 'a run is frozen when it is made; only spec.stop, spec.pause, spec.resumedAt (and who said so) and spec.reason may change',
    },
    { rule: 'has(self.spec.strategy) || has(self.spec.strategyName) || has(self.spec.undoOf) || has(self.spec.retryOf)', message: 'give spec.strategy or spec.strategyName' },
    {
      rule: '[has(self.spec.planDigest) && !has(self.spec.undoOf), has(self.spec.bundle), has(self.spec.removePackage), has(self.spec.undoOf), has(self.spec.retryOf)].filter(given, given).size() == 1',
      message: 'give exactly one of spec.planDigest, spec.bundle, spec.removePackage, spec.undoOf and spec.retryOf',
    },
  ],
});
