/** Queries of the fleet with a hub on a real kube-apiserver, and what is left of them without a hub. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { apply } from '../../controller/demo/objects.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { Cluster, HUB_RESOURCES } from '../../mesh/api/resources/index.ts';
import { crdOf } from '../../mesh/api/schema/crd.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { fleetQueryCases } from '../embedded/fleet-query-cases.ts';
import { isthmus, startHub } from '../embedded/hub-process.ts';
import { type ApiServer, missingAssets, startApiServer } from './apiserver.ts';

const missing = missingAssets();
if (missing !== undefined) console.log(`no real kube-apiserver: ${missing}`);
const startServer = (): Promise<ApiServer> => startApiServer({ namespaces: ['isthmus-system'], definitions: HUB_RESOURCES.map((definition) => crdOf(definition) as KubernetesObject) });

describe.skipIf(missing !== undefined)('on a real kube-apiserver', () => {
  fleetQueryCases('a hub on it', async (folder) => {
    const server = await startServer();
    try {
      const hub = await startHub(folder, { kubeconfig: server.kubeconfigPath });
      return { hub, stop: async () => { await hub.stop(); await server.stop(); } };
    } catch (error) {
      await server.stop();
      throw error;
    }
  });

  describe('without a hub', () => {
    let server: ApiServer;
    const never = new AbortController().signal;
    beforeAll(async () => {
      server = await startServer();
      const client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
      for (const name of ['oslo', 'berlin']) await apply(client, Cluster, name, {}, never);
      await client.close();
    });
    afterAll(() => server.stop());

    test('the Cluster objects answer, which is said; the past does not', async () => {
      const ask = (...words: string[]) => isthmus(['--kubeconfig', server.kubeconfigPath, 'fleet', 'query', ...words]);
      const [now, past] = await Promise.all([ask('!frozen order by name', '-o', 'name'), ask('', '--at', '1h')]);
      expect(now).toMatchObject({ status: 0, stdout: 'cluster.isthmus.dev/berlin\ncluster.isthmus.dev/oslo\n', stderr: expect.stringMatching(/^the hub did not answer within 10 s: .*\nreading the Cluster objects instead: .*\n2 of 2 clusters, from the Cluster objects /) });
      expect(past).toMatchObject({ status: 1, stdout: '', stderr: 'isthmus: the hub did not answer within 10 s; a past moment is known from its records alone, so the Cluster objects cannot stand in\n' });
    });
  });
});
