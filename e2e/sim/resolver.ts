/** A resolver's view of an agent's DNS: real packets to its handler and back. */
import { type DecodedPacket, decode, encode } from 'dns-packet';
import type { DnsPacketHandler } from '../../mesh/ports/dns.ts';

export type QueryType = 'A' | 'AAAA' | 'SRV' | 'TXT';

export interface Reply {
  /** `NOERROR`, `NXDOMAIN`, …; `TIMEOUT` where nobody answers. */
  readonly rcode: string;
  /** Sorted; SRV as `port target`. */
  readonly records: readonly string[];
}

const QUERY_ID = 4711;

export function resolve(handler: DnsPacketHandler | undefined, name: string, type: QueryType): Reply {
  const packet = handler?.(encode({ type: 'query', id: QUERY_ID, flags: 0, questions: [{ type, name }] }), 'udp');
  if (packet === undefined) return { rcode: 'TIMEOUT', records: [] };
  const reply = decode(Buffer.from(packet)) as DecodedPacket & { readonly rcode: string };
  if (reply.id !== QUERY_ID) throw new Error(`${name}: the answer has id ${reply.id}, the query had ${QUERY_ID}`);
  const records = (reply.answers ?? []).flatMap((answer): string[] => {
    if (answer.type === 'A' || answer.type === 'AAAA') return [answer.data];
    if (answer.type === 'SRV') return [`${answer.data.port} ${answer.data.target}`];
    if (answer.type === 'TXT') return [[answer.data].flat().map(String).join('')];
    return [];
  });
  return { rcode: reply.rcode, records: records.sort() };
}
