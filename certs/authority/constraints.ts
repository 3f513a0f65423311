/** Name constraints of issuing CAs (RFC 5280 §4.2.1.10): what a stolen issuing key could pass for, at most. */
import { addressBytes } from './address.ts';
import * as der from './der.ts';

/** Permitted subtrees; an absent list leaves names of that kind free. */
export interface NameConstraints {
  /** Host part of URIs, whole. */
  readonly uriHosts?: readonly string[];
  /** Each permits itself and everything below it. */
  readonly dnsNames?: readonly string[];
  /** Each an address and its mask: 8 or 32 bytes. */
  readonly ranges?: readonly Uint8Array[];
}

/** Names that every fleet's certificates have: Cilium's mesh servers (its chart's `_helpers.tpl`) and loopback. */
const MESH_DNS = ['svc', 'mesh.cilium.io', 'localhost'];
const MESH_ADDRESSES = ['127.0.0.1', '::1'];
const MOST_HOSTS = 16;

const HOST_LABELS = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;
const DNS_NAME = /^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$/;

/** A trust domain that no verifier takes for a host cannot be constrained: Go refuses the whole certificate. */
export const constrainable = (trustDomain: string): boolean => HOST_LABELS.test(trustDomain) && !/(^|\.)[0-9]+$/.test(trustDomain);

export const bareHost = (host: string): string => host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

/** `hosts`: by which agents reach the hub, names and addresses; undefined: not known, so only URIs are constrained. undefined where nothing can be. */
export function constraintsFor(trustDomain: string, hosts: readonly string[] | undefined): NameConstraints | undefined {
  const uri = constrainable(trustDomain) ? { uriHosts: [trustDomain] } : {};
  if (hosts === undefined) return 'uriHosts' in uri ? uri : undefined;
  const bare = [...new Set(hosts.map(bareHost))].filter((host) => host !== '').slice(0, MOST_HOSTS);
  const addresses = [...MESH_ADDRESSES, ...bare].map(addressBytes).filter((address) => address !== undefined);
  const named = bare.filter((host) => addressBytes(host) === undefined && isHost(host));
  return { ...uri, dnsNames: [...new Set([...MESH_DNS, ...named])], ranges: addresses.map(single) };
}

/** A name or an address: what a certificate can hold. */
export const isHost = (host: string): boolean => addressBytes(host) !== undefined || DNS_NAME.test(host);

const single = (address: Uint8Array): Uint8Array => Uint8Array.from([...address, ...address.map(() => 0xff)]);

export function permitsHost({ dnsNames, ranges }: NameConstraints, host: string): boolean {
  const bare = bareHost(host).toLowerCase();
  const bytes = addressBytes(bare);
  if (bytes !== undefined) return ranges === undefined || ranges.some((range) => within(bytes, range));
  return dnsNames === undefined || dnsNames.map((name) => name.toLowerCase().replace(/^\./, '')).some((name) => bare === name || bare.endsWith(`.${name}`));
}

const within = (address: Uint8Array, range: Uint8Array): boolean =>
  range.length === 2 * address.length && address.every((byte, index) => ((byte ^ (range[index] ?? 0)) & (range[address.length + index] ?? 0)) === 0);

export function permitsUri({ uriHosts }: NameConstraints, uri: string): boolean {
  if (uriHosts === undefined) return true;
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(uri)?.[1]?.toLowerCase();
  // A SPIFFE ID has neither user nor port (SPIFFE-ID.md §2.1).
  if (authority === undefined || /[@:]/.test(authority)) return false;
  return uriHosts.some((permitted) => permitted.toLowerCase() === authority);
}

const TAG = { dns: 2, uri: 6, address: 7 } as const;

export function encodeConstraints({ uriHosts = [], dnsNames = [], ranges = [] }: NameConstraints): der.Asn1 {
  const text = (tag: number) => (value: string): der.Asn1 => der.tagged(tag, Buffer.from(value, 'ascii'));
  const names = [...dnsNames.map(text(TAG.dns)), ...uriHosts.map(text(TAG.uri)), ...ranges.map((range) => der.tagged(TAG.address, range))];
  return der.sequence(der.tagged(0, names.map((name) => der.sequence(name))));
}

/** Throws for what is not understood: names are excluded, too, or only some depth is permitted. */
export function decodeConstraints(value: der.Asn1): NameConstraints {
  const [permitted, ...more] = der.parts(value);
  if (more.length > 0 || permitted === undefined || !der.has(permitted, 0, 'context')) throw new Error('excludes names, which is not supported: permit names instead');
  const read: { uriHosts?: string[]; dnsNames?: string[]; ranges?: Uint8Array[] } = {};
  for (const subtree of der.parts(permitted, 0, 'context')) {
    const [name, ...depth] = der.parts(subtree);
    if (name === undefined || depth.length > 0) throw new Error('has name constraints with a depth');
    const text = (tag: number): string => Buffer.from(der.content(name, tag, 'context')).toString('latin1');
    if (der.has(name, TAG.dns, 'context')) (read.dnsNames ??= []).push(text(TAG.dns));
    else if (der.has(name, TAG.uri, 'context')) (read.uriHosts ??= []).push(text(TAG.uri));
    else if (der.has(name, TAG.address, 'context')) (read.ranges ??= []).push(der.content(name, TAG.address, 'context'));
  }
  return read;
}
