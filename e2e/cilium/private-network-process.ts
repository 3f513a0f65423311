/** Passes connections on between a network namespace, in which it runs, and sockets of files, which all namespaces see. Words: one JSON document, and one line on standard output once everything listens. */
import { readFileSync } from 'node:fs';
import { connect, createServer, type ListenOptions, type NetConnectOpts } from 'node:net';
import type { Passage } from './private-network.ts';

const passages = JSON.parse(process.argv[2] ?? '[]') as readonly Passage[];

await Promise.all(passages.map(({ from, to }) => new Promise<void>((resolve, reject) => {
  const server = createServer((socket) => {
    let target: NetConnectOpts;
    try {
      target = 'file' in to ? JSON.parse(readFileSync(to.file, 'utf8')) as NetConnectOpts : to;
    } catch {
      socket.destroy();
      return;
    }
    const onward = connect(target);
    for (const [one, other] of [[socket, onward], [onward, socket]] as const) one.on('error', () => {}).on('close', () => other.destroy()).pipe(other);
  });
  server.once('error', reject).listen(from as ListenOptions, resolve);
})));
console.log('listening');
