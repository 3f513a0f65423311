/** Application of Argo CD in our own words, as far as bundles touch it; its status is no subresource, so that every look of Argo CD at it counts as a generation. */
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';

const TEXT = { type: 'string' };
const FREE = { 'type': 'object', 'x-kubernetes-preserve-unknown-fields': true };
const fields = (properties: object, required: readonly string[] = []): object => ({ type: 'object', properties, ...(required.length === 0 ? {} : { required }) });
const source = fields({ repoURL: TEXT, chart: TEXT, path: TEXT, targetRevision: TEXT, helm: fields({ releaseName: TEXT, values: TEXT, valuesObject: FREE }) }, ['repoURL']);
const destination = fields({ server: TEXT, name: TEXT, namespace: TEXT });

export const applicationDefinition: KubernetesObject = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'applications.argoproj.io' },
  spec: {
    group: 'argoproj.io', scope: 'Namespaced', names: { kind: 'Application', plural: 'applications', singular: 'application', listKind: 'ApplicationList' },
    versions: [{
      name: 'v1alpha1', served: true, storage: true, subresources: {},
      schema: { openAPIV3Schema: fields({
        apiVersion: TEXT, kind: TEXT, metadata: { type: 'object' }, operation: FREE,
        spec: fields({ project: TEXT, destination, source, syncPolicy: FREE }, ['destination', 'project']),
        status: fields({ sync: fields({ status: TEXT, revision: TEXT, comparedTo: fields({ source, destination }, ['destination']) }, ['status']), health: fields({ status: TEXT, message: TEXT }), operationState: FREE }),
      }, ['metadata', 'spec']) },
    }],
  },
} as KubernetesObject;
