/** Changes by others to objects that other parts of the agent write: imports, which follow live facts and are put back, and mesh certificates. */
import { type Contention, isContended, recalled, undone } from '../../../mesh/drift/contention.ts';
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { AgentState } from '../state/state.ts';

export interface DriftBook {
  /** What stands of one object now; replaces what was said of it. Empty: nothing is changed. */
  put(object: string, entries: readonly DriftEntry[]): void;
  /** Our write of the object was undone by `manager`. */
  undone(object: string, manager: string): Contention;
  contention(object: string): Contention | undefined;
  /** Objects that are left alone now, for their adversary undid our last write of them. */
  quiet(): readonly string[];
  /** Known of the object; a change that stands keeps the time when it was seen first. */
  of(object: string): readonly DriftEntry[];
  /** Sorted by object. */
  entries(): readonly DriftEntry[];
  subscribe(listener: () => void): void;
}

/** Objects with changes at a time; beyond it they are counted nowhere and written as before. */
const MOST_OBJECTS = 1000;

/** Fights are remembered in `state`: an agent that starts again must not start them anew. */
export function createDriftBook(clock: Pick<Clock, 'now'>, state: Pick<AgentState, 'contentions' | 'setContentions'>): DriftBook {
  const known = new Map<string, readonly DriftEntry[]>();
  const contentions = new Map(worthKeeping(Object.entries(state.contentions)).slice(0, MOST_OBJECTS));
  const listeners: (() => void)[] = [];

  function worthKeeping(all: Iterable<readonly [string, Contention]>): readonly (readonly [string, Contention])[] {
    const now = clock.now();
    return [...all].flatMap(([object, memory]) => { const kept = recalled(memory, now); return kept === undefined ? [] : [[object, kept] as const]; });
  }

  return {
    put(object, entries) {
      const before = known.get(object) ?? [];
      if (entries.length === 0) {
        if (known.delete(object)) for (const listener of listeners) listener();
        return;
      }
      if (known.size >= MOST_OBJECTS && !known.has(object)) return;
      const next = entries.map((entry) => ({ ...entry, firstSeen: before.find(({ path }) => path === entry.path)?.firstSeen ?? entry.firstSeen }));
      known.set(object, next);
      if (JSON.stringify(next) !== JSON.stringify(before)) for (const listener of listeners) listener();
    },
    undone(object, manager) {
      const next = undone(contentions.get(object), manager, clock.now());
      if (contentions.size >= MOST_OBJECTS && !contentions.has(object)) contentions.delete(contentions.keys().next().value ?? '');
      contentions.set(object, next);
      state.setContentions(Object.fromEntries(worthKeeping(contentions)));
      return next;
    },
    contention(object) {
      const found = contentions.get(object);
      return isContended(found) ? found : undefined;
    },
    quiet: () => [...contentions].filter(([, contention]) => isContended(contention) && clock.now() < contention.quietUntil).map(([object]) => object),
    of: (object) => known.get(object) ?? [],
    entries: () => [...known].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).flatMap(([, entries]) => entries),
    subscribe(listener) { listeners.push(listener); },
  };
}
