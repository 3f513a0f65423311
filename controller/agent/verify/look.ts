/** One look: opens an etcd as Cilium would, and reads no more than a verdict needs. */
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type EtcdConnection, type EtcdConnector, EtcdError, type EtcdProblem, type EtcdTarget, prefixEnd } from '../../../mesh/ports/etcd.ts';
import { type Failure, type Heartbeat, type Kind, KINDS, type MirrorLook, type RemoteLook } from '../../../mesh/verify/observation.ts';
import type { ReasonCode } from '../../../mesh/verify/reasons.ts';

const HEARTBEAT = 'cilium/.heartbeat';
/** More than there are kinds: who has more says so in the count. */
const MOST_CANARIES = 32;

/** Places of each kind in the etcd of `cluster` (R: `pkg/kvstore/kvstore.go`, `clustermesh/store`). */
const stateOf = (cluster: string): Readonly<Record<Kind, string>> => ({
  nodes: `cilium/state/nodes/v1/${cluster}/`, services: `cilium/state/services/v1/${cluster}/`, serviceexports: `cilium/state/serviceexports/v1/${cluster}/`,
  identities: 'cilium/state/identities/v1/id/', ip: 'cilium/state/ip/v1/default/',
});
const copyOf = (cluster: string): Readonly<Record<Kind, string>> => ({
  nodes: `cilium/cache/nodes/v1/${cluster}/`, services: `cilium/cache/services/v1/${cluster}/`, serviceexports: `cilium/cache/serviceexports/v1/${cluster}/`,
  identities: `cilium/cache/identities/v1/${cluster}/id/`, ip: `cilium/cache/ip/v1/${cluster}/`,
});

const CODE: Readonly<Record<Exclude<EtcdProblem, 'Cancelled'>, ReasonCode>> = {
  InvalidTarget: 'EntryInvalid', NameUnresolved: 'NameUnresolved', Unreachable: 'Unreachable', NotTls: 'NotTls', UntrustedServer: 'UntrustedServer', ServerNameMismatch: 'ServerNameMismatch',
  ServerCertificateExpired: 'ServerCertificateExpired', ServerCertificateNotYetValid: 'ServerCertificateNotYetValid', ClientCertificateRefused: 'ClientCertificateRefused', PermissionDenied: 'NoUser',
  Unavailable: 'Unavailable', Timeout: 'Timeout', TooLarge: 'TooLarge', Malformed: 'Malformed',
};

/** Rejects only where `signal` aborts. */
async function looking<T>(work: Promise<T>, signal: CancelSignal): Promise<T | Failure> {
  try {
    return await work;
  } catch (error) {
    if (signal.aborted || !(error instanceof EtcdError) || error.reason === 'Cancelled') throw error;
    return { code: CODE[error.reason], text: error.message };
  }
}

/** undefined: refused. */
async function permitted<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof EtcdError && error.reason === 'PermissionDenied') return undefined;
    throw error;
  }
}

const below = (prefix: string): { readonly key: string; readonly rangeEnd: string } => ({ key: prefix, rangeEnd: prefixEnd(prefix) });

async function countsOf(connection: EtcdConnection, places: Readonly<Record<Kind, string>>): Promise<{ readonly counts: RemoteLook['counts']; readonly refused: readonly Kind[] }> {
  const counted = await Promise.all(KINDS.map(async (kind) => [kind, (await permitted(connection.range({ ...below(places[kind]), countOnly: true })))?.count] as const));
  return { counts: Object.fromEntries(counted.filter(([, count]) => count !== undefined)), refused: counted.filter(([, count]) => count === undefined).map(([kind]) => kind) };
}

async function withConnection<T>(etcd: EtcdConnector, target: EtcdTarget, signal: CancelSignal, read: (connection: EtcdConnection) => Promise<T>): Promise<T> {
  const connection = await etcd.open(target, signal);
  try {
    return await read(connection);
  } finally {
    connection.close();
  }
}

export type RemoteSeen = Omit<RemoteLook, 'heartbeat' | 'mayWrite'> & {
  readonly heartbeat: Heartbeat['value'];
  /** undefined: not asked. */
  readonly mayWrite: boolean | undefined;
};

/** `asksToWrite`: a refused write goes through the log of that etcd, and is a warning there. */
export const lookAtPeer = (etcd: EtcdConnector, peer: string, target: EtcdTarget, asksToWrite: boolean, signal: CancelSignal): Promise<RemoteSeen | Failure> => looking(withConnection(etcd, target, signal, async (connection) => {
  // Every user of a mesh may read it: who may not is none.
  const heartbeat = (await connection.range({ key: HEARTBEAT })).entries[0]?.value;
  const [config, synced, state, ...wide] = await Promise.all([
    permitted(connection.range({ key: `cilium/cluster-config/${peer}` })),
    permitted(connection.range({ ...below(`cilium/synced/${peer}/`), limit: MOST_CANARIES, keysOnly: true })),
    countsOf(connection, stateOf(peer)),
    ...['cilium/cache/', 'cilium/cluster-config/', 'cilium/synced/'].map(async (prefix) => (await permitted(connection.range({ ...below(prefix), countOnly: true })) === undefined ? [] : [prefix])),
  ]);
  const canaries = new Set(synced?.entries.map(({ key }) => key));
  return {
    server: connection.server, heartbeat, config: config?.entries[0]?.value, synced: KINDS.filter((kind) => canaries.has(`cilium/synced/${peer}/cilium/state/${kind}/v1`)), ...state, overreach: wide.flat(),
    mayWrite: asksToWrite ? await connection.mayWrite(HEARTBEAT) : undefined,
  };
}), signal);

export const lookAtMirror = (etcd: EtcdConnector, peer: string, target: EtcdTarget, signal: CancelSignal): Promise<Omit<MirrorLook, 'behindBefore'> | Failure> => looking(withConnection(etcd, target, signal, async (connection) => {
  const [config, synced, { counts }] = await Promise.all([
    permitted(connection.range({ key: `cilium/cluster-config/${peer}` })), permitted(connection.range({ ...below(`cilium/synced/${peer}/cilium/cache/`), limit: MOST_CANARIES })), countsOf(connection, copyOf(peer)),
  ]);
  const times = (synced?.entries ?? []).flatMap(({ value }) => fromRfc3339(value) ?? []);
  return { config: config?.entries[0]?.value, syncedAt: times.length === 0 ? undefined : Math.max(...times), counts };
}), signal);
