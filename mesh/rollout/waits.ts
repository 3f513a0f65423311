/** What keeps clusters from their turn, gathered for one sentence. */
import { type Instant, toRfc3339 } from '../model/instant.ts';
import { listed } from '../model/listed.ts';

const MOST_NAMED = 3;

export const namesOf = (names: readonly string[], count = names.length): string => listed(names, MOST_NAMED, count);

interface Some {
  readonly names: string[];
  count: number;
}

export interface Waits {
  readonly closed: Some & { reason: string; opensAt: Instant | null };
  /** By the run that has them in flight. */
  readonly busy: Map<string, Some>;
  /** Why no more clusters may be disturbed; empty: more may. */
  readonly unavailable: string;
  /** Of a stage that soaks as a whole. */
  readonly soaksUntil: Instant | null;
}

export const newWaits = (): Waits => ({ closed: { names: [], count: 0, reason: '', opensAt: null }, busy: new Map(), unavailable: '', soaksUntil: null });

function add(some: Some, cluster: string): void {
  some.count += 1;
  if (some.names.length < MOST_NAMED) some.names.push(cluster);
}

/** The reason that is told is that of the window which opens first. */
export function addClosed({ closed }: Waits, cluster: string, reason: string, opensAt: Instant | null): void {
  add(closed, cluster);
  if (closed.count > 1 && (opensAt === null || (closed.opensAt !== null && opensAt >= closed.opensAt))) return;
  closed.reason = reason;
  closed.opensAt = opensAt;
}

export function addBusy({ busy }: Waits, cluster: string, run: string): void {
  const some = busy.get(run) ?? { names: [], count: 0 };
  busy.set(run, some);
  add(some, cluster);
}

export function waitSentences({ closed, busy, unavailable, soaksUntil }: Waits): string[] {
  return [
    ...(soaksUntil === null ? [] : [`soaks as a whole until ${toRfc3339(soaksUntil)}`]),
    ...(closed.count === 0 ? [] : [`${closed.reason === '' ? 'the window is closed' : closed.reason} for ${namesOf(closed.names, closed.count)}; ${closed.opensAt === null ? 'it does not open within the time that was looked at' : `opens at ${toRfc3339(closed.opensAt)}`}`]),
    ...[...busy].map(([run, { names, count }]) => `waits for run ${run}, which has ${namesOf(names, count)}`),
    ...(unavailable === '' ? [] : [unavailable]),
  ];
}
