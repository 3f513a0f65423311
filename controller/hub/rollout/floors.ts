/** What earlier runs have brought to the clusters of a run, object by object: what was changed after that is new to some of them. Pure but for the reading of rows. */
import { AccessPolicy, Bundle, FailoverPolicy, GlobalService, Mesh } from '../../../mesh/api/resources/index.ts';
import type { Carried, RunTarget } from '../../../mesh/model/rollout.ts';
import type { RunRecord } from '../../../mesh/ports/records.ts';

/** Rows of so many earlier runs are read. */
const MOST_RUNS_READ = 32;

export interface EarlierRun extends Pick<RunRecord, 'run' | 'createdAt' | 'changes' | 'phase'> { readonly carries: Readonly<Record<string, Carried>> }

export interface Floors {
  /** By object: the generation that all clusters have. */
  readonly since: ReadonlyMap<string, number>;
  /** Went into the last run of some of the clusters, and does not go into this one; `generation`: what all of those have. */
  readonly left: ReadonlyMap<string, Carried>;
}

interface Asked {
  /** Uids of the objects that go into the run, by `keyOf`. */
  readonly objects: ReadonlyMap<string, string>;
  readonly clusters: readonly string[];
  readonly changes: RunRecord['changes'];
  /** That have ended, newest first. */
  readonly earlier: readonly EarlierRun[];
  readonly rowsOf: (run: string) => Promise<readonly RunTarget[]>;
}

const kindOf = (key: string): string => key.slice(0, key.indexOf(' '));
const OF_PLAN: readonly string[] = [AccessPolicy, Mesh, FailoverPolicy, GlobalService].map(({ kind }) => kind);

export async function floorsOf({ objects, clusters, changes, earlier, rowsOf }: Asked): Promise<Floors> {
  const unmet = new Map([...objects.keys()].map((key) => [key, new Set(clusters)]));
  const unseen = new Set(changes === 'Plan' ? clusters : []);
  const [since, newest, left] = [new Map<string, number>(), new Map<string, number>(), new Map<string, Carried>()];
  const lower = (key: string, generation: number): void => { since.set(key, Math.min(since.get(key) ?? Number.POSITIVE_INFINITY, generation)); };
  let read = 0;
  for (const { run, changes: what, carries, phase } of earlier) {
    const shared = [...objects].flatMap(([key, uid]) => (carries[key]?.uid === uid ? [key] : []));
    for (const key of shared) newest.set(key, Math.max(newest.get(key) ?? 0, phase === 'Completed' ? carries[key]!.generation : carries[key]!.since));
    const open = shared.filter((key) => unmet.get(key)!.size > 0);
    const looks = what === 'Plan' && unseen.size > 0;
    if ((open.length === 0 && !looks) || read >= MOST_RUNS_READ) continue;
    read += 1;
    for (const { cluster, phase: row } of await rowsOf(run)) {
      const reached = (one: Carried): number => (row === 'Done' ? one.generation : one.since);
      for (const key of open) if (unmet.get(key)!.delete(cluster)) lower(key, reached(carries[key]!));
      // What a cluster did not get in the end is told by the run before.
      if (!looks || row !== 'Done' || !unseen.delete(cluster)) continue;
      for (const [key, one] of Object.entries(carries)) {
        if (OF_PLAN.includes(kindOf(key)) && objects.get(key) !== one.uid) left.set(key, { ...one, generation: Math.min(left.get(key)?.generation ?? Number.POSITIVE_INFINITY, one.generation) });
      }
    }
  }
  // A cluster that no run brought it to gets what others have: that is nobody's change any more. Not so a Bundle: what passed on some clusters is new to the others.
  for (const key of objects.keys()) if (unmet.get(key)!.size > 0) lower(key, kindOf(key) === Bundle.kind ? 0 : newest.get(key) ?? 0);
  return { since, left };
}
