/** The charts, values to render them with, and the pod that comes of it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { chartFolder, findHelm } from './helm.ts';

export const CHARTS = ['isthmus-hub', 'isthmus-agent'] as const;
/** What a chart refuses to do without. */
export const MINIMAL = { 'isthmus-hub': ['--set', 'gateway.advertise=hub.example.com:8443'], 'isthmus-agent': ['--set', 'cluster.name=berlin', '--set', 'hub.address=hub.example.com:8443'] } as const;
/** Those of the charts' `ci` folders. */
export const VALUES = CHARTS.flatMap((chart) => readdirSync(join(chartFolder(chart), 'ci')).sort().map((file) => ({ chart, file, path: join(chartFolder(chart), 'ci', file) })));


export const helm = findHelm() ?? '';
/** Why no chart can be rendered here. */
export const withoutHelm = helm === '' ? 'helm is neither in KUBEBUILDER_ASSETS nor on PATH' : undefined;
if (withoutHelm !== undefined) console.log(`no charts are tested: ${withoutHelm}`);

interface PodTemplate {
  readonly spec: {
    readonly automountServiceAccountToken?: boolean;
    readonly securityContext?: object;
    readonly containers: readonly { readonly name: string; readonly args: readonly string[]; readonly securityContext?: object; readonly resources?: { readonly requests?: object; readonly limits?: object }; readonly livenessProbe?: { httpGet: object }; readonly readinessProbe?: { httpGet: object }; readonly volumeMounts?: readonly object[] }[];
    readonly volumes?: readonly Readonly<Record<string, unknown>>[];
    readonly hostNetwork?: boolean;
    readonly initContainers?: readonly object[];
  };
}
/** Of the one Deployment among these. */
export const podOf = (objects: readonly KubernetesObject[]): PodTemplate => {
  const pods = objects.filter(({ kind }) => kind === 'Deployment').map((object) => (object as KubernetesObject & { readonly spec: { readonly template: PodTemplate } }).spec.template);
  expect(pods).toHaveLength(1);
  return pods[0]!;
};
