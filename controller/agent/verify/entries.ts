/** From the Secrets that stand in the cluster to where and with what Cilium opens each peer's etcd, whoever wrote them. Pure. */
import { parseEntry, type PeerEntry, peersIn } from '../../../mesh/cilium/parse.ts';
import { remoteEndpoint } from '../../../mesh/cilium/peering.ts';
import { PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH } from '../../../mesh/cilium/words.ts';
import type { PeerState } from '../../../mesh/model/desired.ts';
import { dnsLabelProblem } from '../../../mesh/model/names.ts';
import type { EtcdTarget } from '../../../mesh/ports/etcd.ts';
import type { Failure } from '../../../mesh/verify/observation.ts';

type Data = Readonly<Record<string, string>>;

/** Decoded data of what Cilium's pods have as files; undefined: the Secret is not there. */
export interface Files {
  readonly clustermesh: Data | undefined;
  readonly kvstoremesh: Data | undefined;
  /** `clustermesh-apiserver-remote-cert` and `…-local-cert`. */
  readonly remote: Data | undefined;
  readonly local: Data | undefined;
}

export interface Legs {
  /** With what the peer itself is opened. */
  readonly remote: EtcdTarget | Failure;
  /** With what the agents of the cluster open its own etcd, where KVStoreMesh stands between; absent: it does not. */
  readonly mirror?: EtcdTarget | Failure;
  /** KVStoreMesh reads it, the agents do not. */
  readonly agentsEntryMissing: boolean;
  /** Changes when Cilium would connect anew. */
  readonly text: string;
}

/** The own server's name, in every version of the chart. */
const OWN_SERVER = /^https:\/\/clustermesh-apiserver\./;

/** Names of peers in either Secret, sorted. The own cluster's name is passed over, as Cilium does. */
export const peersOf = ({ clustermesh = {}, kvstoremesh = {} }: Pick<Files, 'clustermesh' | 'kvstoremesh'>, cluster: string): readonly string[] =>
  [...new Set([...peersIn({ data: clustermesh }), ...peersIn({ data: kvstoremesh })])].filter((name) => name !== cluster && dnsLabelProblem('', name) === undefined).sort();

/** undefined: nobody is told of the peer. `aliases`: addresses by name, as the pods' hosts files have them. */
export function legsOf(peer: string, files: Files, desired: Pick<PeerState, 'name' | 'endpoint'> | undefined, aliases: ReadonlyMap<string, readonly string[]>): Legs | undefined {
  const { clustermesh = {}, kvstoremesh = {} } = files;
  const [agents, mirrors] = [clustermesh[peer], kvstoremesh[peer]];
  if (agents === undefined && mirrors === undefined) return undefined;
  const parsed = agents === undefined ? undefined : parseEntry(agents);
  const throughMirror = parsed?.endpoints.some((endpoint) => OWN_SERVER.test(endpoint)) === true;
  const target = (text: string, own: Data, where: string): EtcdTarget | Failure => targetOf(peer, parseEntry(text), own, where, files, desired, aliases);
  const text = `${agents ?? ''}\n${mirrors ?? ''}`;
  if (agents !== undefined && !throughMirror) return { remote: target(agents, clustermesh, PEERS_OF_AGENTS), agentsEntryMissing: false, text };
  const remote = mirrors === undefined ? { code: 'EntryInvalid', text: `Secret ${PEERS_OF_AGENTS} sends agents to the own KVStoreMesh, and Secret ${PEERS_OF_KVSTOREMESH} has no entry` } as const : target(mirrors, kvstoremesh, PEERS_OF_KVSTOREMESH);
  return { remote, ...(agents === undefined ? {} : { mirror: target(agents, clustermesh, PEERS_OF_AGENTS) }), agentsEntryMissing: agents === undefined, text };
}

function targetOf(peer: string, entry: PeerEntry | undefined, own: Data, where: string, { remote, local }: Files, desired: Pick<PeerState, 'name' | 'endpoint'> | undefined, aliases: ReadonlyMap<string, readonly string[]>): EtcdTarget | Failure {
  const endpoint = entry?.endpoints[0];
  if (entry === undefined || endpoint === undefined) return { code: 'EntryInvalid', text: `Secret ${where}, key ${peer}: is not in a form that is read` };
  /** What kubelet puts into one directory, by the names that the chart gives. */
  const file = (path: string | undefined): string | undefined => {
    const name = path?.split('/').at(-1) ?? '';
    if (own[name] !== undefined) return own[name];
    const [, kind = '', part = ''] = /^(common|local)-etcd-client(-ca\.crt|\.crt|\.key)$/.exec(name) ?? [];
    return ({ common: remote, local }[kind])?.[{ '-ca.crt': 'ca.crt', '.crt': 'tls.crt', '.key': 'tls.key' }[part] ?? ''];
  };
  const [caPem, certPem, keyPem] = [file(entry.trustedCaFile), file(entry.certFile), file(entry.keyFile)];
  if (caPem === undefined || certPem === undefined || keyPem === undefined) {
    const absent = [[caPem, entry.trustedCaFile], [certPem, entry.certFile], [keyPem, entry.keyFile]].filter(([content]) => content === undefined).map(([, path]) => path?.split('/').at(-1) ?? '(none named)');
    return { code: 'CredentialsMissing', text: `in no Secret: ${absent.join(', ')}` };
  }
  const host = URL.parse(endpoint)?.hostname ?? '';
  const planned = desired === undefined ? undefined : remoteEndpoint(desired);
  const addresses = entry.hostAliases.find(({ hostname }) => hostname === host)?.ips ?? aliases.get(host) ?? (planned?.endpoint === endpoint ? planned.addresses : []);
  return { endpoint, caPem, certPem, keyPem, ...(addresses.length === 0 ? {} : { addresses }) };
}
