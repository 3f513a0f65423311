/** A throw-away PostgreSQL server on loopback for the suite. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

export interface PostgresPrograms { readonly initdb: string; readonly postgres: string }
export interface TestPostgres {
  readonly url: string;
  /** The URL of an empty one of that name. */
  makeDatabase(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** On PATH, or where Debian keeps them. */
export function findPostgres(): PostgresPrograms | undefined {
  const debian = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`) : [];
  for (const folder of [...debian, ...(process.env['PATH'] ?? '').split(':')]) {
    const programs = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
    if (existsSync(programs.initdb) && existsSync(programs.postgres)) return programs;
  }
  return undefined;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  return port;
}

export async function startPostgres(programs: PostgresPrograms): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-postgres-'));
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  if ('uid' in user) chownSync(folder, 65534, 65534);
  const data = join(folder, 'data');
  execFileSync(programs.initdb, ['-D', data, '-U', 'isthmus', '--auth=trust', '--no-sync', '--no-locale', '-E', 'UTF8'], { ...user, cwd: folder, stdio: 'pipe' });
  const port = await freePort();
  const server = spawn(programs.postgres, ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${folder}`], { ...user, cwd: folder, stdio: 'ignore' });
  const url = `postgres://isthmus@127.0.0.1:${port}/postgres`;
  for (let attempt = 0; ; attempt += 1) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      break;
    } catch (error) {
      if (attempt === 600) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
  return {
    url,
    async makeDatabase(name) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(`create database "${name}"`);
      await client.end();
      return url.replace(/postgres$/, name);
    },
    async stop() {
      const gone = once(server, 'exit');
      server.kill('SIGINT');
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}
