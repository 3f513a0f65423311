/**
 * A network of its own for programs that listen on every address, with nothing in it but loopback (all of 127.0.0.0/8), and passages out of it and within it. Needs root.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { tmpdir } from 'node:os';

interface Address { readonly host: string; readonly port: number }
/** `file`: holds an Address as JSON, which is read at each connection. */
export interface Passage { readonly from: Address | { readonly path: string }; readonly to: Address | { readonly path: string } | { readonly file: string } }

export interface PrivateNetwork {
  /** Words before a command that is to run in it. */
  readonly inside: readonly string[];
  /** Where the Service of this name leads from now on. */
  lead(service: string, to: Address): void;
  /** A file socket that leads to where a Service leads. */
  socketOf(service: string): string;
  stop(): Promise<void>;
}

/** Why there can be none here; undefined: there can. */
export function missingPrivateNetwork(): string | undefined {
  const { status, stderr, error } = spawnSync('unshare', ['-n', '-m', 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' });
  return status === 0 ? undefined : `no network namespace can be made here (it takes root on Linux): ${(error?.message ?? stderr).trim()}`;
}

/** `services`: addresses inside, by name, and where they lead is told later. `outside`: ports of this machine's 127.0.0.1 that are the same inside. */
export async function startPrivateNetwork({ services, outside }: { readonly services: Readonly<Record<string, Address | undefined>>; readonly outside: readonly number[] }): Promise<PrivateNetwork> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-network-'));
  const open = new Set<Socket>();
  const keep = (socket: Socket): Socket => { open.add(socket); return socket.on('error', () => {}).once('close', () => open.delete(socket)); };
  const file = (service: string): string => join(folder, `${service}.json`);
  const socketOf = (service: string): string => join(folder, `${service}.sock`);
  const exits = await Promise.all(outside.map(async (port) => {
    const path = join(folder, `${port}.sock`);
    const server = createServer((socket) => {
      const onward = keep(connect(port, '127.0.0.1'));
      keep(socket).on('close', () => onward.destroy()).pipe(onward).on('close', () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((resolve) => { server.listen(path, resolve); });
    return { server, passage: { from: { host: '127.0.0.1', port }, to: { path } } satisfies Passage };
  }));
  const passages: readonly Passage[] = [
    ...exits.map(({ passage }) => passage),
    ...Object.entries(services).flatMap(([name, from]) => [...from === undefined ? [] : [{ from, to: { file: file(name) } }], { from: { path: socketOf(name) }, to: { file: file(name) } }]),
  ];
  const child = spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, join(import.meta.dirname, 'private-network-process.ts'), JSON.stringify(passages)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const killAtExit = (): void => { child.kill('SIGKILL'); };
  process.once('exit', killAtExit);
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    process.removeListener('exit', killAtExit);
    for (const socket of open) socket.destroy();
    await Promise.all(exits.map(({ server }) => new Promise((resolve) => { server.close(resolve); })));
    rmSync(folder, { recursive: true, force: true });
  };
  const said = await Promise.race([once(child.stdout, 'data').then(String), exited.then(() => '')]);
  if (!said.includes('listening')) {
    await stop();
    throw new Error('the private network does not come up');
  }
  return {
    inside: ['nsenter', `--net=/proc/${child.pid}/ns/net`],
    lead(service, to) {
      writeFileSync(`${file(service)}.new`, JSON.stringify(to));
      renameSync(`${file(service)}.new`, file(service));
    },
    socketOf, stop,
  };
}
