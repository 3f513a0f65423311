/**
 * Reads a DNS query from its bytes (RFC 1035 §4.1, RFC 6891 §6.1). Only what an authoritative server needs: everything else of a packet is skipped over, and a
 * packet that cannot be skipped over is malformed. Names stay bytes until they are asked for, so that the question is echoed exactly as it came.
 */

export interface DnsQuery {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly questionCount: number;
  /** Bytes of the question section as received; empty unless there is exactly one whole question. */
  readonly question: Uint8Array;
  /** Lower case, no trailing dot, RFC 1035 §5.1 escapes for bytes that are no letter, digit, `-` or `_`; empty: the root. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** undefined: the sender does not speak EDNS. */
  readonly edns: { readonly version: number; readonly payloadBytes: number; readonly dnssecOk: boolean } | undefined;
}

/** `drop`: no query of ours to answer. `malformed`: answer FORMERR with `id` and `opcode`. */
export type ReadResult =
  | { readonly kind: 'query'; readonly query: DnsQuery }
  | { readonly kind: 'malformed'; readonly id: number; readonly opcode: number; readonly recursionDesired: boolean }
  | { readonly kind: 'drop' };

const HEADER_BYTES = 12;
const OPT = 41;
const LONGEST_NAME_BYTES = 255;
/** More records than this in a query is noise (real ones carry one OPT, at most a TSIG beside it). */
const MOST_RECORDS = 16;

class Malformed extends Error {}

export function readQuery(packet: Uint8Array): ReadResult {
  if (packet.length < HEADER_BYTES) return { kind: 'drop' };
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const flags = view.getUint16(2);
  // A response is never answered: two servers would talk for ever.
  if ((flags & 0x8000) !== 0) return { kind: 'drop' };
  const id = view.getUint16(0);
  const opcode = (flags >> 11) & 0xf;
  const recursionDesired = (flags & 0x0100) !== 0;
  const header = { id, opcode, recursionDesired, checkingDisabled: (flags & 0x0010) !== 0, questionCount: view.getUint16(4) };
  const noQuestion = { question: new Uint8Array(), name: '', type: 0, class: 0, edns: undefined };
  if (opcode !== 0 || header.questionCount !== 1) return { kind: 'query', query: { ...header, ...noQuestion } };
  try {
    const question = readQuestion(packet, view);
    const edns = readEdns(packet, view, question.end, view.getUint16(6) + view.getUint16(8), view.getUint16(10));
    return {
      kind: 'query',
      query: { ...header, question: packet.slice(HEADER_BYTES, question.end), name: question.name, type: question.type, class: question.class, edns },
    };
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError) return { kind: 'malformed', id, opcode, recursionDesired };
    throw error;
  }
}

function readQuestion(packet: Uint8Array, view: DataView): { name: string; type: number; class: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = view.getUint8(at);
    if (length === 0) break;
    // Nothing comes before the question that a compression pointer could mean.
    if (length > 63 || at + 1 + length >= packet.length || at + 2 + length - HEADER_BYTES > LONGEST_NAME_BYTES) throw new Malformed();
    labels.push(labelText(packet.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return { name: labels.join('.'), type: view.getUint16(at + 1), class: view.getUint16(at + 3), end: at + 5 };
}

/** ASCII letters in lower case (RFC 4343); anything that could be taken for another name is escaped. */
function labelText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    const plain = (lower >= 0x61 && lower <= 0x7a) || (lower >= 0x30 && lower <= 0x39) || lower === 0x2d || lower === 0x5f;
    text += plain ? String.fromCharCode(lower) : `\\${String(lower).padStart(3, '0')}`;
  }
  return text;
}

function skipName(packet: Uint8Array, view: DataView, start: number): number {
  let at = start;
  for (;;) {
    const length = view.getUint8(at);
    if (length === 0) return at + 1;
    if ((length & 0xc0) === 0xc0) { view.getUint8(at + 1); return at + 2; }
    if (length > 63 || at - start > LONGEST_NAME_BYTES || at + length >= packet.length) throw new Malformed();
    at += 1 + length;
  }
}

function readEdns(packet: Uint8Array, view: DataView, start: number, before: number, additional: number): DnsQuery['edns'] {
  if (before + additional > MOST_RECORDS) throw new Malformed();
  let at = start;
  let edns: DnsQuery['edns'];
  for (let index = 0; index < before + additional; index += 1) {
    const owner = at;
    at = skipName(packet, view, at);
    const type = view.getUint16(at);
    const payloadBytes = view.getUint16(at + 2);
    const version = view.getUint8(at + 5);
    const dnssecOk = (view.getUint16(at + 6) & 0x8000) !== 0;
    const dataBytes = view.getUint16(at + 8);
    at += 10 + dataBytes;
    if (at > packet.length) throw new Malformed();
    if (type !== OPT || index < before) continue;
    // RFC 6891 §6.1.1: at most one OPT, owned by the root.
    if (edns !== undefined || view.getUint8(owner) !== 0) throw new Malformed();
    checkOptions(view, at - dataBytes, at);
    edns = { version, payloadBytes, dnssecOk };
  }
  return edns;
}

/** Options are ignored, but their lengths must add up. */
function checkOptions(view: DataView, start: number, end: number): void {
  let at = start;
  while (at < end) {
    if (at + 4 > end) throw new Malformed();
    at += 4 + view.getUint16(at + 2);
  }
  if (at !== end) throw new Malformed();
}
