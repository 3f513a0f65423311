/** Which of several open runs go on: no two touch one cluster, and none is overtaken on a cluster that it wants. Pure. */
import { namesOf } from './names-of.ts';

export interface Contender {
  readonly run: string;
  /** Frozen already: it has its clusters until it ends. */
  readonly begun: boolean;
  readonly clusters: readonly string[];
}

const MOST_RUNS = 3;

/** Oldest first. By run, why it waits; runs that go on are not there. Who waits keeps what it wants from all that are younger: each gets its turn, whoever comes after it. */
export function waitingRuns(contenders: readonly Contender[]): ReadonlyMap<string, string> {
  const holders = new Map<string, Contender>();
  const hold = (contender: Contender): void => { for (const cluster of contender.clusters) if (!holders.has(cluster)) holders.set(cluster, contender); };
  for (const contender of contenders) if (contender.begun) hold(contender);
  const waiting = new Map<string, string>();
  for (const contender of contenders) {
    if (contender.begun) continue;
    const blocked = new Map<Contender, string[]>();
    for (const cluster of contender.clusters) {
      const holder = holders.get(cluster);
      if (holder !== undefined) blocked.set(holder, [...blocked.get(holder) ?? [], cluster]);
    }
    if (blocked.size > 0) waiting.set(contender.run, messageOf(blocked));
    hold(contender);
  }
  return waiting;
}

function messageOf(blocked: ReadonlyMap<Contender, readonly string[]>): string {
  const reasons = [...blocked].map(([{ run, begun }, clusters]) => `run ${run}, which ${begun ? 'has' : 'is before it and wants'} ${namesOf(clusters)}`);
  const [first] = [...blocked.keys()].filter(({ begun }) => begun);
  const help = first === undefined ? '' : `; "isthmus run stop ${first.run}" ends it sooner`;
  return `waits for ${reasons.slice(0, MOST_RUNS).join(', and for ')}${reasons.length > MOST_RUNS ? `, and for ${reasons.length - MOST_RUNS} other runs` : ''}${help}`;
}
