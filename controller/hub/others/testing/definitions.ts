/**
 * CustomResourceDefinitions of other projects, in our own words: groups, versions, fields and rules that the hub depends on, after the published APIs (ClusterProfile
 * v0.1 of cluster-inventory-api, Cluster of Cluster API 1.11, Kustomization and HelmRelease of Flux 2.7). What the hub does not touch is left out or kept as it is.
 * `e2e/kube/others` runs the same cases on the projects' own files, where they are given.
 */
import type { KubernetesObject } from '../../../../mesh/ports/kubernetes.ts';

type Schema = Readonly<Record<string, unknown>>;

const TEXT = { type: 'string' };
const COUNT = { type: 'integer', format: 'int32' };
const MOMENT = { type: 'string', format: 'date-time' };
const FREE = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const text = (minLength: number, maxLength: number): Schema => ({ ...TEXT, minLength, maxLength });
const oneOf = (...values: readonly string[]): Schema => ({ ...TEXT, enum: values });
const fields = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = [], more: Schema = {}): Schema => ({ type: 'object', properties, ...(required.length === 0 ? {} : { required }), ...more });
const keyed = (key: string, items: Schema): Schema => ({ type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });

const condition = fields({
  type: { ...TEXT, maxLength: 316 }, status: oneOf('True', 'False', 'Unknown'), message: { ...TEXT, maxLength: 32768 }, lastTransitionTime: MOMENT,
  reason: { ...text(1, 1024), pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' }, observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
}, ['lastTransitionTime', 'message', 'reason', 'status', 'type']);

interface Version { readonly name: string; readonly spec: Schema; readonly status: Schema; readonly required?: readonly string[] }

/** The last version is the stored one. */
function definition(group: string, kind: string, plural: string, versions: readonly Version[]): KubernetesObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` },
    spec: {
      group, scope: 'Namespaced', names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: versions.map(({ name, spec, status, required = [] }, index) => ({
        name, served: true, storage: index === versions.length - 1, subresources: { status: {} },
        schema: { openAPIV3Schema: fields({ apiVersion: TEXT, kind: TEXT, metadata: { type: 'object' }, spec, status }, required) },
      })),
    },
  } as KubernetesObject;
}

const providers = keyed('name', fields({ name: TEXT, cluster: { ...fields({ server: TEXT }, ['server']), 'x-kubernetes-preserve-unknown-fields': true } }, ['name']));

export const clusterProfileDefinition = definition('multicluster.x-k8s.io', 'ClusterProfile', 'clusterprofiles', [{
  name: 'v1alpha1', required: ['spec'],
  spec: fields({
    displayName: TEXT,
    clusterManager: fields({ name: TEXT }, ['name'], { 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'ClusterManager is immutable' }] }),
  }, ['clusterManager']),
  status: fields({
    conditions: keyed('type', condition), version: fields({ kubernetes: TEXT }), accessProviders: providers, credentialProviders: providers,
    properties: keyed('name', fields({ name: text(1, 253), value: text(1, 1024), lastObservedTime: MOMENT }, ['name', 'value'])),
  }),
}]);

const phase = oneOf('Pending', 'Provisioning', 'Provisioned', 'Deleting', 'Failed', 'Unknown');

/** The two versions differ in what a topology names its class by and in how an absent endpoint is written. */
export const capiClusterDefinition = definition('cluster.x-k8s.io', 'Cluster', 'clusters', [
  {
    name: 'v1beta1', status: fields({ phase, infrastructureReady: { type: 'boolean' }, controlPlaneReady: { type: 'boolean' } }),
    spec: fields({
      paused: { type: 'boolean' }, clusterNetwork: FREE, infrastructureRef: FREE, controlPlaneRef: FREE,
      controlPlaneEndpoint: fields({ host: TEXT, port: COUNT }, ['host', 'port']), topology: fields({ class: TEXT, version: TEXT, workers: FREE }, ['class', 'version']),
    }),
  },
  {
    name: 'v1beta2', required: ['spec'], status: fields({ phase, conditions: keyed('type', condition) }, [], { minProperties: 1 }),
    spec: fields({
      paused: { type: 'boolean' }, clusterNetwork: FREE, infrastructureRef: FREE, controlPlaneRef: FREE,
      controlPlaneEndpoint: fields({ host: text(1, 512), port: { ...COUNT, minimum: 1, maximum: 65535 } }, [], { minProperties: 1 }),
      topology: fields({ classRef: fields({ name: text(1, 253), namespace: text(1, 253) }, ['name']), version: text(1, 256), workers: FREE }, ['classRef', 'version']),
    }, [], { minProperties: 1 }),
  },
]);

const EXACTLY_ONE = 'exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified';
const kubeConfig = fields({ configMapRef: fields({ name: TEXT }, ['name']), secretRef: fields({ name: TEXT, key: TEXT }, ['name']) }, [], {
  'x-kubernetes-validations': [{ rule: 'has(self.configMapRef) != has(self.secretRef)', message: EXACTLY_ONE }],
});
const interval = { ...TEXT, pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$' };
const reference = (...kinds: readonly string[]): Schema => fields({ kind: oneOf(...kinds), name: TEXT, namespace: TEXT }, ['kind', 'name']);

export const kustomizationDefinition = definition('kustomize.toolkit.fluxcd.io', 'Kustomization', 'kustomizations', [{
  name: 'v1', status: FREE,
  spec: fields({ interval, prune: { type: 'boolean' }, path: TEXT, suspend: { type: 'boolean' }, kubeConfig, sourceRef: reference('OCIRepository', 'GitRepository', 'Bucket', 'ExternalArtifact') }, ['interval', 'prune', 'sourceRef']),
}]);

export const helmReleaseDefinition = definition('helm.toolkit.fluxcd.io', 'HelmRelease', 'helmreleases', [{
  name: 'v2', status: FREE,
  spec: fields({ interval, releaseName: text(1, 53), suspend: { type: 'boolean' }, values: { 'x-kubernetes-preserve-unknown-fields': true }, kubeConfig, chartRef: reference('OCIRepository', 'HelmChart', 'ExternalArtifact') }, ['interval']),
}]);

export const OTHER_DEFINITIONS = [clusterProfileDefinition, capiClusterDefinition, kustomizationDefinition, helmReleaseDefinition] as const;
