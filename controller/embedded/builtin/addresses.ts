/** IP addresses as numbers, for allocation and range checks. */

export interface AddressRange { readonly family: 'IPv4' | 'IPv6'; readonly first: bigint; readonly size: bigint }

/** Strict text forms only: no leading zeros, no zone. undefined: no address. */
export function parseAddress(text: string): { readonly family: 'IPv4' | 'IPv6'; readonly value: bigint } | undefined {
  const four = version4(text);
  if (four !== undefined) return { family: 'IPv4', value: four };
  const six = version6(text);
  return six === undefined ? undefined : { family: 'IPv6', value: six };
}

function version4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function version6(text: string): bigint | undefined {
  if (text.length > 45) return undefined;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let plain = text;
  if (tail !== null) {
    const value = version4(tail[2] as string);
    if (value === undefined) return undefined;
    plain = `${tail[1]}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  }
  const halves = plain.split('::');
  if (halves.length > 2) return undefined;
  const groupsOf = (half: string | undefined): string[] => (half === undefined || half === '' ? [] : half.split(':'));
  const [left, right] = [groupsOf(halves[0]), groupsOf(halves[1])];
  const missing = 8 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((value, group) => value * 65536n + BigInt(`0x${group}`), 0n);
}

/** Canonical text (RFC 5952 for IPv6). */
export function addressText(family: 'IPv4' | 'IPv6', value: bigint): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const zeros = [...groups.join(':').matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length)[0];
  if (zeros === undefined) return groups.join(':');
  const text = groups.join(':');
  return `${text.slice(0, zeros.index)}::${text.slice(zeros.index + zeros[0].length + 1)}`;
}

/** Throws a sentence where `cidr` is none: it comes from configuration. */
export function parseRange(cidr: string): AddressRange {
  const [text = '', bits = ''] = cidr.split('/');
  const address = parseAddress(text);
  const width = address?.family === 'IPv6' ? 128 : 32;
  if (address === undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > width) throw new Error(`service range ${JSON.stringify(cidr)} is no CIDR; give one like 10.96.0.0/16 or fd00:10:96::/112`);
  const hostBits = BigInt(width - Number(bits));
  return { family: address.family, first: (address.value >> hostBits) << hostBits, size: 1n << hostBits };
}

const SPECIAL: readonly (readonly [string, readonly AddressRange[]])[] = [
  ['may not be unspecified', ['0.0.0.0/32', '::/128'].map(parseRange)],
  ['may not be in the loopback range (127.0.0.0/8, ::1/128)', ['127.0.0.0/8', '::1/128'].map(parseRange)],
  ['may not be in the link-local range (169.254.0.0/16, fe80::/10)', ['169.254.0.0/16', 'fe80::/10'].map(parseRange)],
  ['may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)', ['224.0.0.0/24', 'ff02::/16'].map(parseRange)],
];

/** Why an endpoint cannot have this address (`ValidateNonSpecialIP`); undefined: it can. */
export function specialAddress(address: string): string | undefined {
  const parsed = parseAddress(address);
  if (parsed === undefined) return 'is no IP address';
  const holds = (range: AddressRange): boolean => range.family === parsed.family && parsed.value >= range.first && parsed.value < range.first + range.size;
  return SPECIAL.find(([, ranges]) => ranges.some(holds))?.[0];
}
