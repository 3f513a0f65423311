/** The contract of the `KubernetesClient` port on the embedded API: in process; over HTTPS it is `e2e/kube/contract`. */
import { expect, test } from 'vitest';
import { systemClock } from '../../controller/adapters/clock.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { createEmbeddedApi } from '../../controller/embedded/api.ts';
import { embeddedClient } from '../../controller/embedded/client.ts';
import { memoryObjectStore } from '../../controller/embedded/store.ts';
import { ConfigMap } from '../../mesh/api/resources/core.ts';
import { never } from '../kube/contract/calls.ts';
import { kubernetesContract } from '../kube/contract/suite.ts';

kubernetesContract('embedded API, in process', () => {
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock: systemClock, random: systemRandom, definitions: [] });
  return Promise.resolve({ client: embeddedClient(api), stop: () => Promise.resolve() });
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
