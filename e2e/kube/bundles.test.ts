/** A Bundle in a real kube-apiserver has the digest that its file has, however it came there, and does not change under its signatures. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { readBundleFile } from '../../controller/cli/bundle/file.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import type { BundleObject } from '../../mesh/api/resources/bundle.ts';
import { Bundle } from '../../mesh/api/resources/index.ts';
import { crdOf } from '../../mesh/api/schema/crd.ts';
import { bundleDigest } from '../../mesh/bundle/digest.ts';
import { readBundleSpec } from '../../mesh/bundle/spec.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { run } from '../charts/helm.ts';
import { type ApiServer, CustomResourceDefinition, missingAssets, startApiServer } from './apiserver.ts';
import { onPath } from './assets.ts';

const kubectl = onPath('kubectl') ?? '';
const missing = missingAssets() ?? (kubectl === '' ? 'kubectl is not on PATH' : undefined);
if (missing !== undefined) console.log(`no real kube-apiserver: ${missing}`);

/** Null where it says nothing, empty, odd and deep values, and whatever an API server could fill in, drop or write anew. */
const bundle = (name: string, version = '1.0.0'): string => `apiVersion: isthmus.dev/v1alpha1
kind: Bundle
metadata:
  name: ${name}
spec:
  package: shop
  version: ${version}
  parts:
    - name: objects
      manifests:
        - apiVersion: apps/v1
          kind: Deployment
          metadata: {name: shop, namespace: shop, creationTimestamp: null, labels: {}}
          spec: {replicas: 2, template: {spec: {containers: [{name: shop, image: "shop:1", resources: {}, args: [], env: null}]}}}
          status: {}
    - name: cilium
      values:
        target: HelmRelease
        namespace: kube-system
        name: cilium
        values: {number: 0.1, small: 1.0e-7, whole: 1.0, big: 9007199254740991, text: "grüße \\u0001 \\" 😀", list: [null, [], {}], "": empty key}
    - name: topology
      patch:
        object: {apiVersion: cluster.x-k8s.io/v1beta1, kind: Cluster, name: oslo, namespace: fleet}
        fields: {spec: {topology: {version: v1.34.1}}}
    - name: migrate
      hook:
        job: {apiVersion: batch/v1, kind: Job, metadata: {name: migrate, namespace: shop}, spec: {template: {spec: {restartPolicy: Never}}}}
`;

describe.skipIf(missing !== undefined)('bundles on a real kube-apiserver', () => {
  const signal = new AbortController().signal;
  let folder: string;
  let server: ApiServer;
  let client: ConnectedKubernetes;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-bundles-'));
    server = await startApiServer();
    client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    await client.create(CustomResourceDefinition, crdOf(Bundle) as KubernetesObject, { fieldManager: 'test' }, signal);
    await vi.waitUntil(() => client.list(Bundle, {}, signal).then(() => true, () => false), { timeout: 20_000 });
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  const applied = async (name: string, ...parameters: string[]) => {
    const path = join(folder, `${name}.yaml`);
    writeFileSync(path, bundle(name));
    const said = await run(kubectl, ['--kubeconfig', server.kubeconfigPath, ...parameters, '-f', path]);
    expect(said.status, said.stderr).toBe(0);
    const object = await client.get<BundleObject>(Bundle, { name }, signal);
    const read = readBundleSpec(object?.spec);
    expect(read.problem).toBeUndefined();
    return { there: bundleDigest(read.content!, sha256Hex), here: readBundleFile(path).delivery.digest };
  };

  test.each([['create', ['create']], ['apply', ['apply']], ['server-side', ['apply', '--server-side']]])('by kubectl %s', async (name, parameters) => {
    const { there, here } = await applied(name, ...parameters);
    expect(there).toBe(here);
  });

  test('signatures may be added, and nothing else', async () => {
    await applied('frozen', 'create');
    const edit = async (change: (spec: BundleObject['spec']) => BundleObject['spec']): Promise<string> => {
      const object = (await client.get<BundleObject>(Bundle, { name: 'frozen' }, signal))!;
      return client.update(Bundle, { ...object, spec: change(object.spec) }, { fieldManager: 'test' }, signal).then(() => 'taken', String);
    };
    expect(await edit((spec) => ({ ...spec, signatures: [{ keyid: 'ann', sig: 'AA==' }] }))).toBe('taken');
    expect(await edit((spec) => ({ ...spec, package: 'other' }))).toContain('a bundle does not change');
    expect(await edit((spec) => ({ ...spec, version: '1.0.1' }))).toContain('a bundle does not change');
    expect(await edit((spec) => ({ ...spec, health: [{ apiVersion: 'v1', kind: 'Pod', cel: 'true' }] }))).toContain('a bundle does not change');
    const deep = (spec: BundleObject['spec']): BundleObject['spec'] => JSON.parse(JSON.stringify(spec).replace('"shop:1"', '"shop:2"')) as BundleObject['spec'];
    expect(await edit(deep), 'also in what the schema does not describe').toContain('a bundle does not change');
  });
});
