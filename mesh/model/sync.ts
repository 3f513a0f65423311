/** The agent protocol as values: incremental xDS, spoken in both directions over one stream. Wire form: `mesh/api/isthmus/v1/sync.proto`. */
import type { AccessObservation, AccessQuestion } from './access.ts';
import type { BundleDelivery } from './bundle.ts';
import type { ClusterReport } from './cluster.ts';
import type { AppliedReport, DesiredRevision } from './desired.ts';
import type { DnsSample, Evacuation } from './drill.ts';
import type { PeerVerdict } from './peer-verdict.ts';
import type { Revocation } from './revocation.ts';
import type { ExportFact, ExportVerdict } from './service.ts';

/** How to reach another agent directly, told by the hub. Resource name: the cluster. */
export interface PeerAddress {
  readonly cluster: string;
  readonly address: string;
}

/** Told to an agent that keeps a user for that cluster (`PeeringReport.keeps`), as far as it is known. Resource name: the cluster. */
export interface Reader {
  readonly cluster: string;
  /** It has the agent's cluster in its Secrets, or waits to. */
  readonly reads: boolean;
}

/** A person's question to one agent (`isthmus dns explain --from`). Resource name: `id`. Removed when answered or after 30 s. */
export interface Question {
  readonly id: string;
  readonly dnsName: string;
  readonly dnsType: string;
  /** Not about DNS: peers to look at anew, a peer's name or `*`. Answered by their `PeerVerdict`s. */
  readonly verify?: string;
  /** Not about DNS: answered by `Answer.access`. */
  readonly access?: AccessQuestion;
  /** Not about DNS: what stands of a mesh there, answered by records: JSON of `StandingObject`s, of one object several where it has many entries. */
  readonly standing?: true;
}

export interface Answer {
  readonly id: string;
  /** Lines for a person, in order. */
  readonly lines: readonly string[];
  /** Addresses or texts answered. */
  readonly records: readonly string[];
  readonly rcode: string;
  /** Absent: not asked for, or an agent of a version that does not say. */
  readonly access?: AccessObservation;
}

/** Every type of resource and its value. First group: hub → agent; second: agent → hub. */
export interface SyncValues {
  /** One resource, named by the cluster. */
  DesiredRevision: DesiredRevision;
  /** Authorised exports of all clusters, own included; named `cluster/namespace/name`. */
  ImportedFact: ExportFact;
  /** The agent's own exports judged; named `namespace/name`. */
  ExportVerdict: ExportVerdict;
  Evacuation: Evacuation;
  PeerAddress: PeerAddress;
  Question: Question;
  /** What the cluster's assigned state refers to, and nothing else; named by its digest. */
  Bundle: BundleDelivery;
  /** Clusters that are cut off, and those that were and have joined anew; named by the cluster. */
  Revocation: Revocation;
  Reader: Reader;

  /** One resource, named by the cluster. */
  ClusterReport: ClusterReport;
  AppliedReport: AppliedReport;
  /** Named `namespace/name`. */
  ExportFact: ExportFact;
  /** Newest answer per service under drill; named by the evacuation's id. */
  DnsSample: DnsSample;
  Answer: Answer;
  /** Named by the peer. */
  PeerVerdict: PeerVerdict;
}

export type SyncType = keyof SyncValues;

export const HUB_TYPES = ['DesiredRevision', 'ImportedFact', 'ExportVerdict', 'Evacuation', 'PeerAddress', 'Question', 'Bundle', 'Revocation', 'Reader'] as const satisfies readonly SyncType[];
export const AGENT_TYPES = ['ClusterReport', 'AppliedReport', 'ExportFact', 'DnsSample', 'Answer', 'PeerVerdict'] as const satisfies readonly SyncType[];

/** Types that not every version has. One without them ends the stream of whoever asks for them, so they are subscribed to only where the other side said that it publishes them. */
export const LATER_TYPES: readonly SyncType[] = ['Reader', 'Revocation', 'Bundle', 'PeerVerdict'];

export interface SyncResource<T extends SyncType = SyncType> {
  readonly name: string;
  /** Opaque; equal versions mean equal values, across reconnects and restarts. */
  readonly version: string;
  readonly value: SyncValues[T];
}

export type SyncMessage =
  /** First message for a type: what the subscriber holds already. The publisher answers with one delta, empty or not. */
  | { readonly kind: 'subscribe'; readonly type: SyncType; readonly known: Readonly<Record<string, string>> }
  | { readonly kind: 'delta'; readonly type: SyncType; readonly nonce: string; readonly resources: readonly SyncResource[]; readonly removed: readonly string[];
    /** Only as received: why resources of it could not be read. They are not among `resources`, and the answer is a NACK. */
    readonly problems?: readonly string[] }
  /**
   * `error` empty: all of the delta is in use. Otherwise a NACK: the subscriber keeps what it had of the resources named in the text.
   * Of a type that the receiver itself subscribed to, without a nonce: the other side does not know the type.
   */
  | { readonly kind: 'ack'; readonly type: SyncType; readonly nonce: string; readonly error: string }
  /** Only as received: something about a type that this version does not have; `typeNumber` is the type's on the wire. */
  | { readonly kind: 'unknown'; readonly about: 'subscribe' | 'delta' | 'ack'; readonly typeNumber: number; readonly nonce: string }
  /** Only as sent: the NACK to an `unknown` subscription or delta. */
  | { readonly kind: 'refusal'; readonly typeNumber: number; readonly nonce: string; readonly error: string };
