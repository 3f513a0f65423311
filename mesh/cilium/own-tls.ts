/** Credentials that a cluster has for one peer alone: files beside the peer's entry, by the names that Cilium's chart gives them (`templates/clustermesh-config/_helpers.tpl`). */
import type { PeerTls } from '../model/cluster.ts';
import type { PeerState } from '../model/desired.ts';

/** PEM of what a Secret holds for a peer. Never logged, in no status. */
export interface PeerCredentials {
  readonly cert: string;
  readonly key: string;
  /** Where the peer's server certificate is vouched for by others than the roots of the mesh. */
  readonly caCert?: string;
  /** Changes when `caCert` does: Cilium reads whom it trusts only when a byte of the entry is another. */
  readonly mark?: string;
}

/** Data keys of the Secret that holds the entry, and files in Cilium's pods. */
export const ownFiles = (peer: string) => ({ ca: `${peer}.etcd-client-ca.crt`, cert: `${peer}.etcd-client.crt`, key: `${peer}.etcd-client.key` }) as const;

/** Second line of an entry, or the first where there is no mark of the mesh's roots. */
const OWN_MARK = '# own roots ';
export const ownMarkLine = (mark: string): string => `${OWN_MARK}${mark}`;
export const ownMarkIn = (entry: string): string | undefined => entry.split('\n', 2).find((line) => line.startsWith(OWN_MARK))?.slice(OWN_MARK.length);

/** Those that stand beside an entry that is read with them; undefined: not all of them do. */
export function credentialsIn(data: Readonly<Record<string, string>>, peer: string, { trust }: PeerTls): PeerCredentials | undefined {
  const files = ownFiles(peer);
  const [cert, key, caCert, entry] = [data[files.cert], data[files.key], data[files.ca], data[peer]];
  if (cert === undefined || key === undefined || entry === undefined || (caCert === undefined) !== (trust === 'Mesh')) return undefined;
  const mark = ownMarkIn(entry);
  return { cert, key, ...(caCert === undefined ? {} : { caCert }), ...(mark === undefined ? {} : { mark }) };
}

/** The data keys that credentials fill, and what of the Secret that is named fills each. */
export function filledBy({ name, endpoint: { tls } }: Pick<PeerState, 'name' | 'endpoint'>): readonly (readonly [key: string, from: string])[] {
  if (tls === undefined) return [];
  const { ca, cert, key } = ownFiles(name);
  return [...(tls.trust === 'Secret' ? [[ca, 'ca.crt']] as const : []), [cert, 'tls.crt'], [key, 'tls.key']];
}
