/**
 * Who may call what of the agent protocol, and of which cluster a resource may speak. Gateway and peer server take their checks from here, so that an RPC or a
 * type of resource without a rule does not compile.
 */
import type { SyncResource, SyncType } from '../model/sync.ts';
import type { GatewayDefinition } from './gen/isthmus/v1/gateway.ts';
import type { PeerDefinition } from './gen/isthmus/v1/peer.ts';

export type Caller =
  /** Without a certificate: the token in the request is the proof, for the one cluster that it was made for, or whose service account it is of. */
  | 'holder of a join token'
  /** The certificate names the cluster that the call is about; nothing in a request does. */
  | 'cluster for itself'
  /** Each cluster of the trust domain; all are answered the same. */
  | 'any cluster';

type CallersOf<Service extends { readonly methods: object }> = { readonly [Method in keyof Service['methods']]: Caller };

export const GATEWAY_CALLERS = {
  join: 'holder of a join token',
  renew: 'cluster for itself',
  issueMeshCertificates: 'cluster for itself',
  sync: 'cluster for itself',
} as const satisfies CallersOf<typeof GatewayDefinition>;

export const PEER_CALLERS = { facts: 'any cluster' } as const satisfies CallersOf<typeof PeerDefinition>;

type SyncRule<T extends SyncType> =
  /** The hub alone says it: `recipient`, to the cluster that it is about and to no other; `anyone`, to all that need to know. */
  | { readonly from: 'hub'; readonly about: 'recipient' | 'anyone' }
  /** An agent alone says it, and `speaksFor` is the cluster that it must be; `sender`: the value has no place for a cluster, it counts as the sender's. */
  | { readonly from: 'agent'; readonly speaksFor: 'sender' | ((resource: SyncResource<T>) => string) };

export const SYNC_RULES: { readonly [T in SyncType]: SyncRule<T> } = {
  DesiredRevision: { from: 'hub', about: 'recipient' },
  ImportedFact: { from: 'hub', about: 'anyone' },
  ExportVerdict: { from: 'hub', about: 'recipient' },
  Evacuation: { from: 'hub', about: 'anyone' },
  PeerAddress: { from: 'hub', about: 'anyone' },
  Question: { from: 'hub', about: 'recipient' },
  Bundle: { from: 'hub', about: 'recipient' },
  Revocation: { from: 'hub', about: 'anyone' },
  Reader: { from: 'hub', about: 'recipient' },
  ClusterReport: { from: 'agent', speaksFor: ({ name }) => name },
  AppliedReport: { from: 'agent', speaksFor: ({ name }) => name },
  ExportFact: { from: 'agent', speaksFor: ({ value }) => value.cluster },
  DnsSample: { from: 'agent', speaksFor: ({ value }) => value.cluster },
  // Answers are looked up under the cluster that was asked.
  Answer: { from: 'agent', speaksFor: 'sender' },
  PeerVerdict: { from: 'agent', speaksFor: ({ value }) => value.cluster },
};

/** Why `cluster`'s agent may not say this, or undefined. */
export function speakingProblem(cluster: string, type: SyncType, resource: SyncResource): string | undefined {
  const rule = SYNC_RULES[type] as SyncRule<SyncType>;
  if (rule.from === 'hub') return `${type}: only the hub says this`;
  const named = rule.speaksFor === 'sender' ? cluster : rule.speaksFor(resource);
  if (named === cluster) return undefined;
  const shown = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return `${type} ${shown(resource.name)}: speaks for cluster ${shown(named)}, and the certificate is of "${cluster}": an agent speaks for its own cluster alone`;
}
