/** Which runs that are over have stood long enough: more than so many of one strategy, or older than so long; and never what somebody still needs. Pure. */
import { type Instant, seconds } from '../model/instant.ts';
import { compareText } from '../model/order.ts';

export interface PastRun {
  readonly name: string;
  /** What limits count it with: the name of its strategy. */
  readonly strategy: string;
  /** null: it has not begun. */
  readonly startedAt: Instant | null;
  /** null: it is not over. */
  readonly endedAt: Instant | null;
  /** A person wants it kept. */
  readonly marked: boolean;
  /** Some cluster has from it what it is told to have now. */
  readonly assigns: boolean;
  /** Names of the runs that it takes back or tries again. */
  readonly repeats: readonly string[];
  /** What of clusters' states it changed: the plan, or packages. */
  readonly subjects: readonly string[];
  /** Clusters of the fleet that it was frozen for, and of those the ones that came to a good end. */
  readonly clusters: readonly string[];
  readonly succeeded: readonly string[];
  /** What happens next by itself follows from it in another way: a channel, for example, brings nothing again that failed. */
  readonly decides: boolean;
}

export interface RunLimits {
  readonly perStrategy: number;
  /** null: no run is too old. */
  readonly ageMilliseconds: number | null;
}

/** Whoever waits for its end must have seen it. */
const FRESH_SECONDS = 3600;

/** Of two that tell of the same cluster the later began later: no two have it at once. */
const laterBegun = (a: PastRun, b: PastRun): number => (b.startedAt ?? 0) - (a.startedAt ?? 0) || compareText(b.name, a.name);

/** Runs that are the last to have had a cluster for a subject, or the last to have had it with success. What is tried again by itself, and what can be taken back, follows from them. */
function lastOnes(runs: readonly PastRun[]): ReadonlySet<string> {
  const met = new Map<string, Set<string>>();
  /** Whether one of them had not been met. */
  const meets = (kind: string, names: readonly string[]): boolean => {
    const seen = met.get(kind) ?? new Set<string>();
    met.set(kind, seen);
    const before = seen.size;
    for (const name of names) seen.add(name);
    return seen.size > before;
  };
  const last = new Set<string>();
  for (const run of runs.filter(({ startedAt }) => startedAt !== null).sort(laterBegun)) {
    for (const subject of run.subjects) {
      if (meets(`had ${subject}`, run.clusters)) last.add(run.name);
      if (meets(`did ${subject}`, run.succeeded)) last.add(run.name);
    }
  }
  return last;
}

/** Names, the oldest end first. What repeats one keeps it: it goes after that has gone. */
export function expired(runs: readonly PastRun[], now: Instant, { perStrategy, ageMilliseconds }: RunLimits): readonly string[] {
  const last = lastOnes(runs);
  const repeated = new Set(runs.flatMap(({ repeats }) => repeats));
  const over = runs.flatMap((run) => (run.endedAt === null ? [] : [{ run, endedAt: run.endedAt }])).sort((a, b) => a.endedAt - b.endedAt || compareText(a.run.name, b.run.name));
  const surplus = new Map<string, number>();
  for (const { run: { strategy } } of over) surplus.set(strategy, (surplus.get(strategy) ?? -perStrategy) + 1);
  return over.flatMap(({ run, endedAt }) => {
    const { name, strategy, marked, assigns, decides } = run;
    if (marked || assigns || decides || last.has(name) || repeated.has(name) || endedAt > now - seconds(FRESH_SECONDS)) return [];
    const tooMany = surplus.get(strategy) ?? 0;
    if (tooMany <= 0 && (ageMilliseconds === null || endedAt > now - ageMilliseconds)) return [];
    surplus.set(strategy, tooMany - 1);
    return [name];
  });
}
