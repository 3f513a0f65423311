/** Fields of a strategy, as an UpdateStrategy has them and an UpdateRun copies them. */
import { z } from 'zod';
import { FAILURE_POLICIES } from '../../model/strategy.ts';
import { selectorSchema } from './common.ts';

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LONGEST_SECONDS = 2592000;
const seconds = (least = 0) => z.int().min(least).max(LONGEST_SECONDS);
const listByName = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };

/** A number or a percentage: `x-kubernetes-int-or-string` in the CRD, where bounds count for numbers and the pattern for texts. */
const PERCENTAGE = '^(100|[1-9]?[0-9])%$';
const amount = (least: number) => z.union([z.int().min(least).max(100_000), z.string().regex(new RegExp(PERCENTAGE))]).meta({
  'x-kubernetes-int-or-string': true, minimum: least, maximum: 100_000, pattern: PERCENTAGE, maxLength: 4,
});

const authSecret = z.string().max(253).regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/).optional()
  .describe('Secret of the hub\'s namespace with token, or username and password; sent only to the origin that its annotation isthmus.dev/origin names.');

/** Refused as a rule over the object, not as a pattern: the answer of a pattern would say the password again. */
const withoutUser = (field: string): { readonly rule: string; readonly message: string } => ({
  rule: `!self.${field}.contains('@')`, message: `${field} must hold no user and no password: put them into a Secret of the hub's namespace, and name it in authSecret (an @ in a path is %40)`,
});

const metricGate = z.object({
  address: z.string().max(2048).regex(/^https?:\/\/[^\s]+$/).describe('Root of a Prometheus HTTP API.'),
  query: z.string().min(1).max(4096).describe('PromQL; {{clusters}} and {{control}} stand for regular expressions of the clusters that the run has changed, and has not.'),
  successCondition: z.string().max(1024).optional().describe('CEL over result and control, lists of numbers: true is a success.'),
  failureCondition: z.string().max(1024).optional().describe('CEL: true is a failure. Where neither condition is true the measurement is inconclusive.'),
  controlQuery: z.string().max(4096).optional().describe('Its result is control in the conditions: what the same query says of clusters that have not changed.'),
  traffic: z.object({ query: z.string().min(1).max(4096), atLeast: z.number() }).optional().describe('Less than this proves nothing: the measurement is inconclusive.'),
  initialDelaySeconds: seconds().default(0).describe('From when the gate is reached until the first measurement.'),
  intervalSeconds: seconds(1).default(60).describe('Between two measurements.'),
  count: z.int().min(1).max(1000).default(1).describe('So many successes pass the gate.'),
  failureLimit: z.int().min(0).max(1000).default(0).describe('More failures than this fail the gate.'),
  inconclusiveLimit: z.int().min(0).max(1000).default(0).describe('More measurements than this that meet neither condition make the gate Inconclusive: the run pauses.'),
  consecutiveErrorLimit: z.int().min(0).max(1000).default(4).describe('More errors one after another than this make the gate Inconclusive.'),
  timeoutSeconds: z.int().min(1).max(300).default(10),
  authSecret,
}).meta({ 'x-kubernetes-validations': [{ rule: 'has(self.successCondition) || has(self.failureCondition)', message: 'give successCondition, failureCondition or both' }, withoutUser('address')] });

const gate = z.object({
  name: z.string().regex(NAME).describe('Of this side of the stage; STAGE/before/NAME or STAGE/after/NAME is the gate of a run.'),
  approval: z.object({
    count: z.int().min(1).max(16).default(1).describe('Distinct people; the author of the run is none of them.'),
    groups: z.array(z.string().max(256)).max(16).default([]).describe('Of which each must be a member of one; empty: anybody who may create Approvals.'),
  }).optional(),
  metric: metricGate.optional(),
  waitUntil: z.object({ at: z.string().meta({ format: 'date-time' }) }).optional().describe('Passes at that time.'),
  webhook: z.object({
    url: z.string().max(2048).regex(/^https?:\/\/[^\s]+$/), intervalSeconds: seconds(1).default(30), timeoutSeconds: z.int().min(1).max(300).default(10),
    failureLimit: z.int().min(0).max(1000).default(4).describe('More errors one after another than this make the gate Inconclusive.'),
    authSecret,
  }).meta({ 'x-kubernetes-validations': [withoutUser('url')] }).optional(),
  job: z.object({
    namespace: z.string().regex(NAME), template: z.string().max(253).describe('A suspended Job of the hub\'s cluster; each gate makes a Job of its own from its template.'),
    deadlineSeconds: seconds(1).default(600).describe('A Job that has not completed by then fails the gate.'),
  }).optional(),
}).meta({ 'x-kubernetes-validations': [{
  rule: '[has(self.approval), has(self.metric), has(self.waitUntil), has(self.webhook), has(self.job)].filter(given, given).size() == 1',
  message: 'give exactly one of approval, metric, waitUntil, webhook and job',
}] });
const gates = z.array(gate).max(8).meta(listByName);

const group = z.object({
  name: z.string().regex(NAME).describe('Once in its stage.'), clusters: selectorSchema,
  maxConcurrency: amount(1).optional().describe('Clusters of the group in flight at once, within the bound of the stage.'), maxFailures: amount(0).optional().describe('More failed clusters of the group than this trigger onFailure.'),
  minDone: amount(0).optional().describe('The stage does not pass before so many of the group are done, as with minDone of the stage. Default 0.'),
});

const stage = z.object({
  name: z.string().regex(NAME).describe('Once in the strategy; runs, gates and simulations call it so.'),
  clusters: selectorSchema,
  groups: z.array(group).max(16).meta(listByName).optional().describe('Clusters with bounds of their own; groups go side by side.'),
  orderBy: z.string().min(1).max(316).optional().describe('Label, property or fact in whose ascending order clusters go.'),
  maxConcurrency: amount(1).default(1).describe('Clusters of this stage that may be in flight at once: a number, or a percentage of the stage, rounded down, at least 1.'),
  maxFailures: amount(0).optional().describe('More failed clusters than this trigger onFailure. Default 0.'),
  maxUnavailable: amount(1).optional().describe('Clusters disturbed at once: in flight, failed and not back, or failing before the run. Default: maxConcurrency and maxFailures together.'),
  minDone: amount(0).optional().describe('Nothing follows the stage before so many of its clusters are done in this run, also where all others are away: a number, or a percentage rounded up. 0: a stage that is away as a whole is passed over. Default 1.'),
  soakSeconds: seconds().default(0).describe('How long a cluster must stay healthy on the new state before it counts as done.'),
  stageSoakSeconds: seconds().optional().describe('How long the stage must stay healthy after its last cluster was done.'),
  progressDeadlineSeconds: seconds(1).optional().describe('Instead of that of the strategy.'),
  before: gates.optional().describe('Gates before the first cluster of the stage.'),
  after: gates.optional().describe('Gates after its last cluster is done.'),
});

export const strategySchema = z.object({
  stages: z.array(stage).min(1).max(31).meta(listByName).describe('One after the other; a cluster goes into the first one that selects it.'),
  progressDeadlineSeconds: seconds(1).default(600).describe('A cluster that is not healthy on its new state this long after it was assigned has failed.'),
  maxConcurrency: amount(1).optional().describe('Over all stages.'),
  maxFailures: amount(0).optional().describe('Over all stages.'),
  maxUnavailable: amount(1).optional().describe('Clusters of all stages disturbed at once, counted as in a stage.'),
  onFailure: z.enum(FAILURE_POLICIES).optional().describe('Default Stop. What follows when more clusters than maxFailures have failed.'),
  rollback: z.object({ maxConcurrency: amount(1).default(1), progressDeadlineSeconds: seconds(1).optional() }).optional().describe('How fast clusters go back.'),
  remaining: z.enum(['Last', 'Skip']).optional().describe('Default Last. Clusters that no stage selects: one at a time at the end, or not at all.'),
  fastRollbackSeconds: seconds().optional().describe('Clusters that go back to what they were healthy on within this time need no soak; budgets hold.'),
});
