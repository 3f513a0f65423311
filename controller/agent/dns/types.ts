/** Numbers of the DNS (IANA, "Domain Name System (DNS) Parameters"). */

export const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;

export const TYPES = {
  A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, HINFO: 13, MX: 15, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, IXFR: 251, AXFR: 252, ANY: 255,
} as const;

const NAMES = new Map<number, string>(Object.entries(TYPES).map(([name, number]) => [number, name]));

/** RFC 3597 §5 for types without a name here: `TYPE65280`. */
export const typeName = (type: number): string => NAMES.get(type) ?? `TYPE${type}`;

/** undefined: neither a name known here nor `TYPEn`. */
export function typeNumber(name: string): number | undefined {
  const upper = name.toUpperCase();
  if (Object.hasOwn(TYPES, upper)) return TYPES[upper as keyof typeof TYPES];
  const number = Number(/^TYPE(\d{1,5})$/.exec(upper)?.[1]);
  return Number.isInteger(number) && number <= 65_535 ? number : undefined;
}
