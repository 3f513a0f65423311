import { describe, test } from 'vitest';
import { connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { missingAssets, startApiServer } from '../apiserver.ts';
import { kubernetesContract } from './suite.ts';

const missing = missingAssets();
if (missing !== undefined) {
  console.log(`no real kube-apiserver: ${missing}`);
  describe.skip('real kube-apiserver', () => { test(missing, () => {}); });
} else {
  kubernetesContract('real kube-apiserver', async () => {
    const server = await startApiServer();
    const client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-contract', metrics: fakeMetrics() });
    return {
      client,
      async stop() {
        await client.close();
        await server.stop();
      },
    };
  });
}
