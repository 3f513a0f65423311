import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Cluster, Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { readBundleSpec } from '../../../mesh/bundle/spec.ts';
import { testEnvironment } from '../testing/environment.ts';
import { meshValues, type ValuesOptions } from './values.ts';

const FLEET = fileURLToPath(new URL('goldens/fleet.yaml', import.meta.url));
let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'mesh-values-')); });
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });
const options = (over: Partial<ValuesOptions> = {}): ValuesOptions => ({ file: [FLEET], all: false, output: 'table', ...over });

test('says what is not as it should be, what it restarts, and that the rest is not known', async () => {
  const environment = testEnvironment();
  await meshValues(environment, 'berlin', options());
  expect(environment.printed().split('\n').map((line) => line.split(/ {2,}/).slice(0, 4))).toEqual([
    ['VALUE', 'HAVE', 'WANT', 'RESTARTS'], ['clustermesh.useAPIServer', 'unknown', 'true', 'nothing'], ['clustermesh.config.enabled', 'unknown', 'false', 'Deployment clustermesh-apiserver'],
    ['clustermesh.apiserver.tls.auto.enabled', 'unknown', 'false', 'nothing'], [''],
  ]);
  expect(environment.complained()).toBe('What is unknown no cluster tells: give the values of the release with --values FILE ("helm get values cilium" writes them).\n');
});

test('a file of values to merge makes it right', async () => {
  const environment = testEnvironment();
  await meshValues(environment, 'berlin', options({ output: 'yaml' }));
  const values = join(folder, 'values.yaml');
  writeFileSync(values, environment.printed());
  expect(parse(environment.printed())).toEqual({ clustermesh: { useAPIServer: true, config: { enabled: false }, apiserver: { tls: { auto: { enabled: false } } } } });
  const again = testEnvironment();
  await meshValues(again, 'berlin', options({ values }));
  expect([again.printed(), again.complained()]).toEqual(['', 'Cilium\'s values of berlin are as its peering needs them.\n']);
});

test.each(['HelmRelease/flux-system/cilium', 'Application/argocd/cilium', 'ConfigMap/kube-system/cilium-values'])('a bundle has a run write them into %s', async (target) => {
  const environment = testEnvironment();
  await meshValues(environment, 'berlin', options({ output: 'bundle', target }));
  const bundle = parse(environment.printed()) as { metadata: { name: string }; spec: unknown };
  const { content, problem } = readBundleSpec(bundle.spec);
  expect(problem).toBeUndefined();
  expect([content?.package, content?.parts[0]?.values?.target]).toEqual(['cilium-mesh-berlin', target.split('/')[0]]);
  const values = content?.parts[0]?.values?.values;
  expect(target.startsWith('ConfigMap') ? parse(values?.['values.yaml'] as string) : values).toMatchObject({ clustermesh: { useAPIServer: true, config: { enabled: false } } });
  expect(bundle.metadata.name).toMatch(/^cilium-mesh-berlin-v[0-9a-f]{12}$/);
});

test.each<[Partial<ValuesOptions>, string]>([[{ output: 'bundle' }, '-o bundle: give with --target what the release of berlin is made of, as HelmRelease/flux-system/cilium (or Application/…, ConfigMap/…). No mark on Cilium\'s objects tells it.'], [{ target: 'HelmRelease/a/b' }, '--target belongs to -o bundle'], [{ output: 'bundle', target: 'Secret/a/b' }, 'give KIND/NAMESPACE/NAME']])('%j is refused', async (over, words) => {
  await expect(meshValues(testEnvironment(), 'berlin', options(over))).rejects.toThrow(words);
});

test('before 1.20 peers by addresses need host aliases, which no value gives', async () => {
  const environment = testEnvironment();
  await meshValues(environment, 'paris', options({ output: 'diff' }));
  expect(environment.printed()).toContain('(restarts DaemonSet cilium, Deployment cilium-operator, Deployment clustermesh-apiserver)\n-cluster.id: 0\n+cluster.id: 3\n');
  expect(environment.complained()).toContain('kubectl -n kube-system patch deployment clustermesh-apiserver --type merge -p \'{"spec":{"template":{"spec":{"hostAliases":[{"ip":"10.1.0.5","hostnames":["berlin.mesh.cilium.io"]},{"ip":"fd00:1::5"');
});

test('without files the hub\'s own objects are planned', async () => {
  const environment = testEnvironment();
  const { client, signal } = environment;
  await client.create<MeshObject>(Mesh, { apiVersion: apiVersionOf(Mesh), kind: 'Mesh', metadata: { name: 'europe' }, spec: { clusters: {} } } as MeshObject, { fieldManager: 'test' }, signal);
  const created = await client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'berlin' }, spec: {} }, { fieldManager: 'test' }, signal);
  await expect(meshValues(environment, 'berlin', options({ file: [] }))).rejects.toThrow('cluster "berlin" is in no mesh, or has not reported');
  const cilium = { version: '1.18.12', clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster' as const };
  const status = { agentVersion: '1', cilium, identity: { spiffeId: 's', certificateSerial: '1', issuer: 'i', notAfter: '2031-01-01T00:00:00Z', joinedAt: '2030-01-01T00:00:00Z' } };
  await client.update(Cluster, { ...created, status } as ClusterObject, { fieldManager: 'test', subresource: 'status' }, signal);
  await meshValues(environment, 'berlin', options({ file: [], output: 'json' }));
  expect((JSON.parse(environment.printed()) as { findings: { path: string }[] }).findings.map(({ path }) => path)).toEqual(
    ['clustermesh.useAPIServer', 'clustermesh.config.enabled', 'clustermesh.config.clusters', 'clustermesh.apiserver.tls.auto.enabled', 'clustermesh.apiserver.tls.enableSecrets']);
});

test.each([[': [', 'is no YAML that can be read'], ['[1]', 'holds no values']])('a file of values %j is refused', async (text, words) => {
  const values = join(folder, 'wrong.yaml');
  writeFileSync(values, text);
  await expect(meshValues(testEnvironment(), 'berlin', options({ values }))).rejects.toThrow(words);
});

/** The fleet's file, in which berlin's agent has found what brings Cilium. */
function found(release: string): string {
  const path = join(folder, 'found.yaml');
  const fleet = readFileSync(FLEET, 'utf8');
  writeFileSync(path, fleet.replace(/(metadata: \{name: berlin[^]*?status: \{cilium: \{)/, `$1release: ${release}, `));
  return path;
}

test.each([
  ['{tool: Flux HelmRelease, namespace: flux-system, name: cilium}', 'HelmRelease flux-system/cilium', 'Cilium of berlin is brought by Flux HelmRelease flux-system/cilium: -o bundle writes the values into it.'],
  ['{tool: Argo CD, namespace: platform, name: cilium}', 'Application platform/cilium', 'Cilium of berlin is brought by Argo CD (Application platform/cilium): -o bundle writes the values into it.'],
  ['{tool: Argo CD, name: cilium}', 'Application argocd/cilium', 'Cilium of berlin is brought by Argo CD (Application cilium, taken to be in namespace argocd): -o bundle writes the values into it.'],
])('what the agent found is the target: %s', async (release, target, sentence) => {
  const file = [found(release)];
  const environment = testEnvironment();
  await meshValues(environment, 'berlin', options({ file, output: 'bundle' }));
  const [part] = readBundleSpec((parse(environment.printed()) as { spec: unknown }).spec).content?.parts ?? [];
  expect(`${part?.values?.target} ${part?.values?.namespace}/${part?.values?.name}`).toBe(target);
  expect(environment.complained()).toContain(sentence);
  const byHand = testEnvironment();
  await meshValues(byHand, 'berlin', options({ file, output: 'bundle', target: 'ConfigMap/kube-system/values' }));
  expect(byHand.printed()).toContain('target: ConfigMap');
  expect(byHand.complained()).not.toContain('is brought by');
});

test.each([
  ['{tool: Helm, namespace: kube-system, name: cilium}', 'Cilium of berlin is brought by Helm alone (release kube-system/cilium): helm upgrade cilium cilium/cilium -n kube-system --reuse-values -f FILE'],
  ['{tool: Flux Kustomization, namespace: flux-system, name: infra}', 'is brought by Flux Kustomization flux-system/infra: change the values in its source'],
  ['{tool: Argo CD, name: cilium, byLabelAlone: true}', 'only label app.kubernetes.io/instance says so; where it is, give --target Application/argocd/cilium'],
])('what no bundle can write into, or nobody knows for sure, is said: %s', async (release, sentence) => {
  const file = [found(release)];
  await expect(meshValues(testEnvironment(), 'berlin', options({ file, output: 'bundle' }))).rejects.toThrow(sentence);
  const environment = testEnvironment();
  await meshValues(environment, 'berlin', options({ file }));
  expect(environment.complained()).toContain(sentence);
});
