/** An etcd as Cilium's mesh has it (client certificates, users by common name), with our certificates. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../free-ports.ts';
import { serverProcess } from '../server-process.ts';

export interface Pair { readonly keyPem: string; readonly chainPem: string }

export interface MeshEtcd {
  readonly url: string;
  readonly directory: string;
  /** `etcdctl WORDS` with these credentials; what it said, whichever way. What is refused in the handshake it tries again until the time is over. */
  ask(credentials: Pair | undefined, words: readonly string[], options?: { readonly endpoint?: string; readonly caPem?: string; readonly seconds?: number }): { readonly ok: boolean; readonly said: string };
  /** Why it turned connections away since this was asked last. */
  turnedAway(): string;
  stop(): Promise<void>;
}

const START_MILLISECONDS = 20_000;
const program = (name: string): string => join(process.env['KUBEBUILDER_ASSETS'] ?? '', name);

/** Users and roles as Cilium's etcdinit makes them. `peers`: clusters whose user exists. */
export async function startMeshEtcd(cluster: string, server: Pair, admin: Pair, rootPem: string, peers: readonly string[]): Promise<MeshEtcd> {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-mesh-etcd-'));
  const [client, peer] = await freePorts(2);
  const url = `https://127.0.0.1:${client}`;
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  const logPath = join(directory, 'etcd.log');
  const etcd = serverProcess('etcd', [
    '--name=clustermesh-apiserver', `--data-dir=${join(directory, 'data')}`, '--client-cert-auth', `--trusted-ca-file=${file('ca.crt', rootPem)}`,
    `--cert-file=${file('server.crt', server.chainPem)}`, `--key-file=${file('server.key', server.keyPem)}`, `--listen-client-urls=${url},https://127.0.0.2:${client}`, `--advertise-client-urls=${url}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`, `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`, `--initial-cluster=clustermesh-apiserver=http://127.0.0.1:${peer}`,
    '--unsafe-no-fsync', '--enable-grpc-gateway=false', '--log-level=warn',
  ], logPath);
  let calls = 0;
  const ask: MeshEtcd['ask'] = (credentials, words, { endpoint = url, caPem = rootPem, seconds = 15 } = {}) => {
    const number = calls++;
    const flags = credentials === undefined ? [] : [`--cert=${file(`client-${number}.crt`, credentials.chainPem)}`, `--key=${file(`client-${number}.key`, credentials.keyPem)}`];
    const { status, stdout, stderr } = spawnSync(program('etcdctl'), [`--command-timeout=${seconds}s`, `--endpoints=${endpoint}`, `--cacert=${file(`client-${number}.ca`, caPem)}`, ...flags, ...words], { encoding: 'utf8' });
    return { ok: status === 0, said: `${stdout}${stderr}`.trim() };
  };
  let told = 0;
  const turnedAway = (): string => {
    const log = readFileSync(logPath, 'utf8');
    const lines = log.slice(told).split('\n').filter((line) => line.includes('rejected connection'));
    told = log.length;
    return lines.join('\n');
  };
  const must = (words: readonly string[]): void => {
    const { ok, said } = ask(admin, words);
    if (!ok) throw new Error(`etcdctl ${words.join(' ')}: ${said}`);
  };
  const stop = async (): Promise<void> => {
    await etcd.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    etcd.start();
    for (const giveUpAt = performance.now() + START_MILLISECONDS; !ask(admin, ['get', 'any'], { seconds: 1 }).ok;) {
      if (!etcd.running || performance.now() > giveUpAt) throw new Error(`etcd does not answer: ${ask(admin, ['get', 'any']).said}; ${etcd.lastLines()}`);
      await sleep(100);
    }
    must(['put', 'cilium/.heartbeat', new Date().toISOString()]);
    must(['put', `cilium/cluster-config/${cluster}`, '{"id":1,"capabilities":{}}']);
    // As `pkg/kvstore/etcdinit` has them; `cilium/synced/` of a remote is its own cluster's.
    const readable = { remote: ['cilium/state/', `cilium/cluster-config/${cluster}`, `cilium/synced/${cluster}/`], local: ['cilium/cache/', 'cilium/cluster-config/', 'cilium/synced/'] };
    for (const [role, keys] of Object.entries(readable)) {
      must(['role', 'add', role]);
      for (const key of ['cilium/.heartbeat', ...keys]) must(['role', 'grant-permission', role, 'read', key, ...(key.endsWith('/') ? ['--prefix'] : [])]);
    }
    for (const [user, role] of [['root', 'root'], [`admin-${cluster}`, 'root'], [`local-${cluster}`, 'local'], ...peers.map((name) => [`remote-${name}`, 'remote'])] as const) {
      must(['user', 'add', user ?? '', '--no-password']);
      must(['user', 'grant-role', user ?? '', role ?? '']);
    }
    must(['auth', 'enable']);
    return { url, directory, ask, turnedAway, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Cilium's own check of a peer's configuration: a new connection with the files as they are. What it printed. */
export function troubleshoot(etcd: MeshEtcd, cluster: string, credentials: Pair, { caPem, endpoint = etcd.url }: { readonly caPem: string; readonly endpoint?: string }): string {
  const folder = mkdtempSync(join(etcd.directory, 'clustermesh-'));
  const path = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const [ca, crt, key] = [path('common-etcd-client-ca.crt', caPem), path('common-etcd-client.crt', credentials.chainPem), path('common-etcd-client.key', credentials.keyPem)];
  path(cluster, `endpoints:\n- ${endpoint}\ntrusted-ca-file: ${ca}\ncert-file: ${crt}\nkey-file: ${key}\n`);
  return execFileSync(program('clustermesh-apiserver'), ['kvstoremesh-dbg', 'troubleshoot', cluster, `--clustermesh-config=${folder}`, '--timeout=3s'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
}
