/** A Prometheus of its own on loopback, and the target that it scrapes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../kube/free-ports.ts';

/** undefined: there is none on PATH. */
export function findPrometheus(): string | undefined {
  return (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'prometheus')).find((file) => {
    try { accessSync(file, constants.X_OK); return true; } catch { return false; }
  });
}

export const USER = 'isthmus';
export const PASSWORD = 'test';
/** bcrypt of `test`: the example of prometheus.io/docs/guides/basic-auth. */
const PASSWORD_HASH = '$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay';
const START_MILLISECONDS = 60_000;

export interface TestPrometheus {
  readonly url: string;
  /** What the target tells from now on: metric with labels → value. */
  tell(series: Readonly<Record<string, number>>): void;
  /** The target refuses connections. */
  closeTarget(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPrometheus(program: string): Promise<TestPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-prometheus-'));
  let lines = '';
  const target = createServer((_, response) => { response.setHeader('content-type', 'text/plain; version=0.0.4').end(lines); }).listen(0, '127.0.0.1');
  await once(target, 'listening');
  const closeTarget = async (): Promise<void> => {
    if (!target.listening) return;
    target.closeAllConnections();
    target.close();
    await once(target, 'close');
  };
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify({
    global: { scrape_interval: '250ms', scrape_timeout: '200ms' },
    scrape_configs: [{ job_name: 'fleet', honor_labels: true, static_configs: [{ targets: [`127.0.0.1:${(target.address() as AddressInfo).port}`] }] }],
  }));
  writeFileSync(join(folder, 'web.yml'), JSON.stringify({ basic_auth_users: { [USER]: PASSWORD_HASH } }));
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const server = spawn(program, [
    `--config.file=${join(folder, 'prometheus.yml')}`, `--web.config.file=${join(folder, 'web.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn',
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr.on('data', (chunk) => { said = `${said}${String(chunk)}`.slice(-4000); });
  const ended = once(server, 'exit');
  const stop = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) server.kill('SIGTERM');
    await ended;
    await closeTarget();
    rmSync(folder, { recursive: true, force: true });
  };
  const headers = { authorization: `Basic ${btoa(`${USER}:${PASSWORD}`)}` };
  for (const deadline = Date.now() + START_MILLISECONDS; !(await fetch(`${url}/-/ready`, { headers }).then(({ ok }) => ok, () => false));) {
    if (server.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`prometheus does not become ready: ${said}`);
    }
    await sleep(50);
  }
  return {
    url, closeTarget, stop,
    tell(series) { lines = Object.entries(series).map(([name, value]) => `${name} ${value}\n`).join(''); },
  };
}
