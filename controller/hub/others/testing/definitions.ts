/**
 * CustomResourceDefinitions of other projects, in our own words: groups, versions, fields and rules that the hub depends on, after the published APIs (ClusterProfile
 * v0.1 of cluster-inventory-api, Cluster of Cluster API 1.11, Kustomization and HelmRelease of Flux 2.7). What the hub does not touch is left out or kept as it is.
 * `e2e/kube/others` runs the same cases on the projects' own definitions, and compares these words with them.
 */
import type { KubernetesObject } from '../../../../mesh/ports/kubernetes.ts';

type Schema = Readonly<Record<string, unknown>>;

const TEXT = { type: 'string' };
const COUNT = { type: 'integer', format: 'int32' };
const YES_OR_NO = { type: 'boolean' };
const MOMENT = { type: 'string', format: 'date-time' };
const FREE = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const text = (minLength: number, maxLength: number): Schema => ({ ...TEXT, minLength, maxLength });
const oneOf = (...values: readonly string[]): Schema => ({ ...TEXT, enum: values });
const fields = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = [], more: Schema = {}): Schema => ({ type: 'object', properties, ...(required.length === 0 ? {} : { required }), ...more });
const keyed = (key: string, items: Schema): Schema => ({ type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });

const condition = fields({
  type: { ...TEXT, maxLength: 316, pattern: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$' }, status: oneOf('True', 'False', 'Unknown'), message: { ...TEXT, maxLength: 32768 }, lastTransitionTime: MOMENT,
  reason: { ...text(1, 1024), pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' }, observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
}, ['lastTransitionTime', 'message', 'reason', 'status', 'type']);

interface Version { readonly name: string; readonly spec: Schema; readonly status: Schema; readonly required?: readonly string[] }

interface Definition extends KubernetesObject {
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: Readonly<Record<'kind' | 'plural' | 'singular' | 'listKind', string>>;
    readonly versions: readonly { readonly name: string; readonly served: boolean; readonly storage: boolean; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/** The last version is the stored one. */
function definition(group: string, kind: string, plural: string, versions: readonly Version[]): Definition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` },
    spec: {
      group, scope: 'Namespaced', names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: versions.map(({ name, spec, status, required = [] }, index) => ({
        name, served: true, storage: index === versions.length - 1, subresources: { status: {} },
        schema: { openAPIV3Schema: fields({ apiVersion: TEXT, kind: TEXT, metadata: { type: 'object' }, spec, status }, required) },
      })),
    },
  } as Definition;
}

/** A cluster of a kubeconfig. */
const access = fields({
  server: TEXT, 'tls-server-name': TEXT, 'insecure-skip-tls-verify': YES_OR_NO, 'certificate-authority': TEXT, 'certificate-authority-data': { ...TEXT, format: 'byte' }, 'proxy-url': TEXT,
  'disable-compression': YES_OR_NO, extensions: { type: 'array', items: fields({ name: TEXT, extension: FREE }, ['extension', 'name']) },
}, ['server']);
const providers = keyed('name', fields({ name: TEXT, cluster: access }, ['name']));

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

const LABEL = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';
const SUBDOMAIN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const phase = oneOf('Pending', 'Provisioning', 'Provisioned', 'Deleting', 'Failed', 'Unknown');

/** The two versions differ in what a topology names its class by and in how an absent endpoint is written. */
export const capiClusterDefinition = definition('cluster.x-k8s.io', 'Cluster', 'clusters', [
  {
    name: 'v1beta1', status: fields({ phase, infrastructureReady: YES_OR_NO, controlPlaneReady: YES_OR_NO }),
    spec: fields({
      paused: YES_OR_NO, clusterNetwork: FREE, infrastructureRef: FREE, controlPlaneRef: FREE,
      controlPlaneEndpoint: fields({ host: { ...TEXT, maxLength: 512 }, port: COUNT }, ['host', 'port']),
      topology: fields({ class: text(1, 253), version: text(1, 256), workers: FREE }, ['class', 'version']),
    }),
  },
  {
    name: 'v1beta2', required: ['spec'], status: fields({ phase, conditions: { ...keyed('type', condition), maxItems: 32 } }, [], { minProperties: 1 }),
    spec: fields({
      paused: YES_OR_NO, clusterNetwork: FREE, infrastructureRef: FREE, controlPlaneRef: FREE,
      controlPlaneEndpoint: fields({ host: text(1, 512), port: { ...COUNT, minimum: 1, maximum: 65535 } }, [], { minProperties: 1 }),
      topology: fields({ classRef: fields({ name: { ...text(1, 253), pattern: SUBDOMAIN }, namespace: { ...text(1, 63), pattern: LABEL } }, ['name']), version: text(1, 256), workers: FREE }, ['classRef', 'version']),
    }, [], { minProperties: 1 }),
  },
]);

const exactlyOne = ['has(self.configMapRef) || has(self.secretRef)', '!has(self.configMapRef) || !has(self.secretRef)'].map((rule) => (
  { rule, message: 'exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified' }
));
const kubeConfig = fields({ configMapRef: fields({ name: TEXT }, ['name']), secretRef: fields({ name: TEXT, key: TEXT }, ['name']) }, [], {
  'x-kubernetes-validations': exactlyOne,
});
const interval = { ...TEXT, pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$' };

export const kustomizationDefinition = definition('kustomize.toolkit.fluxcd.io', 'Kustomization', 'kustomizations', [{
  name: 'v1', status: FREE,
  spec: fields({ interval, prune: YES_OR_NO, path: TEXT, suspend: YES_OR_NO, kubeConfig, sourceRef: fields({ kind: oneOf('OCIRepository', 'GitRepository', 'Bucket', 'ExternalArtifact'), name: TEXT, namespace: TEXT }, ['kind', 'name']) }, ['interval', 'prune', 'sourceRef']),
}]);

export const helmReleaseDefinition = definition('helm.toolkit.fluxcd.io', 'HelmRelease', 'helmreleases', [{
  name: 'v2', status: FREE,
  spec: fields({ interval, releaseName: text(1, 53), suspend: YES_OR_NO, values: { 'x-kubernetes-preserve-unknown-fields': true }, kubeConfig, chart: FREE,
    chartRef: fields({ kind: oneOf('OCIRepository', 'HelmChart', 'ExternalArtifact'), name: text(1, 253), namespace: text(1, 63) }, ['kind', 'name']) }, ['interval'], {
    'x-kubernetes-validations': [{ rule: '(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))', message: 'either chart or chartRef must be set' }],
  }),
}]);

export const OTHER_DEFINITIONS = [clusterProfileDefinition, capiClusterDefinition, kustomizationDefinition, helmReleaseDefinition] as const;
