/** What stands in a cluster's peering objects, whoever wrote them: the inverse of `peering.ts`. */
import type { ManagedObject } from '../model/managed.ts';
import { ownMarkIn } from './own-tls.ts';
import { markIn } from './peering.ts';
import { readYaml, type Yaml } from './read-yaml.ts';
import { isEntry, USERS_KEY } from './words.ts';

type Data = Pick<ManagedObject, 'kind' | 'data'>;

export interface PeerEntry {
  readonly endpoints: readonly string[];
  /** Paths of files in Cilium's pods. */
  readonly trustedCaFile?: string;
  readonly keyFile?: string;
  readonly certFile?: string;
  /** Sorted by hostname. */
  readonly hostAliases: readonly { readonly hostname: string; readonly ips: readonly string[] }[];
  /** Members that no version of Cilium that we know writes, sorted. */
  readonly others: readonly string[];
}

export interface RemoteUser {
  readonly name: string;
  readonly role: string;
}

const isMap = (value: Yaml | undefined): value is { readonly [name: string]: Yaml } => typeof value === 'object' && value !== null && !Array.isArray(value);
const texts = (value: Yaml | undefined): readonly string[] | undefined => (Array.isArray(value) && value.every((one) => typeof one === 'string') ? value as readonly string[] : undefined);
const KNOWN = ['endpoints', 'trusted-ca-file', 'key-file', 'cert-file', 'cilium-host-aliases'];

/** undefined: not a peer's configuration, or in a form that is not read. */
export function parseEntry(text: string): PeerEntry | undefined {
  const read = readYaml(text);
  if (!isMap(read)) return undefined;
  const endpoints = texts(read['endpoints']);
  const aliases = read['cilium-host-aliases'] ?? [];
  if (endpoints === undefined || !Array.isArray(aliases)) return undefined;
  const hostAliases = (aliases as readonly Yaml[]).map((alias) => (isMap(alias) && typeof alias['hostname'] === 'string' ? { hostname: alias['hostname'], ips: texts(alias['ips']) ?? [] } : undefined));
  const file = (key: string): string | undefined => (typeof read[key] === 'string' ? read[key] : undefined);
  const [trustedCaFile, keyFile, certFile] = [file('trusted-ca-file'), file('key-file'), file('cert-file')];
  if (hostAliases.includes(undefined)) return undefined;
  return {
    endpoints, ...(trustedCaFile === undefined ? {} : { trustedCaFile }), ...(keyFile === undefined ? {} : { keyFile }), ...(certFile === undefined ? {} : { certFile }),
    hostAliases: hostAliases.filter((alias) => alias !== undefined).sort((a, b) => (a.hostname < b.hostname ? -1 : 1)),
    others: Object.keys(read).filter((key) => !KNOWN.includes(key)).sort(),
  };
}

/** Sorted by name; undefined: in a form that is not read. */
export function parseUsers(text: string): readonly RemoteUser[] | undefined {
  const read = readYaml(text);
  if (!isMap(read)) return undefined;
  const users = read['users'] ?? [];
  if (!Array.isArray(users) || Object.keys(read).some((key) => key !== 'users')) return undefined;
  const found = (users as readonly Yaml[]).map((user) => (isMap(user) && typeof user['name'] === 'string' && typeof user['role'] === 'string' && Object.keys(user).length === 2 ? { name: user['name'], role: user['role'] } : undefined));
  return found.includes(undefined) ? undefined : found.filter((user) => user !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Names of peers: data keys that Cilium takes for a configuration. Sorted. */
export const peersIn = ({ data }: Pick<ManagedObject, 'data'>): readonly string[] => Object.keys(data).filter((key) => isEntry(data[key])).sort();

/** Whether Cilium does the same with both. An entry under another mark is another one: by it Cilium reads its roots anew. */
export function meansTheSame(kind: ManagedObject['kind'], key: string, one: string, other: string): boolean {
  if (one === other) return true;
  if (kind === 'ConfigMap') return key === USERS_KEY && same(parseUsers(one), parseUsers(other));
  const mark = (text: string): string | undefined => markIn([{ kind, data: { [key]: text } }]);
  return same(parseEntry(one), parseEntry(other)) && mark(one) === mark(other) && ownMarkIn(one) === ownMarkIn(other);
}

const same = (one: unknown, other: unknown): boolean => one !== undefined && JSON.stringify(one) === JSON.stringify(other);

/** Whoever wrote `standing` otherwise than we do and meant the same, it stays byte for byte: Cilium makes its client for a peer anew when one byte is another. */
export function keepingBytes<O extends Data>(wanted: O, standing: Data | undefined): O {
  if (standing === undefined) return wanted;
  const data = Object.fromEntries(Object.entries(wanted.data).map(([key, text]) => {
    const there = standing.data[key];
    return [key, there !== undefined && meansTheSame(wanted.kind, key, there, text) ? there : text];
  }));
  return { ...wanted, data };
}
