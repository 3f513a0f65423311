/** The client's side of a packet, for the agent's own questions. */
import dnsPacket from 'dns-packet';

/** A query without EDNS. A label of over 63 bytes gives a packet that is answered FORMERR; an empty one ends the name. */
export function writeQuestion(name: string, type: number): Uint8Array {
  const labels = (name.endsWith('.') ? name.slice(0, -1) : name).split('.').map((label) => Buffer.from(label, 'utf8'));
  const bytes = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  for (const label of labels) bytes.push(Math.min(label.length, 255), ...label.subarray(0, 255));
  return Uint8Array.from([...bytes, 0, type >> 8, type & 0xff, 0, 1]);
}

/** Records of the answer section as texts. */
export function readAnswer(packet: Uint8Array): { readonly rcode: string; readonly records: readonly string[] } {
  // dns-packet's types leave out what it decodes into the header.
  const decoded = dnsPacket.decode(Buffer.from(packet)) as dnsPacket.DecodedPacket & { readonly rcode: string };
  return { rcode: decoded.rcode, records: (decoded.answers ?? []).map(textOf) };
}

function textOf(record: dnsPacket.Answer): string {
  switch (record.type) {
    case 'A': case 'AAAA': case 'NS': return record.data;
    case 'SRV': return `${record.data.target}:${record.data.port}`;
    case 'TXT': return [record.data].flat().map(String).join('');
    case 'HINFO': return `${record.data.cpu} ${record.data.os}`.trim();
    case 'SOA': return `${record.data.mname} ${record.data.serial}`;
    default: return record.type;
  }
}
