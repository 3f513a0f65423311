/** DriftPolicy and DriftDecision: how serious a change by others is and what follows; and what a person decided on one. */
import { z } from 'zod';
import { conditionsSchema, selectorSchema, timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

const driftClass = z.enum(['acceptable', 'transient', 'suspicious', 'dangerous']);
const driftAction = z.enum(['ignore', 'wait', 'hold', 'alert']);
const statusSchema = z.object({ observedGeneration: z.int().optional(), conditions: conditionsSchema.optional() });

/** One element of `Cluster.status.drift`. */
export const driftEntryStatus = z.object({
  object: z.string(),
  path: z.string(),
  expected: z.string(),
  actual: z.string(),
  manager: z.string(),
  firstSeen: timestamp,
  actor: z.string().optional().describe('Who is behind the field manager, as far as the object says.'),
  changedAt: timestamp.optional().describe('When the manager last wrote.'),
  reason: z.enum(['Changed', 'PutBack', 'Contended']).optional(),
  class: driftClass.optional(),
  heldUntil: timestamp.optional().describe('Until then the cluster stays out of runs; after it people are asked to decide. Nothing is overwritten by itself.'),
  decision: z.string().optional().describe('DriftDecision that says what becomes of this change.'),
});

export const driftPolicySpec = z.object({
  clusters: selectorSchema,
  rules: z.array(z.object({
    match: z.string().min(1).max(1024).describe('CEL, true or false, over drift.object, drift.kind, drift.path, drift.manager, drift.actor, drift.reason, drift.ageSeconds, cluster.name, labels, properties.'),
    class: driftClass,
  })).max(32).default([]).describe('In order; the first that matches gives the class. None: suspicious.'),
  transientSeconds: z.int().min(0).max(2592000).default(300).describe('Transient drift that is older is suspicious.'),
  holdSeconds: z.int().min(60).max(31536000).default(604800).describe('How long a change holds its cluster out of runs before it becomes an alert. Nothing is overwritten then either.'),
  actions: z.object({
    acceptable: driftAction.default('ignore'),
    transient: driftAction.default('wait'),
    suspicious: driftAction.default('hold'),
    dangerous: driftAction.default('alert'),
  }).default({ acceptable: 'ignore', transient: 'wait', suspicious: 'hold', dangerous: 'alert' }).describe('What each class does. hold: the cluster stays out of runs. alert: hold, and people are told.'),
});
export type DriftPolicyObject = ResourceObject<z.infer<typeof driftPolicySpec>, z.infer<typeof statusSchema>>;

/** Of several policies that select a cluster, the first by name judges. Condition: `Valid` (False: names the rule and what is wrong with it; the rule is passed over). */
export const DriftPolicy = defineResource({
  kind: 'DriftPolicy', plural: 'driftpolicies',
  description: 'How serious changes by others to what Isthmus manages are, and what follows from them.',
  spec: driftPolicySpec, status: statusSchema,
  printColumns: [
    { name: 'Valid', type: 'string', jsonPath: '.status.conditions[?(@.type=="Valid")].status' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

export const driftDecisionSpec = z.object({
  cluster: z.string().min(1).max(64),
  action: z.enum(['accept', 'revert']).describe('accept: what stands there becomes desired. revert: it may be written over, once.'),
  changes: z.array(z.object({
    object: z.string().min(1).max(512).describe('As in Cluster.status.drift: "Secret kube-system/cilium-clustermesh".'),
    path: z.string().max(1024),
    actual: z.string().min(1).max(512).describe('As in Cluster.status.drift: a newer change has another digest and is not meant.'),
  })).min(1).max(32),
  reason: z.string().min(1).max(1024),
  requestedBy: z.string().min(1).max(256),
  ttlSecondsAfterFinished: z.int().min(0).max(315360000).optional().describe('How long a decision that has nothing more to do stays, a week where it is left out; then the hub deletes it, and history keeps the story. An accepted change stays desired, so its decision stays as well.'),
});
const decisionStatus = statusSchema.extend({ finishedAt: timestamp.optional().describe('Since when the decision has nothing more to do.') });
export type DriftDecisionObject = ResourceObject<z.infer<typeof driftDecisionSpec>, z.infer<typeof decisionStatus>>;

/** Condition `Effective`: False with `Refused|UnknownCluster|Outdated`, True with `Planned|Done`. Deleting one takes it out of the desired state, by a run as well; the hub deletes those that are over. */
export const DriftDecision = defineResource({
  kind: 'DriftDecision', plural: 'driftdecisions',
  description: 'What becomes of changes by others in one cluster: accepted or reverted, through a run like every change.',
  spec: driftDecisionSpec, status: decisionStatus,
  printColumns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.cluster' },
    { name: 'Action', type: 'string', jsonPath: '.spec.action' },
    { name: 'Effective', type: 'string', jsonPath: '.status.conditions[?(@.type=="Effective")].status' },
    { name: 'By', type: 'string', jsonPath: '.spec.requestedBy' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{ rule: 'self.spec == oldSelf.spec', message: 'a decision is what somebody decided; delete it and make another' }],
});
