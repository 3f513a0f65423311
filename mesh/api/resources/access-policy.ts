/** AccessPolicy: who may reach which services across clusters, written once. */
import { z } from 'zod';
import { conditionsSchema, selectorSchema, serviceKeySchema } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

const label = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
/** Accounts are DNS subdomains, and a label of Cilium holds 63 characters. */
const account = z.string().max(63).regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/);

const source = z.object({
  clusters: selectorSchema.optional().describe('Clusters that it comes from; left out or empty: any.'),
  namespaces: z.array(label).min(1).max(64).optional().describe('Left out: any.'),
  serviceAccounts: z.array(account).min(1).max(64).optional().describe('Left out: any.'),
}).meta({ 'x-kubernetes-validations': [{ rule: 'has(self.clusters) || has(self.namespaces) || has(self.serviceAccounts)', message: 'name clusters, namespaces or serviceAccounts; "clusters: {}" is everybody' }] });

const destination = z.object({
  service: serviceKeySchema.optional().describe('The pods behind this Service, in every cluster that has it.'),
  namespaces: z.array(label).min(1).max(64).optional().describe('Instead of a service: all pods of these namespaces.'),
  clusters: selectorSchema.optional().describe('Clusters where the policy holds; left out or empty: every cluster with Cilium.'),
  ports: z.array(z.object({ port: z.int().min(1).max(65535), protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP') })).min(1).max(64).optional()
    .describe('Of a service its own ports, not those of its pods; of namespaces ports of pods. Left out: all ports of the service; every port.'),
}).meta({ 'x-kubernetes-validations': [{ rule: 'has(self.service) != has(self.namespaces)', message: 'give either service or namespaces' }] });

export const accessPolicySpec = z.object({
  mode: z.enum(['DefaultDeny', 'Allow']).default('DefaultDeny')
    .describe('DefaultDeny: the destination takes what policies allow and nothing else. Allow: this is let through, and whether the rest is denied is left to other policies.'),
  from: z.array(source).min(1).max(32).describe('Who is let through: any of these.'),
  to: destination,
});

const accessPolicyStatus = z.object({
  observedGeneration: z.int().optional(),
  clusterCount: z.int().optional().describe('Clusters that are to hold it.'),
  inForceCount: z.int().optional().describe('Clusters whose agents say that it is in place as it is now.'),
  clusters: z.array(z.object({ name: z.string(), state: z.enum(['InForce', 'Assigned', 'Pending', 'Leaving']) })).max(511).optional().describe('The first of them by name.'),
  conditions: conditionsSchema.optional(),
});

export type AccessPolicyObject = ResourceObject<z.infer<typeof accessPolicySpec>, z.infer<typeof accessPolicyStatus>>;

/** Conditions: `Compiled` (reasons: `mesh/policy/compile.ts`), `RolledOut`. */
export const AccessPolicy = defineResource({
  kind: 'AccessPolicy', plural: 'accesspolicies',
  description: 'Who may reach which services across clusters; every cluster enforces it by a policy of Cilium.',
  spec: accessPolicySpec, status: accessPolicyStatus,
  validations: [{ rule: 'size(self.metadata.name) <= 200', message: 'a name of at most 200 characters: the objects in clusters are called after it' }],
  printColumns: [
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
    { name: 'Compiled', type: 'string', jsonPath: '.status.conditions[?(@.type=="Compiled")].status' },
    { name: 'RolledOut', type: 'string', jsonPath: '.status.conditions[?(@.type=="RolledOut")].status' },
    { name: 'In force', type: 'integer', jsonPath: '.status.inForceCount' },
    { name: 'Clusters', type: 'integer', jsonPath: '.status.clusterCount' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});
