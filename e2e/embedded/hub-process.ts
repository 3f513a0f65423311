/** Hubs, agents and commands as the processes that people start, with files of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { createMetrics } from '../../controller/adapters/metrics.ts';
import { freePort } from '../../controller/demo/free-port.ts';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
export const ENTRY = join(ROOT, 'bin/isthmus.mjs');

const LONGEST_MILLISECONDS = 40_000;

export interface Outcome { readonly status: number | null; readonly stdout: string; readonly stderr: string }

/** `inside`: a command that runs the rest of its words. */
interface RunOptions { readonly environment?: Readonly<Record<string, string>>; readonly cwd?: string; readonly node?: string; readonly uid?: number; readonly inside?: readonly string[] }

export interface Running {
  readonly child: ChildProcess;
  /** Standard output and standard error so far. */
  printed(): Outcome;
  /** Waits for the end; a process that takes longer than 40 s to it is killed, and has no status. */
  outcome(): Promise<Outcome>;
  /** SIGTERM, and waits. */
  stop(): Promise<Outcome>;
}

export function launch(words: readonly string[], { environment = {}, cwd = ROOT, node = process.execPath, uid, inside = [] }: RunOptions = {}): Running {
  const [program = '', ...rest] = [...inside, node, ENTRY, ...words];
  const child = spawn(program, rest, { cwd, env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'], ...(uid === undefined ? {} : { uid, gid: uid }) });
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => { stdout += chunk.toString(); });
  child.stderr?.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
  const closed = once(child, 'close');
  const printed = (): Outcome => ({ status: child.exitCode, stdout, stderr });
  const outcome = async (): Promise<Outcome> => {
    const late = setTimeout(() => child.kill('SIGKILL'), LONGEST_MILLISECONDS);
    await closed;
    clearTimeout(late);
    return printed();
  };
  return { child, printed, outcome, stop: () => { child.kill(); return outcome(); } };
}

/** `isthmus WORDS` to its end. */
export const isthmus = (words: readonly string[], options: RunOptions = {}): Promise<Outcome> => launch(words, options).outcome();

export interface HubProcess {
  readonly running: Running;
  readonly kubeconfig: string;
  readonly gateway: string;
  readonly health: string;
  readonly api: string;
  readonly dataDir: string;
  readonly client: KubernetesClient;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  /** `isthmus --kubeconfig HUB WORDS`. */
  isthmus(...words: string[]): Promise<Outcome>;
  stop(): Promise<Outcome>;
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'isthmus-bad-input-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

const address = async (): Promise<string> => `127.0.0.1:${await freePort()}`;

/** One that does not come to be is ended. */
async function waitReady(running: Running, health: string): Promise<void> {
  for (const giveUpAt = performance.now() + 60_000; performance.now() < giveUpAt;) {
    if (running.child.exitCode !== null) throw new Error(`ended with ${running.child.exitCode}: ${running.printed().stderr}`);
    if (await fetch(`http://${health}/readyz`).then((response) => response.ok, () => false)) return;
    await new Promise((done) => { setTimeout(done, 30); });
  }
  const { stderr } = await running.stop();
  throw new Error(`not ready: ${stderr}`);
}

export const fetchText = async (url: string): Promise<{ readonly status: number; readonly text: string }> => {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
};

/** A hub, ready; with the embedded API, or on the one of `kubeconfig`. */
export async function startHub(folder: string, more: { readonly dataDir?: string; readonly kubeconfig?: string; readonly flags?: readonly string[] } & RunOptions = {}): Promise<HubProcess> {
  const [gateway, health, api] = [await address(), await address(), await address()];
  const kubeconfig = more.kubeconfig ?? join(folder, 'hub.kubeconfig');
  const dataDir = more.dataDir ?? join(folder, 'hub');
  const where = more.kubeconfig === undefined ? ['hub', '--embedded', '--api-listen', api, '--write-kubeconfig', kubeconfig] : ['--kubeconfig', kubeconfig, 'hub'];
  const running = launch([...where, '--data-dir', dataDir, '--listen', gateway, '--health-listen', health, ...more.flags ?? []], more);
  await waitReady(running, health);
  const client = connectKubernetes({ kubeconfig, userAgent: 'isthmus-test', metrics: createMetrics({ processMetrics: false }) });
  return {
    running, kubeconfig, gateway, health, api, dataDir, client,
    get: (path) => fetchText(`http://${health}${path}`),
    isthmus: (...words) => isthmus(['--kubeconfig', kubeconfig, ...words]),
    stop: async () => {
      await client.close();
      return running.stop();
    },
  };
}

export interface MemberApi { readonly kubeconfig: string; readonly client: KubernetesClient; stop(): Promise<void> }

/** A member cluster's embedded API, ready. */
export async function startMemberApi(folder: string, name: string, flags: readonly string[] = []): Promise<MemberApi> {
  const kubeconfig = join(folder, `${name}.kubeconfig`);
  const running = launch(['embedded', '--listen', await address(), '--namespace', 'kube-system', '--namespace', 'isthmus-system', '--namespace', 'shop', '--write-kubeconfig', kubeconfig, ...flags]);
  for (const giveUpAt = performance.now() + 60_000; !running.printed().stderr.includes('embedded API serves');) {
    if (running.child.exitCode !== null || performance.now() > giveUpAt) throw new Error(`no embedded API: ${running.printed().stderr}`);
    await new Promise((done) => { setTimeout(done, 20); });
  }
  const client = connectKubernetes({ kubeconfig, userAgent: 'isthmus-test', metrics: createMetrics({ processMetrics: false }) });
  return { kubeconfig, client, stop: async () => { await client.close(); await running.stop(); } };
}

export interface AgentProcess { readonly running: Running; readonly dns: string; readonly health: string; readonly peer: string; readonly words: readonly string[] }

/** Does not wait: whether it comes up is what most tests ask. */
export async function launchAgent(folder: string, cluster: string, kubeconfig: string, options: { readonly token?: string; readonly more?: readonly string[]; readonly inside?: readonly string[] } = {}): Promise<AgentProcess> {
  const [dns, health, peer] = [await address(), await address(), await address()];
  const words = [
    'agent', '--cluster', cluster, '--kubeconfig', kubeconfig, '--data-dir', join(folder, `${cluster}-agent`), '--dns-listen', dns, '--health-listen', health, '--peer-listen', peer,
    '--mesh-endpoint', `${cluster}.mesh.cilium.io:2379`, '--property', 'cilium-auth-mode=cluster', '--trust-settle', '1', ...options.more ?? [],
  ];
  return { running: launch(words, { environment: { ISTHMUS_JOIN_TOKEN: options.token ?? '' }, inside: options.inside ?? [] }), dns, health, peer, words };
}

export async function startAgent(folder: string, cluster: string, kubeconfig: string, token: string): Promise<AgentProcess> {
  const agent = await launchAgent(folder, cluster, kubeconfig, { token });
  await waitReady(agent.running, agent.health);
  return agent;
}
