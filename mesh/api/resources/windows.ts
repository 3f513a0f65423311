/** ChangeWindow and WindowOverride: when changes may begin, and a person's word that lets one run pass. */
import { z } from 'zod';
import { conditionsSchema, selectorSchema, timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

const LONGEST_SECONDS = 31_622_400;
const globs = z.array(z.string().min(1).max(253)).min(1).max(64);

export const changeWindowSpec = z.object({
  clusters: selectorSchema,
  kind: z.enum(['Allow', 'Deny']).describe('Allow: where one selects a cluster, changes begin inside one alone. Deny: no change begins inside it, whatever allows it.'),
  cron: z.string().min(1).max(256).optional().describe('Begins at: minute, hour, day of month, month, day of week, in timeZone. Where both days are restricted, either is enough.'),
  rrule: z.string().min(1).max(1024).optional().describe('Begins at: a recurrence rule of RFC 5545, as FREQ=MONTHLY;BYDAY=1SA, from start on.'),
  start: z.string().max(19).regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/).optional().describe('Of rrule: its first date and time, local in timeZone, as 2027-01-04T22:00:00.'),
  period: z.object({ from: timestamp, to: timestamp.optional().describe('Absent: until the object is deleted.') }).optional().describe('Once, between two times.'),
  durationSeconds: z.int().min(60).max(LONGEST_SECONDS).optional().describe('Of cron and rrule: how long it stays open, in elapsed time. Where it opens again before it closes, it stays open.'),
  timeZone: z.string().min(1).max(64).default('UTC').describe('IANA name, as Europe/Berlin. A local time that clocks leave out does not begin a window; of one that comes twice the first does.'),
  reason: z.string().max(1024).default('').describe('What people read who wait for it.'),
  strategies: globs.optional().describe('Globs over names of UpdateStrategies: only their runs are concerned. Absent: all.'),
  packages: globs.optional().describe('Globs over packages: only runs that bring or take away one of them are concerned. Absent: all.'),
}).meta({ 'x-kubernetes-validations': [
  { rule: '[has(self.cron), has(self.rrule), has(self.period)].filter(given, given).size() == 1', message: 'give exactly one of cron, rrule and period' },
  { rule: 'has(self.rrule) == has(self.start)', message: 'rrule and start are given together: start is the first local date and time of the rule' },
  { rule: 'has(self.period) != has(self.durationSeconds)', message: 'cron and rrule need durationSeconds; a period has its end' },
  { rule: '!has(self.period) || !has(self.period.to) || timestamp(self.period.from) < timestamp(self.period.to)', message: 'period.to must be later than period.from' },
] });

const changeWindowStatus = z.object({
  observedGeneration: z.int().optional(),
  open: z.boolean().optional().describe('Inside it now. Of a Deny window: changes are refused now.'),
  opensAt: timestamp.optional().describe('When a closed one opens next; absent: not within 400 days.'),
  closesAt: timestamp.optional().describe('When an open one closes; absent: not within 400 days.'),
  conditions: conditionsSchema.optional(),
});
export type ChangeWindowObject = ResourceObject<z.infer<typeof changeWindowSpec>, z.infer<typeof changeWindowStatus>>;

/** Conditions: `Valid` (False: says field, column and the way out; until then the clusters that it selects are closed), `NeverOpens`. Status is written when it changes, not as time goes by. */
export const ChangeWindow = defineResource({
  kind: 'ChangeWindow', plural: 'changewindows', shortNames: ['iwindow'],
  description: 'When changes may begin on clusters, or must not.',
  spec: changeWindowSpec, status: changeWindowStatus,
  printColumns: [
    { name: 'Kind', type: 'string', jsonPath: '.spec.kind' },
    { name: 'Open', type: 'boolean', jsonPath: '.status.open' },
    { name: 'Opens', type: 'string', jsonPath: '.status.opensAt' },
    { name: 'Closes', type: 'string', jsonPath: '.status.closesAt' },
    { name: 'Valid', type: 'string', jsonPath: '.status.conditions[?(@.type=="Valid")].status' },
    { name: 'Never opens', type: 'string', jsonPath: '.status.conditions[?(@.type=="NeverOpens")].status' },
    { name: 'Reason', type: 'string', jsonPath: '.spec.reason', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

export const windowOverrideSpec = z.object({
  run: z.string().min(1).max(253).describe('Name of the UpdateRun that may pass.'),
  clusters: selectorSchema.optional().describe('Of its clusters, these; absent: all.'),
  reason: z.string().min(1).max(1024).regex(/\S/).describe('Why, for the record.'),
  requestedBy: z.string().min(1).max(256).describe('Who asks for it. The API server refuses any other name than that of the user who creates it.'),
  expiresAt: timestamp.describe('From then on it opens nothing. Clusters in flight finish. At most seven days from when it is made.'),
});
const windowOverrideStatus = z.object({ observedGeneration: z.int().optional(), conditions: conditionsSchema.optional() });
export type WindowOverrideObject = ResourceObject<z.infer<typeof windowOverrideSpec>, z.infer<typeof windowOverrideStatus>>;

/** Condition `Effective`: False with `TooLong|Expired|NotGuarded|UnknownRun|RunEnded|InvalidSelector|WrongSpec`, True with `InForce`. Who may create them is a matter of RBAC: ClusterRole `isthmus-window-overrider`. */
export const WindowOverride = defineResource({
  kind: 'WindowOverride', plural: 'windowoverrides',
  description: 'Lets one run pass closed windows for a while, by a person\'s word and with a reason.',
  spec: windowOverrideSpec, status: windowOverrideStatus,
  printColumns: [
    { name: 'Run', type: 'string', jsonPath: '.spec.run' },
    { name: 'By', type: 'string', jsonPath: '.spec.requestedBy' },
    { name: 'Until', type: 'string', jsonPath: '.spec.expiresAt' },
    { name: 'Effective', type: 'string', jsonPath: '.status.conditions[?(@.type=="Effective")].status' },
    { name: 'Reason', type: 'string', jsonPath: '.spec.reason', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{ rule: 'self.spec == oldSelf.spec', message: 'an override is what somebody decided; delete it and make another' }],
});
