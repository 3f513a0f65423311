/** DNS records as values; the wire form is the agent's codec's business. Names are without trailing dot. */

export interface AddressRecord {
  readonly type: 'A' | 'AAAA';
  readonly name: string;
  readonly ttlSeconds: number;
  readonly address: string;
}

export type DnsRecord =
  | AddressRecord
  | { readonly type: 'SRV'; readonly name: string; readonly ttlSeconds: number; readonly priority: number; readonly weight: number; readonly port: number; readonly target: string }
  | { readonly type: 'TXT'; readonly name: string; readonly ttlSeconds: number; readonly texts: readonly string[] }
  | { readonly type: 'NS'; readonly name: string; readonly ttlSeconds: number; readonly target: string }
  | { readonly type: 'HINFO'; readonly name: string; readonly ttlSeconds: number; readonly cpu: string; readonly os: string }
  | SoaRecord;

export interface SoaRecord {
  readonly type: 'SOA';
  readonly name: string;
  readonly ttlSeconds: number;
  readonly primary: string;
  readonly mailbox: string;
  readonly serial: number;
  readonly refreshSeconds: number;
  readonly retrySeconds: number;
  readonly expireSeconds: number;
  /** How long resolvers may remember that a name or type does not exist (RFC 2308). */
  readonly minimumSeconds: number;
}

/** `type` is a mnemonic in upper case, `TYPE65280` where there is none. `name` is as asked, case kept. */
export interface DnsQuestion {
  readonly name: string;
  readonly type: string;
}

export interface DnsAnswer {
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED';
  readonly authoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** Names match without regard to case (RFC 4343, ASCII only) and to a trailing dot. */
export function normalizeName(name: string): string {
  const lower = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** `a.b.c` → `b.c`; undefined for a single label. */
export function parentName(name: string): string | undefined {
  const dot = name.indexOf('.');
  return dot === -1 ? undefined : name.slice(dot + 1);
}

export const isUnder = (name: string, apex: string): boolean => name === apex || name.endsWith(`.${apex}`);

export function addressRecord(name: string, ttlSeconds: number, address: string): AddressRecord {
  return { type: address.includes(':') ? 'AAAA' : 'A', name, ttlSeconds, address };
}
