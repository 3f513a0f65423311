/** A DNS client of the demo's own: what it shows is what any resolver would see. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type DecodedPacket, decode, encode } from 'dns-packet';

const TIMEOUT_MILLISECONDS = 2000;

export interface DnsReply {
  /** `NOERROR`, `NXDOMAIN`, … */
  readonly rcode: string;
  /** A and AAAA: addresses; SRV: `priority weight port target`; TXT: the text. Sorted. */
  readonly records: readonly string[];
  readonly authoritative: boolean;
}

function readReply(packet: DecodedPacket): DnsReply {
  const records = (packet.answers ?? []).flatMap((answer): string[] => {
    if (answer.type === 'A' || answer.type === 'AAAA') return [answer.data];
    if (answer.type === 'SRV') return [`${answer.data.priority ?? 0} ${answer.data.weight ?? 0} ${answer.data.port} ${answer.data.target}`];
    if (answer.type === 'TXT') return [[answer.data].flat().map(String).join('')];
    return [];
  });
  return { rcode: (packet as { rcode?: string }).rcode ?? 'NOERROR', records: records.sort(), authoritative: packet.flag_aa === true };
}

/** Throws where no answer came within 2 s. */
export async function queryDns(address: string, name: string, type: 'A' | 'AAAA' | 'SRV' | 'TXT', transport: 'udp' | 'tcp' = 'udp'): Promise<DnsReply> {
  const at = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, at), Number(address.slice(at + 1))];
  const query = encode({ type: 'query', id: Math.trunc(Math.random() * 65536), flags: 0, questions: [{ type, name }] });
  const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  if (transport === 'udp') {
    const socket = createSocket('udp4');
    try {
      socket.send(query, port, host);
      const [message] = await once(socket, 'message', { signal }) as [Buffer];
      return readReply(decode(message));
    } finally {
      socket.close();
    }
  }
  const socket = connect(port, host);
  try {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
    let received = Buffer.alloc(0);
    while (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) {
      const [chunk] = await once(socket, 'data', { signal }) as [Buffer];
      received = Buffer.concat([received, chunk]);
    }
    return readReply(decode(received.subarray(2)));
  } finally {
    socket.destroy();
  }
}
