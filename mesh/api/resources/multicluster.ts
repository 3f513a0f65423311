/** ServiceExport and ServiceImport of KEP-1645, with the fields of `kubernetes-sigs/mcs-api` v0.5.0 (v1beta1 stored, v1alpha1 served too, same fields). */
import { z } from 'zod';
import { conditionsSchema } from './common.ts';
import type { ResourceDefinition, ResourceObject } from './define.ts';

const GROUP = 'multicluster.x-k8s.io';

const serviceExportSpec = z.object({
  exportedLabels: z.record(z.string(), z.string()).optional(),
  exportedAnnotations: z.record(z.string(), z.string()).optional(),
});
const serviceExportStatus = z.object({ conditions: conditionsSchema.optional() });
export type ServiceExportObject = Omit<ResourceObject<z.infer<typeof serviceExportSpec>, z.infer<typeof serviceExportStatus>>, 'spec'> & { readonly spec?: z.infer<typeof serviceExportSpec> };

export const ServiceExport = {
  group: GROUP, version: 'v1beta1', alsoServed: ['v1alpha1'], kind: 'ServiceExport', plural: 'serviceexports', singular: 'serviceexport', shortNames: ['svcex'],
  namespaced: true,
  description: 'Marks the Service of the same name and namespace for export to the cluster set.',
  spec: serviceExportSpec, status: serviceExportStatus,
  printColumns: [
    { name: 'Valid', type: 'string', jsonPath: '.status.conditions[?(@.type=="Valid")].status' },
    { name: 'Conflict', type: 'string', jsonPath: '.status.conditions[?(@.type=="Conflict")].status' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
} as const satisfies ResourceDefinition;

const serviceImportSpec = z.object({
  ports: z.array(z.object({
    name: z.string().optional(),
    protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
    appProtocol: z.string().optional(),
    port: z.int().min(1).max(65535),
  })).meta({ 'x-kubernetes-list-type': 'atomic' }),
  ips: z.array(z.string()).max(2).optional(),
  type: z.enum(['ClusterSetIP', 'Headless']),
  sessionAffinity: z.string().optional(),
  sessionAffinityConfig: z.object({ clientIP: z.object({ timeoutSeconds: z.int().optional() }).optional() }).optional(),
  ipFamilies: z.array(z.enum(['IPv4', 'IPv6'])).max(2).optional(),
  internalTrafficPolicy: z.string().optional(),
  trafficDistribution: z.string().optional(),
});
const serviceImportStatus = z.object({
  clusters: z.array(z.object({ cluster: z.string() })).optional().meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['cluster'] }),
  conditions: conditionsSchema.optional(),
});
export type ServiceImportObject = ResourceObject<z.infer<typeof serviceImportSpec>, z.infer<typeof serviceImportStatus>>;

export const ServiceImport = {
  group: GROUP, version: 'v1beta1', alsoServed: ['v1alpha1'], kind: 'ServiceImport', plural: 'serviceimports', singular: 'serviceimport', shortNames: ['svcim'],
  namespaced: true,
  description: 'A service that one or more clusters of the cluster set export.',
  spec: serviceImportSpec, status: serviceImportStatus,
  printColumns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
    { name: 'IP', type: 'string', jsonPath: '.spec.ips' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
} as const satisfies ResourceDefinition;
