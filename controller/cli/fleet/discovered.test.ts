/** `isthmus fleet discovered` against a whole hub in virtual time. */
import { expect, test } from 'vitest';
import { Namespace, Secret } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf, Cluster } from '../../../mesh/api/resources/index.ts';
import { CAPI_CLUSTERS, CLUSTER_PROFILES, KUSTOMIZATIONS } from '../../../mesh/api/resources/other-inventories.ts';
import { argoSecretNames } from '../../../mesh/inventory/endpoint.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { OTHER_DEFINITIONS } from '../../hub/others/testing/definitions.ts';
import { type Bench, createBench } from '../../hub/testing/bench.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { showDiscovered } from './discovered.ts';

const never = new AbortController().signal;
const CustomResourceDefinition: ResourceKind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false };
const environmentOf = (bench: Bench): TestEnvironment => testEnvironment({ client: bench.kubernetes, clock: bench.clock });
const lines = (text: string): string[] => text.trimEnd().split('\n').map((line) => line.replace(/ {2,}/g, '  '));

async function manyInventories(): Promise<Bench> {
  const bench = await createBench();
  const make = (kind: ResourceKind, namespace: string | undefined, name: string, more: object): Promise<unknown> =>
    bench.kubernetes.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, ...more } as KubernetesObject, { fieldManager: 'test' }, never);
  for (const definition of OTHER_DEFINITIONS.slice(0, 3)) await bench.kubernetes.create(CustomResourceDefinition, definition, { fieldManager: 'test' }, never);
  for (const name of ['fleet', 'argocd']) await make(Namespace, undefined, name, {});
  await bench.join('berlin');
  await make(Cluster, undefined, 'oslo', { spec: {} });
  await make(CAPI_CLUSTERS[0], 'fleet', 'berlin', { spec: { controlPlaneEndpoint: { host: 'api.berlin.example.com', port: 6443 }, topology: { classRef: { name: 'small' }, version: 'v1.34.2' } } });
  await make(CLUSTER_PROFILES[0], 'fleet', 'oslo', { spec: { clusterManager: { name: 'karmada' } } });
  await make(KUSTOMIZATIONS[0], 'fleet', 'apps', { spec: { interval: '5m', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' }, kubeConfig: { secretRef: { name: 'lima-kubeconfig' } } } });
  const [secret = ''] = argoSecretNames('https://api.berlin.example.com:6443');
  await make(Secret, 'argocd', secret, { metadata: { name: secret, namespace: 'argocd', labels: { 'argocd.argoproj.io/secret-type': 'cluster' } } });
  await bench.startHub(undefined, { clusterProfiles: true, discover: true, argoNamespaces: ['argocd'] });
  await bench.clock.advance(1000);
  return bench;
}

const options = { limit: '500', unjoined: false, output: 'table' } as const;

test('tells what others know, which Cluster that is, how to join, and what was not read', async () => {
  const bench = await manyInventories();
  const table = environmentOf(bench);
  await showDiscovered(table, options);
  expect(lines(table.printed())).toEqual([
    'NAME  SOURCE  VERSION  PHASE  CLUSTER  TO JOIN',
    'api.berlin.example.com  Argo CD  -  -  berlin (by endpoint)  -',
    'berlin  Cluster API  v1.34.2  -  berlin (by name)  -',
    'lima  Flux  -  -  -  isthmus join lima',
    'oslo  ClusterProfile of karmada  -  -  oslo (by name, has not joined)  isthmus join oslo',
  ]);
  expect(lines(table.complained())).toEqual(['not installed here: helmreleases.helm.toolkit.fluxcd.io', expect.stringMatching(/^read \d+s ago$/)]);
});

test('shows only what could join, in every form', async () => {
  const bench = await manyInventories();
  const names = environmentOf(bench);
  await showDiscovered(names, { ...options, unjoined: true, output: 'name' });
  expect(names.printed()).toBe('secrets/fleet/lima-kubeconfig\nclusterprofiles.multicluster.x-k8s.io/fleet/oslo\n');
  const csv = environmentOf(bench);
  await showDiscovered(csv, { ...options, unjoined: true, output: 'csv' });
  expect(csv.printed().split('\r\n')[1]).toBe('lima,Flux,,,,,secrets fleet/lima-kubeconfig,,,false,isthmus join lima');
  const wide = environmentOf(bench);
  await showDiscovered(wide, { ...options, unjoined: true, output: 'wide' });
  expect(wide.printed()).toContain('Kustomization fleet/apps applies to it');
  const json = environmentOf(bench);
  await showDiscovered(json, { ...options, limit: '1', output: 'json' });
  expect(JSON.parse(json.printed())).toMatchObject({ omitted: 3, clusters: [{ name: 'api.berlin.example.com' }], published: { state: 'published', count: 2 } });
});

test('where nothing is known that is said, and a limit out of range is refused', async () => {
  const bench = await createBench();
  await bench.startHub();
  const environment = environmentOf(bench);
  await showDiscovered(environment, options);
  expect(environment.complained()).toMatch(/^No other inventory knows a cluster\.\nArgo CD \(secrets\): off: name the namespaces/);
  await expect(showDiscovered(environment, { ...options, limit: '1001' })).rejects.toThrow(/--limit 1001: give a whole number from 1 to 1000/);
});
