/** Questions about what a run would do: when it would change which clusters, and what of each. */
import { z } from 'zod';
import { selectorSchema, timestamp } from './common.ts';

const clusterNames = z.array(z.string().max(63)).max(1024);

/** One that there is, or one that nobody has made. */
const ofRun = {
  run: z.string().max(253).optional().describe('An UpdateRun, begun or not.'),
  strategyName: z.string().max(253).optional().describe('Of a run that there is not yet: its UpdateStrategy.'),
  plan: z.boolean().optional().describe('Of a run that there is not yet: it would roll out the present plan.'),
  bundle: z.object({ name: z.string().max(253), clusters: selectorSchema.default({}), all: z.boolean().optional() }).optional().describe('Of a run that there is not yet: it would bring this Bundle.'),
  removePackage: z.object({ name: z.string().max(63), clusters: selectorSchema.default({}), all: z.boolean().optional() }).optional().describe('Of a run that there is not yet: it would take this package away.'),
  undoOf: z.string().max(253).optional().describe('Of a run that there is not yet: it would take back this one.'),
  retryOf: z.string().max(253).optional().describe('Of a run that there is not yet: it would try again what this one did not bring.'),
  limit: z.int().min(1).max(100_000).optional().describe('At most so many rows in one answer; fewer come where they would not fit.'),
  continue: z.string().max(256).optional().describe('From the answer before: the rows that follow, of the same moment.'),
};

/** That there is one the hub checks: `continue` is a word that rules cannot say. */
const ONE_RUN = [
  {
    rule: '[has(self.run), has(self.plan) && self.plan, has(self.bundle), has(self.removePackage), has(self.undoOf), has(self.retryOf)].filter(given, given).size() <= 1',
    message: 'give one of run, plan, bundle, removePackage, undoOf and retryOf',
  },
  { rule: '!has(self.plan) && !has(self.bundle) && !has(self.removePackage) || has(self.strategyName)', message: 'plan, bundle and removePackage need strategyName' },
];

export const simulateQuestion = z.object({
  ...ofRun,
  whatIf: z.object({
    fail: clusterNames.optional().describe('Clusters that never get healthy on what they are given.'),
    failPercent: z.array(z.object({ stage: z.string().max(63), percent: z.int().min(0).max(100) })).max(32).optional().describe('So many of a stage\'s clusters fail as well, evenly spread.'),
    away: clusterNames.optional().describe('Clusters that are not connected, beside those that are not now.'),
  }).optional(),
  from: timestamp.optional().describe('When it would begin, or go on; now where it is left out.'),
  healthyAfterSeconds: z.int().min(0).max(86_400).default(30).describe('From a cluster\'s assignment until it is healthy.'),
  approvedAfterSeconds: z.int().min(0).max(7_776_000).default(0).describe('From when an approval is asked for until it is given.'),
  neverApproved: z.boolean().default(false),
  gatesFail: z.boolean().default(false).describe('Metric, webhook and Job gates fail rather than pass.'),
  days: z.int().min(1).max(90).default(30).describe('How far is looked ahead.'),
}).meta({ 'x-kubernetes-validations': ONE_RUN }).optional().describe('When a run would change which clusters, what would keep it waiting, and what if some fail.');

export const changesQuestion = z.object({
  ...ofRun,
  cluster: z.string().max(63).optional().describe('Of this cluster alone, and with the digests of secrets.'),
}).meta({ 'x-kubernetes-validations': ONE_RUN }).optional().describe('What a run changes of its clusters\' desired states, by groups of clusters with the same change.');
