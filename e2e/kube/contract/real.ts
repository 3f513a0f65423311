/** A real kube-apiserver with its etcd and kube-controller-manager as a subject of the suite. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { testAuthority } from '../../../controller/adapters/kubernetes/testing/fake-server.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { startApiServer } from '../apiserver.ts';
import { startControllerManager } from '../controller-manager.ts';
import { bareHttps, type ServerSubject, USERS } from './subject.ts';

export async function realSubject(): Promise<ServerSubject> {
  const clients = testAuthority('clients');
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-contract-'));
  const clientCaPath = join(folder, 'clients.crt');
  writeFileSync(clientCaPath, clients.certificatePem);
  const server = await startApiServer({ users: USERS, flags: [`--client-ca-file=${clientCaPath}`] });
  const manager = await startControllerManager(server);
  const client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-contract', metrics: fakeMetrics() });
  const bare = bareHttps(server.url, server.certificateAuthorityPem, server.adminToken);
  return {
    client, kubeconfigPath: server.kubeconfigPath, url: server.url, certificateAuthorityPem: server.certificateAuthorityPem, ask: bare.ask, events: bare.events,
    certificateOf(user, group, { expired = false } = {}) {
      const { certificatePem, keyPem } = clients.issue('client', user, group, expired ? -60_000 : undefined);
      return { certPem: certificatePem, keyPem };
    },
    async stop() {
      await client.close();
      await bare.close();
      await manager.stop();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
