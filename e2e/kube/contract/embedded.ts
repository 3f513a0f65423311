/** The embedded API in a process of its own, with durable objects, as a subject of the suite. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { testAuthority } from '../../../controller/adapters/kubernetes/testing/fake-server.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { bareHttps, type ServerSubject } from './subject.ts';

export async function embeddedSubject(): Promise<ServerSubject> {
  const clients = testAuthority('clients');
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-contract-'));
  const kubeconfigPath = join(folder, 'kubeconfig');
  const clientCaPath = join(folder, 'clients.crt');
  writeFileSync(clientCaPath, clients.certificatePem);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'embedded-process.ts'), join(folder, 'data'), kubeconfigPath, clientCaPath], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => { errors = (errors + chunk.toString()).slice(-4000); });
  const exited = once(child, 'exit');
  const kill = (): void => { child.kill('SIGKILL'); };
  process.once('exit', kill);
  const [first] = await Promise.race([once(child.stdout, 'data') as Promise<[Buffer]>, exited.then(() => { throw new Error(`the embedded API ended: ${errors.trim()}`); })]);
  const url = first.toString().trim();
  const config = parse(readFileSync(kubeconfigPath, 'utf8')) as { readonly clusters: { readonly cluster: Record<string, string> }[]; readonly users: { readonly user: { readonly token: string } }[] };
  const certificateAuthorityPem = Buffer.from(config.clusters[0]?.cluster['certificate-authority-data'] ?? '', 'base64').toString();
  const client = connectKubernetes({ kubeconfig: kubeconfigPath, userAgent: 'isthmus-contract', metrics: fakeMetrics() });
  const bare = bareHttps(url, certificateAuthorityPem, config.users[0]?.user.token ?? '');
  return {
    client, kubeconfigPath, url, certificateAuthorityPem, ask: bare.ask, events: bare.events,
    certificateOf(user, group, { expired = false } = {}) {
      const { certificatePem, keyPem } = clients.issue('client', user, group, expired ? -60_000 : undefined);
      return { certPem: certificatePem, keyPem };
    },
    async stop() {
      await client.close();
      await bare.close();
      process.removeListener('exit', kill);
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
