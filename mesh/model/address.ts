/** IP addresses and CIDRs as numbers. */

export interface AddressRange {
  readonly family: 'IPv4' | 'IPv6';
  readonly first: bigint;
  readonly last: bigint;
}

export interface Address {
  readonly family: 'IPv4' | 'IPv6';
  readonly value: bigint;
}

/** Dotted decimal without leading zeros, or RFC 4291 text without a zone; `undefined` for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const value = ipv4(text);
    return value === undefined ? undefined : { family: 'IPv4', value };
  }
  const value = ipv6(text);
  return value === undefined ? undefined : { family: 'IPv6', value };
}

/** IPv6 without the short form for zeros, which parses again. */
export function addressText({ family, value }: Address): string {
  const parts = family === 'IPv4' ? 4 : 8;
  const bits = family === 'IPv4' ? 8n : 16n;
  const numbers = Array.from({ length: parts }, (_, index) => (value >> (bits * BigInt(parts - 1 - index))) & ((1n << bits) - 1n));
  return family === 'IPv4' ? numbers.join('.') : numbers.map((number) => number.toString(16)).join(':');
}

/** `10.0.0.0/8`, `fd00::/48`; host bits may be set and are dropped. */
export function parseCidr(text: string): AddressRange | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(text.slice(0, Math.max(slash, 0)));
  const lengthText = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined;
  const bits = address.family === 'IPv4' ? 32 : 128;
  const length = Number(lengthText);
  if (length > bits) return undefined;
  const hostMask = (1n << BigInt(bits - length)) - 1n;
  const first = address.value & ~hostMask;
  return { family: address.family, first, last: first | hostMask };
}

function ipv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function ipv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...Array<bigint>(missing).fill(0n), ...tail].reduce((value, group) => (value << 16n) | group, 0n);
}

/** 16-bit groups; the last may be an IPv4 address where `mayEndDotted`. */
function groups(text: string, mayEndDotted: boolean): bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const result: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (mayEndDotted && index === parts.length - 1 && part.includes('.')) {
      const value = ipv4(part);
      if (value === undefined) return undefined;
      result.push(value >> 16n, value & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      result.push(BigInt(`0x${part}`));
    } else {
      return undefined;
    }
  }
  return result;
}
