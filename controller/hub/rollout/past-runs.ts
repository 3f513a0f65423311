/** UpdateRuns as the values that it is decided from which of them have stood long enough. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { DesiredState } from '../../../mesh/model/desired.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { FINAL_RUN_PHASES, type RunTarget } from '../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { PastRun } from '../../../mesh/rollout/expired.ts';
import { RUN_FINALIZER } from '../views.ts';
import { changedPackages } from './contents.ts';

/** On an UpdateRun: a person wants it kept. */
const KEEP_ANNOTATION = 'isthmus.dev/keep';

const PLAN = 'plan';
/** Its clusters are all changed in the same: the first rows that changed anything say what. */
const MOST_ROWS_READ = 8;

type Records = Pick<RecordStore, 'getRun' | 'listTargets' | 'getRevision'>;

export interface Surroundings {
  readonly isMember: (cluster: string) => boolean;
  /** Runs from which some cluster has what it is told to have. */
  readonly assigning: ReadonlySet<string>;
  /** Runs from which it follows what channels do next. */
  readonly deciding: ReadonlySet<string>;
}

/** Without its clusters: what only counts and dates runs needs no more. */
export function outlineOf({ metadata, spec, status }: UpdateRunObject, { assigning, deciding }: Surroundings): PastRun {
  const { name, annotations = {}, creationTimestamp, deletionTimestamp, finalizers = [] } = metadata;
  const over = FINAL_RUN_PHASES.includes(status?.phase ?? 'Pending') && deletionTimestamp === undefined && !finalizers.includes(RUN_FINALIZER);
  return {
    name, strategy: spec.strategy?.name ?? spec.strategyName ?? '', startedAt: fromRfc3339(status?.startedAt) ?? null, endedAt: over ? fromRfc3339(status?.finishedAt ?? creationTimestamp) ?? null : null,
    marked: (annotations[KEEP_ANNOTATION] ?? 'false') !== 'false', assigns: assigning.has(name), repeats: [spec.undoOf, spec.retryOf].filter((other) => other !== undefined),
    subjects: [], clusters: [], succeeded: [], decides: deciding.has(name),
  };
}

/** `shared` gives equal names as one: thousands of clusters in hundreds of runs. */
export async function pastRun(object: UpdateRunObject, around: Surroundings, records: Records, shared: (name: string) => string): Promise<PastRun> {
  const outline = outlineOf(object, around);
  const record = await records.getRun(outline.name);
  if (record === undefined || (record.uid !== '' && record.uid !== object.metadata.uid)) return outline;
  const rows = (await records.listTargets(outline.name)).filter(({ cluster }) => around.isMember(cluster));
  const named = (which: readonly RunTarget[]): readonly string[] => which.map(({ cluster }) => shared(cluster));
  return {
    ...outline, startedAt: record.createdAt, endedAt: outline.endedAt === null ? null : record.finishedAt ?? outline.endedAt,
    subjects: record.changes === 'Plan' ? [PLAN] : await packagesOf(rows, records), clusters: named(rows), succeeded: named(rows.filter(({ phase }) => phase === 'Done')),
  };
}

async function packagesOf(rows: readonly RunTarget[], records: Records): Promise<readonly string[]> {
  const stateOf = async (id: string | null): Promise<Pick<DesiredState, 'bundles'>> => {
    const content = id === null ? undefined : (await records.getRevision(id))?.content;
    return content === undefined ? {} : JSON.parse(content) as DesiredState;
  };
  for (const { fromId, backId, toId } of rows.slice(0, MOST_ROWS_READ)) {
    const changed = changedPackages(await stateOf(backId ?? fromId), await stateOf(toId));
    if (changed.length > 0) return changed.map((name) => `package ${name}`);
  }
  return [];
}

