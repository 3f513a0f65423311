/** ExportPolicy, FailoverPolicy and GlobalService: who may export, when answers move, and the names above clusters. */
import { z } from 'zod';
import { conditionsSchema, selectorSchema, serviceKeySchema } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

const statusSchema = z.object({ observedGeneration: z.int().optional(), conditions: conditionsSchema.optional() });

export const exportPolicySpec = z.object({
  clusters: selectorSchema,
  namespaces: z.array(z.string().max(64)).min(1).max(256).describe('Globs over namespaces.'),
  services: z.array(z.string().max(64)).max(256).default([]).describe('Globs over Service names; empty: every Service.'),
});
export type ExportPolicyObject = ResourceObject<z.infer<typeof exportPolicySpec>, z.infer<typeof statusSchema>>;
export const ExportPolicy = defineResource({
  kind: 'ExportPolicy', plural: 'exportpolicies',
  description: 'Which clusters may export which services. What no policy allows is refused.',
  spec: exportPolicySpec, status: statusSchema,
  printColumns: [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }],
});

export const failoverPolicySpec = z.object({
  service: serviceKeySchema,
  priority: z.array(z.string().max(63)).max(64).default([]).describe('Clusters, preferred first. Empty: all healthy clusters serve together.'),
  minimumReady: z.int().min(1).max(10000).default(1).describe('Fewer ready endpoints than this is unhealthy.'),
  unhealthyAfterSeconds: z.int().min(0).max(86400).default(5),
  healthyAfterSeconds: z.int().min(0).max(86400).default(10),
  failbackDelaySeconds: z.int().min(0).max(604800).default(60).describe('How long a preferred cluster must have been healthy before answers return to it.'),
});
export type FailoverPolicyObject = ResourceObject<z.infer<typeof failoverPolicySpec>, z.infer<typeof statusSchema>>;
export const FailoverPolicy = defineResource({
  kind: 'FailoverPolicy', plural: 'failoverpolicies',
  description: 'When answers for a service leave a cluster, and when they return.',
  spec: failoverPolicySpec, status: statusSchema,
  printColumns: [
    { name: 'Namespace', type: 'string', jsonPath: '.spec.service.namespace' },
    { name: 'Service', type: 'string', jsonPath: '.spec.service.name' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

export const globalServiceSpec = z.object({
  host: z.string().max(253).regex(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
    .describe('Fully qualified DNS name, lower case, no trailing dot.'),
  service: serviceKeySchema,
  ttlSeconds: z.int().min(1).max(86400).default(5),
});
export type GlobalServiceObject = ResourceObject<z.infer<typeof globalServiceSpec>, z.infer<typeof statusSchema>>;
export const GlobalService = defineResource({
  kind: 'GlobalService', plural: 'globalservices',
  description: 'A DNS name answered from the clusters that the service\'s failover policy chooses.',
  spec: globalServiceSpec, status: statusSchema,
  printColumns: [
    { name: 'Host', type: 'string', jsonPath: '.spec.host' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});
