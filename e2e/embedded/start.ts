/** Starts the embedded API as a child process for a test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { parse } from 'yaml';

export interface RunningApi {
  readonly url: string;
  readonly kubeconfig: string;
  readonly process: ChildProcess;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests reach into answers of many shapes
  call(method: string, path: string, options?: { body?: unknown; type?: string; token?: string; accept?: string; raw?: string | Uint8Array; headers?: Readonly<Record<string, string>> }): Promise<{ code: number; body: any; headers: Record<string, unknown> }>;
  /** Resolves when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export async function startApi(folder: string): Promise<RunningApi> {
  const kubeconfig = join(folder, 'kubeconfig');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server-process.ts'), join(folder, 'data'), kubeconfig], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString(); });
  const exited = once(child, 'exit');
  const [first] = await Promise.race([once(child.stdout, 'data') as Promise<[Buffer]>, exited.then(() => { throw new Error(errors.trim()); })]);
  const url = first.toString().trim();
  const config = parse(readFileSync(kubeconfig, 'utf8')) as { clusters: { cluster: Record<string, string> }[]; users: { user: { token: string } }[] };
  const agent = new Agent({ connect: { ca: Buffer.from(config.clusters[0]?.cluster['certificate-authority-data'] ?? '', 'base64').toString() } });
  const admin = config.users[0]?.user.token ?? '';
  return {
    url, kubeconfig, process: child,
    async call(method, path, { body, type = 'application/json', token = admin, accept, raw, headers = {} } = {}) {
      const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const answer = await request(url + path, {
        dispatcher: agent, method: method as 'GET',
        headers: { ...headers, ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...(sent === undefined ? {} : { 'content-type': type }), ...(accept === undefined ? {} : { accept }) },
        ...(sent === undefined ? {} : { body: sent }),
      });
      const text = await answer.body.text();
      return { code: answer.statusCode, body: parsed(text), headers: answer.headers };
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await exited;
      await agent.destroy();
    },
  };
}

/** Anything but one JSON text stays text: health, streams. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
