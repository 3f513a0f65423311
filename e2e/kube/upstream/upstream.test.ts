/**
 * The definitions of other projects, as they publish them, on a real kube-apiserver and on the embedded API: both serve every version that a definition says, keep and
 * drop the same of an object, and refuse the same ones for the same fields.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { createEmbeddedApi } from '../../../controller/embedded/api.ts';
import { embeddedClient } from '../../../controller/embedded/client.ts';
import { memoryObjectStore } from '../../../controller/embedded/store.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { type ApiServer, CustomResourceDefinition, missingAssets, startApiServer } from '../apiserver.ts';
import { upstreamDefinitions } from './definitions.ts';
import { prepareUpstream } from './prepare.ts';

const never = new AbortController().signal;
const by = { fieldManager: 'somebody' };
const PATIENCE = 30_000;

interface Sample {
  readonly what: string;
  /** Name of the definition. */
  readonly of: string;
  readonly version: string;
  readonly content: object;
  /** The field for which it is refused. */
  readonly refused?: string;
}

const capi = (spec: object, version = 'v1beta2'): Omit<Sample, 'what'> => ({ of: 'clusters.cluster.x-k8s.io', version, content: { spec } });
const release = (spec: object): Omit<Sample, 'what'> => ({ of: 'helmreleases.helm.toolkit.fluxcd.io', version: 'v2', content: { spec: { interval: '5m', ...spec } } });
const chartRef = { kind: 'OCIRepository', name: 'shop' };
const kustomization = (spec: object): Omit<Sample, 'what'> => ({ of: 'kustomizations.kustomize.toolkit.fluxcd.io', version: 'v1', content: { spec: { interval: '5m', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' }, ...spec } } });
const multicluster = (plural: string, version: string, spec: object): Omit<Sample, 'what'> => ({ of: `${plural}.multicluster.x-k8s.io`, version, content: { spec } });

const SAMPLES: readonly Sample[] = [
  { what: 'a Cluster', ...capi({ controlPlaneEndpoint: { host: 'api.berlin.example.com', port: 6443 }, topology: { classRef: { name: 'small' }, version: 'v1.34.2', workers: { machineDeployments: [{ class: 'default', name: 'md', replicas: 3 }] } } }) },
  { what: 'a Cluster with nothing in its spec', refused: 'spec', ...capi({}) },
  { what: 'a Cluster whose port is too great', refused: 'spec.controlPlaneEndpoint.port', ...capi({ controlPlaneEndpoint: { host: 'api.berlin.example.com', port: 70_000 } }) },
  { what: 'a Cluster whose class has no name of Kubernetes', refused: 'spec.topology.classRef.name', ...capi({ topology: { classRef: { name: 'Small!' }, version: 'v1.34.2' } }) },
  { what: 'a Cluster of the older version', ...capi({ paused: true, topology: { class: 'small', version: 'v1.33.0' } }, 'v1beta1') },
  { what: 'a Cluster of the older version without a topology\'s version', refused: 'spec.topology.version', ...capi({ topology: { class: 'small' } }, 'v1beta1') },
  { what: 'a HelmRelease', ...release({ chartRef, values: { password: 'secret' }, kubeConfig: { configMapRef: { name: 'quito' } } }) },
  { what: 'a HelmRelease with two kubeconfigs', refused: 'spec.kubeConfig', ...release({ chartRef, kubeConfig: { configMapRef: { name: 'quito' }, secretRef: { name: 'quito' } } }) },
  { what: 'a HelmRelease without a chart', refused: 'spec', ...release({}) },
  { what: 'a HelmRelease of an older version', of: 'helmreleases.helm.toolkit.fluxcd.io', version: 'v2beta2', content: { spec: { interval: '5m', chart: { spec: { chart: 'shop', sourceRef: { kind: 'HelmRepository', name: 'shop' } } } } } },
  { what: 'a Kustomization', ...kustomization({ kubeConfig: { secretRef: { name: 'lima-kubeconfig' } } }) },
  { what: 'a Kustomization of a kind of source that is none', refused: 'spec.sourceRef.kind', ...kustomization({ sourceRef: { kind: 'Folder', name: 'fleet' } }) },
  { what: 'a Kustomization with a wrong interval', refused: 'spec.interval', ...kustomization({ interval: 'often' }) },
  { what: 'a ServiceExport', ...multicluster('serviceexports', 'v1alpha1', {}) },
  { what: 'a ServiceImport', ...multicluster('serviceimports', 'v1alpha1', { type: 'ClusterSetIP', ips: ['10.0.0.1'], ports: [{ port: 80 }] }) },
  { what: 'a ServiceImport of no known type', refused: 'spec.type', ...multicluster('serviceimports', 'v1alpha1', { type: 'Global', ports: [{ port: 80 }] }) },
  { what: 'a ServiceImport without ports', refused: 'spec.ports', ...multicluster('serviceimports', 'v1alpha1', { type: 'Headless' }) },
];

const problem = missingAssets() ?? await prepareUpstream();
if (problem !== undefined) console.log(`other projects' definitions are not tried: ${problem}`);

describe.skipIf(problem !== undefined)('other projects\' published definitions on kube-apiserver and the embedded API', () => {
  const definitions = problem === undefined ? upstreamDefinitions() : [];
  let server: ApiServer;
  let real: ConnectedKubernetes;
  let embedded: KubernetesClient;
  beforeAll(async () => {
    server = await startApiServer({ namespaces: ['fleet'] });
    real = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-upstream', metrics: fakeMetrics() });
    embedded = embeddedClient(createEmbeddedApi({ objects: memoryObjectStore(), clock: systemClock, random: systemRandom, definitions: [], namespaces: ['fleet'], serviceCidrs: [] }));
    for (const client of [real, embedded]) for (const definition of definitions) await client.create(CustomResourceDefinition, definition, by, never);
  });
  afterAll(async () => {
    await real?.close();
    await server?.stop();
  });

  const kindOf = (name: string, version: string): ResourceKind => {
    const { spec } = definitions.find((definition) => definition.metadata.name === name)!;
    return { group: spec.group, version, kind: spec.names.kind, plural: spec.names.plural, namespaced: spec.scope === 'Namespaced' };
  };

  test.each(definitions.map((definition) => ({ name: definition.metadata.name, versions: definition.spec.versions })))('$name is served as it says', async ({ name, versions }) => {
    for (const client of [real, embedded]) {
      for (const { name: version, served } of versions) {
        const listed = (): Promise<boolean> => client.list(kindOf(name, version), {}, never).then(() => true, () => false);
        if (served) await eventually(`${name} ${version} is served`, PATIENCE, listed);
        else expect(await listed()).toBe(false);
      }
    }
  });

  /** What became of it: what is kept, or the refusal's code and fields. */
  async function outcome(client: KubernetesClient, { of, version, content }: Sample, name: string): Promise<unknown> {
    const kind = kindOf(of, version);
    try {
      const made = await client.create(kind, { apiVersion: `${kind.group}/${kind.version}`, kind: kind.kind, metadata: { name, namespace: 'fleet' }, ...content } as KubernetesObject, by, never);
      expect(await client.get(kind, { namespace: 'fleet', name }, never)).toEqual(made);
      const { apiVersion, metadata, ...kept } = made;
      return { apiVersion, name: metadata.name, generation: metadata.generation, ...kept };
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      return { code: error.code, reason: error.reason, causes: error.causes.map(({ field, reason }) => ({ field, reason })) };
    }
  }

  test.each(SAMPLES)('$what', async (sample) => {
    const name = `sample-${SAMPLES.indexOf(sample)}`;
    const expected = await outcome(real, sample, name);
    expect(await outcome(embedded, sample, name)).toEqual(expected);
    if (sample.refused === undefined) expect(expected).toHaveProperty('spec');
    else expect(expected).toMatchObject({ code: 422, causes: expect.arrayContaining([expect.objectContaining({ field: sample.refused })]) });
  });
});
