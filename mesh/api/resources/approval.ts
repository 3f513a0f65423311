/** Approval: what a person says of a gate that a run waits at. */
import { z } from 'zod';
import { conditionsSchema, timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

export const approvalSpec = z.object({
  run: z.string().min(1).max(253).describe('Name of the UpdateRun.'),
  gate: z.string().max(140).regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/(before|after)\/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
    .describe('Which of its gates: stage/before/name or stage/after/name.'),
  decision: z.enum(['Approve', 'Reject']).default('Approve').describe('Reject: the gate fails, whoever else approves.'),
  reason: z.string().max(1024).default('').describe('For the record. Reject needs one.'),
  approver: z.string().min(1).max(256).describe('Who says so. The API server refuses any other name than that of the user who creates it.'),
  groups: z.array(z.string().min(1).max(256)).max(64).default([]).describe('Groups that the approver is in, as far as they matter. The API server refuses any that the user who creates it is not in.'),
}).meta({ 'x-kubernetes-validations': [{ rule: "self.decision != 'Reject' || has(self.reason) && self.reason.matches('\\\\S')", message: 'say in reason why it is rejected' }] });

const approvalStatus = z.object({
  observedGeneration: z.int().optional(),
  counted: z.boolean().optional().describe('Whether the gate heeds it.'),
  seenAt: timestamp.optional().describe('When it reached the hub, by the clock that gates go by.'),
  conditions: conditionsSchema.optional(),
});
export type ApprovalObject = ResourceObject<z.infer<typeof approvalSpec>, z.infer<typeof approvalStatus>>;

/**
 * Condition `Counted`: True with `Counted`; False with `NotTheAuthor|NotInGroups|NoSuchRun|NoSuchGate|GateNotReached|BeforeGate|GateDecided|NewerWord|NotGuarded`.
 * Who may create them is a matter of RBAC: ClusterRole `isthmus-run-approver`. Whose they are is vouched for by the ValidatingAdmissionPolicy `isthmus-people`.
 */
export const Approval = defineResource({
  kind: 'Approval', plural: 'approvals', shortNames: ['iapproval'],
  description: 'What a person says of a gate that a run waits at.',
  spec: approvalSpec, status: approvalStatus,
  printColumns: [
    { name: 'Run', type: 'string', jsonPath: '.spec.run' },
    { name: 'Gate', type: 'string', jsonPath: '.spec.gate' },
    { name: 'By', type: 'string', jsonPath: '.spec.approver' },
    { name: 'Decision', type: 'string', jsonPath: '.spec.decision' },
    { name: 'Counted', type: 'boolean', jsonPath: '.status.counted' },
    { name: 'Why', type: 'string', jsonPath: '.status.conditions[?(@.type=="Counted")].reason' },
    { name: 'Reason', type: 'string', jsonPath: '.spec.reason', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{ rule: 'self.spec == oldSelf.spec', message: 'an approval is what somebody said; delete it and make another' }],
});
