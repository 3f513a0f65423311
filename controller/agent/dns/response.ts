/** Writes a response (RFC 1035 §4.1) with compressed names. */
import type { DnsAnswer, DnsRecord } from '../../../mesh/dns/records.ts';
import { addressBytes } from './address.ts';
import type { DnsQuery } from './query.ts';
import { RCODES, TYPES } from './types.ts';

const HEADER_BYTES = 12;
/** Compression pointers have 14 bits. */
const FURTHEST_POINTER = 0x3fff;

/** The question is echoed byte for byte; an OPT record goes out only to who sent one (RFC 6891 §6.1.1). */
export function writeResponse(
  query: DnsQuery, answer: Pick<DnsAnswer, 'authoritative' | 'answers' | 'authority' | 'additionals'> & { readonly rcode: keyof typeof RCODES },
  truncated: boolean, payloadBytes: number,
): Uint8Array {
  const writer = new Writer();
  const rcode = RCODES[answer.rcode];
  writer.uint16(query.id);
  writer.uint16(0x8000 | (query.opcode << 11) | (answer.authoritative ? 0x0400 : 0) | (truncated ? 0x0200 : 0)
    | (query.recursionDesired ? 0x0100 : 0) | (query.checkingDisabled ? 0x0010 : 0) | (rcode & 0xf));
  writer.uint16(query.question.length > 0 ? 1 : 0);
  writer.uint16(answer.answers.length);
  writer.uint16(answer.authority.length);
  writer.uint16(answer.additionals.length + (query.edns === undefined ? 0 : 1));
  if (query.question.length > 0) writer.question(query.question, query.name);
  for (const record of [...answer.answers, ...answer.authority, ...answer.additionals]) writer.record(record);
  if (query.edns !== undefined) {
    writer.uint8(0);
    writer.uint16(TYPES.OPT);
    writer.uint16(payloadBytes);
    writer.uint8(rcode >> 4);
    writer.uint8(0);
    // RFC 3225 §3: DO is copied; every other flag is cleared.
    writer.uint16(query.edns.dnssecOk ? 0x8000 : 0);
    writer.uint16(0);
  }
  return writer.packet();
}

class Writer {
  private readonly bytes: number[] = [];
  /** Lower-case name → where it was written. */
  private readonly names = new Map<string, number>();

  uint8(value: number): void { this.bytes.push(value & 0xff); }
  uint16(value: number): void { this.bytes.push((value >> 8) & 0xff, value & 0xff); }
  uint32(value: number): void { this.uint16(value >>> 16); this.uint16(value & 0xffff); }
  packet(): Uint8Array { return Uint8Array.from(this.bytes); }

  question(bytes: Uint8Array, name: string): void {
    let at = HEADER_BYTES;
    for (let rest = name; rest !== ''; rest = afterFirstLabel(rest)) {
      this.names.set(rest, at);
      at += 1 + (bytes[at - HEADER_BYTES] ?? 0);
    }
    this.bytes.push(...bytes);
  }

  /** Names of our own zones: ASCII labels of at most 63 bytes, by the rules for hosts and Kubernetes names. An over-long label is cut rather than corrupting the packet. */
  name(name: string): void {
    let rest = name.toLowerCase();
    while (rest !== '') {
      const known = this.names.get(rest);
      if (known !== undefined) { this.uint16(0xc000 | known); return; }
      if (this.bytes.length <= FURTHEST_POINTER) this.names.set(rest, this.bytes.length);
      this.text(rest.split('.', 1)[0] ?? '', 63);
      rest = afterFirstLabel(rest);
    }
    this.uint8(0);
  }

  /** One length byte, then the text. */
  text(text: string, most = 255): void {
    const bytes = Buffer.from(text, 'utf8').subarray(0, most);
    this.uint8(bytes.length);
    this.bytes.push(...bytes);
  }

  record(record: DnsRecord): void {
    this.name(record.name);
    this.uint16(TYPES[record.type]);
    this.uint16(1);
    this.uint32(record.ttlSeconds);
    const lengthAt = this.bytes.length;
    this.uint16(0);
    this.data(record);
    const length = this.bytes.length - lengthAt - 2;
    this.bytes[lengthAt] = length >> 8;
    this.bytes[lengthAt + 1] = length & 0xff;
  }

  private data(record: DnsRecord): void {
    switch (record.type) {
      case 'A': case 'AAAA': this.bytes.push(...addressBytes(record.address, record.type)); break;
      case 'NS': this.name(record.target); break;
      case 'TXT': for (const text of record.texts) this.text(text); break;
      case 'HINFO': this.text(record.cpu); this.text(record.os); break;
      case 'SRV':
        for (const value of [record.priority, record.weight, record.port]) this.uint16(value);
        // RFC 2782: the target is never compressed.
        for (const label of record.target.split('.')) this.text(label, 63);
        this.uint8(0);
        break;
      case 'SOA':
        this.name(record.primary);
        this.name(record.mailbox);
        for (const value of [record.serial, record.refreshSeconds, record.retrySeconds, record.expireSeconds, record.minimumSeconds]) this.uint32(value);
        break;
    }
  }
}

const afterFirstLabel = (name: string): string => (name.includes('.') ? name.slice(name.indexOf('.') + 1) : '');
