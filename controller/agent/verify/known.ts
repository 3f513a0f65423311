/** What an agent remembers of each peer from one look to the next. Pure. */
import type { Instant } from '../../../mesh/model/instant.ts';
import { compareText } from '../../../mesh/model/order.ts';
import type { PeerVerdict } from '../../../mesh/model/peer-verdict.ts';
import { type Heartbeat, isFailure, type Kind, KINDS, type Observation } from '../../../mesh/verify/observation.ts';

export interface Known {
  /** Of the entries; undefined: not looked at yet. */
  readonly text: string | undefined;
  /** 0: since before this agent's start. */
  readonly entrySince: Instant;
  heartbeat?: NonNullable<Heartbeat['before']>;
  behind: readonly Kind[];
  /** Whether a write was let in when that was last asked; absent: not asked yet of this entry. */
  write?: { readonly at: Instant; readonly allowed: boolean } | undefined;
  /** Of the cluster-config. */
  id?: number | undefined;
  told?: PeerVerdict;
}

/** Before the first look. */
export const unknown = (): Known => ({ text: undefined, entrySince: 0, behind: [] });

/** What the next look compares with. */
export function remember(of: Known, { remote, mirror, now }: Observation): void {
  if (remote === undefined || isFailure(remote)) {
    delete of.heartbeat;
  } else {
    const { value } = remote.heartbeat;
    of.heartbeat = { value, firstAt: of.heartbeat !== undefined && of.heartbeat.value === value ? of.heartbeat.firstAt : now, lastAt: now };
  }
  of.behind = remote === undefined || mirror === undefined || isFailure(remote) || isFailure(mirror) ? [] : KINDS.filter((kind) => remote.counts[kind] !== undefined && remote.counts[kind] !== mirror.counts[kind]);
}

/** Id → who has it, of the own cluster and all peers but one; of several peers the first by name. */
export function idsBut(peer: string, known: ReadonlyMap<string, Known>, own: { readonly id: number; readonly cluster: string } | undefined): ReadonlyMap<number, string> {
  const ids = new Map<number, string>();
  for (const [name, { id }] of [...known].sort(([a], [b]) => compareText(a, b))) if (id !== undefined && name !== peer && !ids.has(id)) ids.set(id, name);
  if (own !== undefined) ids.set(own.id, own.cluster);
  return ids;
}

/** Who has one of the ids: of them something else is to be said when it was taken up or given back. */
export const sharing = (ids: readonly (number | undefined)[], known: ReadonlyMap<string, Known>): readonly string[] => [...known].filter(([, { id }]) => id !== undefined && ids.includes(id)).map(([name]) => name);
