/** One DNS packet in, at most one out: header rules, EDNS and sizes. What a name means is the zone's business (`mesh/dns`). */
import { answer } from '../../../mesh/dns/answer.ts';
import type { DnsAnswer, DnsQuestion } from '../../../mesh/dns/records.ts';
import type { Zone } from '../../../mesh/dns/zone.ts';
import { type DnsQuery, readQuery } from './query.ts';
import { RCODES, typeName } from './types.ts';
import { writeResponse } from './response.ts';

/** RFC 1035 §4.2.1: the most that fits UDP without EDNS. */
const PLAIN_UDP_BYTES = 512;
/** DNS Flag Day 2020: the most that never needs IP fragments. */
const EDNS_UDP_BYTES = 1232;
const TCP_BYTES = 65_535;
const CLASS_IN = 1;
const CLASS_ANY = 255;

export interface Response {
  readonly packet: Uint8Array;
  /** For metrics: a mnemonic. */
  readonly rcode: string;
}

const bare = { authoritative: false, answers: [], authority: [], additionals: [] } as const;

/** undefined: not a query; no answer. Total: no packet makes it throw. */
export function respond(zone: Zone, packet: Uint8Array, transport: 'udp' | 'tcp'): Response | undefined {
  const read = readQuery(packet);
  if (read.kind === 'drop') return undefined;
  if (read.kind === 'malformed') {
    const { id, opcode, recursionDesired } = read;
    const query = { id, opcode, recursionDesired, checkingDisabled: false, questionCount: 0, question: new Uint8Array(), name: '', type: 0, class: 0, edns: undefined };
    return finish(query, { rcode: 'FORMERR', ...bare }, transport);
  }
  return finish(read.query, decide(zone, read.query), transport);
}

type Outcome = Omit<DnsAnswer, 'rcode'> & { readonly rcode: keyof typeof RCODES };

function decide(zone: Zone, query: DnsQuery): Outcome {
  if (query.opcode !== 0) return { rcode: 'NOTIMP', ...bare };
  // RFC 9619: a QUERY has exactly one question.
  if (query.questionCount !== 1) return { rcode: 'FORMERR', ...bare };
  if (query.edns !== undefined && query.edns.version > 0) return { rcode: 'BADVERS', ...bare };
  if (query.class !== CLASS_IN && query.class !== CLASS_ANY) return { rcode: 'REFUSED', ...bare };
  return answer(zone, questionOf(query));
}

const questionOf = (query: DnsQuery): DnsQuestion => ({ name: query.name, type: typeName(query.type) });

/** Too large: first without the courtesy records, then truncated, so that the client comes back over TCP (RFC 2181 §9). */
function finish(query: DnsQuery, outcome: Outcome, transport: 'udp' | 'tcp'): Response {
  const limit = transport === 'tcp' ? TCP_BYTES
    : query.edns === undefined ? PLAIN_UDP_BYTES
    : Math.min(Math.max(query.edns.payloadBytes, PLAIN_UDP_BYTES), EDNS_UDP_BYTES);
  for (const candidate of [outcome, { ...outcome, additionals: [] }]) {
    const packet = writeResponse(query, candidate, false, EDNS_UDP_BYTES);
    if (packet.length <= limit) return { packet, rcode: outcome.rcode };
  }
  return { packet: writeResponse(query, { ...outcome, answers: [], authority: [], additionals: [] }, true, EDNS_UDP_BYTES), rcode: outcome.rcode };
}
