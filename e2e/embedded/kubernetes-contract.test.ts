/** The contract of the `KubernetesClient` port on the embedded API: in process, and over HTTPS as kubectl and our own client see it. */
import { expect, test } from 'vitest';
import { systemClock } from '../../controller/adapters/clock.ts';
import { connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { temporaryFolder, testAuthority } from '../../controller/adapters/kubernetes/testing/fake-server.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { createEmbeddedApi } from '../../controller/embedded/api.ts';
import { embeddedClient } from '../../controller/embedded/client.ts';
import { serveEmbedded } from '../../controller/embedded/server/serve.ts';
import { memoryObjectStore } from '../../controller/embedded/store.ts';
import { fakeMetrics, silentLog } from '../../controller/runtime/testing/fakes.ts';
import { ConfigMap } from '../../mesh/api/resources/core.ts';
import { never } from '../kube/contract/calls.ts';
import { kubernetesContract } from '../kube/contract/suite.ts';

kubernetesContract('embedded API, in process', () => {
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock: systemClock, random: systemRandom, definitions: [] });
  return Promise.resolve({ client: embeddedClient(api), stop: () => Promise.resolve() });
});

kubernetesContract('embedded API over HTTPS', async () => {
  const abort = new AbortController();
  const authority = testAuthority('embedded');
  const pair = authority.issue('server', 'embedded');
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock: systemClock, random: systemRandom, definitions: [] });
  const served = await serveEmbedded(api, {
    host: '127.0.0.1', port: 0, certPem: pair.certificatePem, keyPem: pair.keyPem, caPem: authority.certificatePem,
    tokens: [{ token: 'contract-token', user: 'contract' }], clock: systemClock, log: silentLog,
  }, abort.signal);
  const folder = temporaryFolder();
  const client = connectKubernetes({ kubeconfig: folder.write('config', served.kubeconfig), userAgent: 'isthmus-contract', metrics: fakeMetrics() });
  return {
    client,
    async stop() {
      await client.close();
      abort.abort();
      await served.closed;
      folder.remove();
    },
  };
});

test('a version that fell out of the event log is 410 Expired', async () => {
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock: systemClock, random: systemRandom, definitions: [], eventLogSize: 5 });
  const client = embeddedClient(api);
  const { resourceVersion } = await client.list(ConfigMap, { namespace: 'default' }, never);
  for (let index = 0; index < 10; index++) await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${index}`, namespace: 'default' } }, { fieldManager: 'contract' }, never);
  const opened = (async () => {
    for await (const event of client.watch(ConfigMap, { namespace: 'default', resourceVersion }, never)) return event;
    return 'ended';
  })();
  await expect(opened).rejects.toMatchObject({ name: 'KubernetesError', code: 410, reason: 'Expired' });
});
