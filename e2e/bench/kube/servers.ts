/** The API servers that are measured, each as a process of its own: kube-apiserver with etcd, and the embedded API as `isthmus embedded` runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { startApiServer } from '../../kube/apiserver.ts';

export interface BenchServer {
  readonly name: string;
  readonly url: string;
  readonly kubeconfigPath: string;
  readonly certificateAuthorityPem: string;
  /** Of the administrator. */
  readonly token: string;
  stop(): Promise<void>;
}

const START_MILLISECONDS = 30_000;
const entry = resolve(import.meta.dirname, '../../../controller/cli/main.ts');
/** Where everything that is measured lives. */
export const NAMESPACE = 'bench';

/** `durable`: etcd syncs every write to the disk; else it leaves that out, as in tests. */
export async function realServer(durable: boolean): Promise<BenchServer> {
  const server = await startApiServer({ namespaces: [NAMESPACE], durable });
  return { name: `kube-apiserver + etcd${durable ? '' : ' (no fsync)'}`, url: server.url, kubeconfigPath: server.kubeconfigPath, certificateAuthorityPem: server.certificateAuthorityPem, token: server.adminToken, stop: server.stop };
}

/** `durable`: SQLite with full sync; else in memory. `nodeFlags` for a profile. */
export async function embeddedServer(durable: boolean, nodeFlags: readonly string[] = []): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-'));
  const kubeconfigPath = join(folder, 'kubeconfig');
  const logPath = join(folder, 'log');
  const log = openSync(logPath, 'w');
  const child = spawn(process.execPath, [
    ...nodeFlags, entry, 'embedded', '--listen', '127.0.0.1:0', '--namespace', NAMESPACE, '--write-kubeconfig', kubeconfigPath, '--log-level', 'warn', ...(durable ? ['--data-dir', join(folder, 'data')] : []),
  ], { stdio: ['ignore', log, log] });
  closeSync(log);
  const exited = once(child, 'exit');
  const kill = (): void => { child.kill('SIGKILL'); };
  process.once('exit', kill);
  const deadline = performance.now() + START_MILLISECONDS;
  while (!existsSync(kubeconfigPath)) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`the embedded API did not start: ${readFileSync(logPath, 'utf8').slice(-2000)}`);
    await sleep(20);
  }
  const config = parse(readFileSync(kubeconfigPath, 'utf8')) as { readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[]; readonly users: readonly { readonly user: { readonly token: string } }[] };
  const cluster = config.clusters[0]?.cluster ?? {};
  return {
    name: `embedded API${durable ? ' (SQLite, full sync)' : ' (memory)'}`, kubeconfigPath, url: cluster['server'] ?? '',
    certificateAuthorityPem: Buffer.from(cluster['certificate-authority-data'] ?? '', 'base64').toString(), token: config.users[0]?.user.token ?? '',
    async stop() {
      process.removeListener('exit', kill);
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
