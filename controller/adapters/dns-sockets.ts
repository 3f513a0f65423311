/** DNS over UDP and TCP on one port (RFC 1035 §4.2, RFC 7766). What to answer is decided elsewhere. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Socket } from 'node:net';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { DnsPacketHandler, DnsServer } from '../../mesh/ports/dns.ts';
import type { Log } from '../../mesh/ports/log.ts';
import { formatAddress, parseListen } from './listen.ts';

/** RFC 7766 §6.2.3: idle connections are closed after some seconds. */
const TCP_IDLE_MILLISECONDS = 10_000;
const MOST_TCP_CONNECTIONS = 256;
/** A free TCP port need not be free for UDP: another is asked for this often. */
const PORT_ATTEMPTS = 20;

function serveConnection(socket: Socket, handler: DnsPacketHandler): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.setTimeout(TCP_IDLE_MILLISECONDS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 2) {
      const length = pending.readUInt16BE(0);
      if (pending.length < 2 + length) break;
      const answer = handler(pending.subarray(2, 2 + length), 'tcp');
      pending = pending.subarray(2 + length);
      if (answer === undefined) return void socket.destroy();
      const prefix = Buffer.alloc(2);
      prefix.writeUInt16BE(answer.length);
      // A client that does not read its answers is cut off rather than buffered for.
      if (!socket.write(Buffer.concat([prefix, answer])) && socket.writableLength > 1 << 20) return void socket.destroy();
    }
  });
}

async function bind(listen: string, handler: DnsPacketHandler, log: Log) {
  const { host, port } = parseListen(listen);
  for (let attempt = 1; ; attempt += 1) {
    const tcp = createServer({ noDelay: true }, (socket) => serveConnection(socket, handler));
    tcp.maxConnections = MOST_TCP_CONNECTIONS;
    tcp.listen(port, host);
    await once(tcp, 'listening');
    const address = formatAddress(tcp.address());
    const udp = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
    udp.on('message', (packet, sender) => {
      // Nobody can be answered at port 0, and trying throws: a forged packet must not end the process.
      const answer = sender.port === 0 ? undefined : handler(packet, 'udp');
      if (answer !== undefined) udp.send(answer, sender.port, sender.address);
    });
    try {
      udp.bind(parseListen(address).port, host);
      await once(udp, 'listening');
      udp.on('error', (error) => log.warn({ error }, 'UDP socket error'));
      return { tcp, udp, address };
    } catch (error) {
      tcp.close();
      udp.close();
      if (port !== 0 || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

export function dnsSockets(options: { readonly listen: string; readonly log: Log }): DnsServer {
  return {
    async serve(answer: DnsPacketHandler, signal: CancelSignal) {
      const handler: DnsPacketHandler = (packet, transport) => {
        try {
          return answer(packet, transport);
        } catch (error) {
          options.log.error({ error, transport, bytes: packet.length }, 'a DNS packet could not be answered and was dropped');
          return undefined;
        }
      };
      const { tcp, udp, address } = await bind(options.listen, handler, options.log);
      const connections = new Set<Socket>();
      tcp.on('connection', (socket) => {
        connections.add(socket);
        socket.once('close', () => connections.delete(socket));
      });
      tcp.on('error', (error) => options.log.warn({ error }, 'TCP listener error'));
      const stop = (): void => {
        udp.close();
        tcp.close();
        for (const socket of connections) socket.destroy();
      };
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
      return { address };
    },
  };
}
