/** Definitions of what simulated clusters may have beside Kubernetes. */
import { z } from 'zod';
import { Job } from '../../controller/agent/bundles/hook.ts';
import { Deployment } from '../../mesh/api/resources/core.ts';
import type { ResourceDefinition } from '../../mesh/api/resources/define.ts';
import { HELM_RELEASES } from '../../mesh/api/resources/other-inventories.ts';

export const HelmRelease = HELM_RELEASES[0];
const free = z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true });
const spec = z.looseObject({ values: z.looseObject({ version: z.string().optional() }).meta({ 'x-kubernetes-preserve-unknown-fields': true }).optional() }).meta({ 'x-kubernetes-preserve-unknown-fields': true });
export const MEMBER_SOFTWARE: readonly ResourceDefinition[] = [
  { ...HelmRelease, singular: 'helmrelease', shortNames: [], description: 'HelmRelease', spec, status: free, printColumns: [] },
  { ...Deployment, singular: 'deployment', shortNames: [], description: 'Deployment', spec: free, status: free, printColumns: [] },
  { ...Job, singular: 'job', shortNames: [], description: 'Job', spec: free, status: free, printColumns: [] },
];
