/** Runs that take an earlier run back, or try its failed and skipped clusters again. */
import type { DesiredState } from '../../../mesh/model/desired.ts';
import { revisionOf } from '../../../mesh/model/revision.ts';
import type { RunTarget, StrategyValue } from '../../../mesh/model/rollout.ts';
import { runSpec } from '../views.ts';
import { carry, isSuperseded } from './contents.ts';
import { type Hindrance, type IntentWorld, type Meaning, stateNow } from './intent-world.ts';
import { namesOf } from './names-of.ts';

const LONGEST_NOTES = 512;
const CHANGED: readonly RunTarget['phase'][] = ['Done', 'Failed', 'RollbackFailed', 'Assigned', 'Soaking', 'RollingBack'];
const NOT_DONE: readonly RunTarget['phase'][] = ['Failed', 'Skipped', 'RolledBack', 'RollbackFailed'];

export async function intentOfEarlier(earlier: string, way: 'back' | 'again', world: IntentWorld): Promise<Meaning | Hindrance> {
  const record = await world.records.getRun(earlier);
  const object = world.runs.get({ name: earlier });
  if (record === undefined && object === undefined) return { final: true, problem: `there is no run "${earlier}" to ${way === 'back' ? 'take back' : 'try again'}; "kubectl get updateruns" lists them` };
  if (record === undefined || record.finishedAt === null) return { final: false, problem: `waits for run ${earlier} to end; "isthmus run stop ${earlier}" ends it sooner` };
  if (record.summaryOnly) return { final: true, problem: `the records have a summary of run ${earlier} and no more: which clusters it changed is not known any longer (--run-history-days); ${way === 'back' ? 'bring the earlier version by a run of its own' : 'bring it by a run of its own'}` };
  const spec = object === undefined ? undefined : runSpec(object);
  const strategy = record.strategy ?? spec?.strategy as StrategyValue | undefined;
  const phases = way === 'back' ? CHANGED : NOT_DONE;
  const members = new Set(world.views().filter(({ joined }) => joined).map(({ name }) => name));
  const rows = (await world.endedTargets(earlier)).filter(({ phase, cluster }) => phases.includes(phase) && members.has(cluster));
  return {
    changes: record.changes, undoOf: way === 'back' ? earlier : record.undoOf, clusters: rows.map(({ cluster }) => cluster).sort(), ...(strategy === undefined ? {} : { strategy }),
    async contents() {
      const brought = [];
      const since = new Map<string, string[]>();
      const left: string[] = [];
      for (const row of rows) {
        const now = await stateNow(world, row.cluster);
        const [from, to] = [await stateOf(world, row.backId ?? row.fromId, row.cluster), await stateOf(world, row.toId, row.cluster)];
        if (now === undefined || from === undefined || to === undefined) continue;
        const told = world.assigned(row.cluster);
        if (told !== undefined && told.run !== earlier && way === 'back') since.set(told.run, [...since.get(told.run) ?? [], row.cluster]);
        if (record.changes === 'Bundles' && isSuperseded(now, from, to)) {
          left.push(row.cluster);
          continue;
        }
        const [restored, repeated] = [revisionOf(carry(record.changes, now, to, from), world.digest), revisionOf(carry(record.changes, now, from, to), world.digest)];
        if (way === 'again') brought.push({ to: repeated, back: restored });
        else if (restored.id !== told?.desiredId) brought.push({ to: restored });
      }
      const notes = [
        ...[...since].sort().map(([run, clusters]) => `run ${run} has changed ${namesOf(clusters)} since`),
        ...left.length === 0 ? [] : [`${namesOf(left)} ${left.length === 1 ? 'stays' : 'stay'}: another version of the package came since`],
      ].map((note) => `; ${note}`).join('').slice(0, LONGEST_NOTES);
      const what = way === 'back' ? `takes back run ${earlier}` : `tries again what run ${earlier} did not bring`;
      const nothing = way === 'back' ? `run ${earlier} changed nothing, so there is nothing to take back` : `run ${earlier} left nothing to try again`;
      return { changes: brought, message: `${brought.length === 0 ? nothing : what}${notes}` };
    },
  };
}

/** `id` null: the state without any mesh, which a cluster that had nothing goes back to. */
async function stateOf(world: IntentWorld, id: string | null, cluster: string): Promise<DesiredState | undefined> {
  const content = id === null ? world.plan().baseline.find((revision) => revision.cluster === cluster)?.content : (await world.records.getRevision(id))?.content;
  return content === undefined ? undefined : JSON.parse(content) as DesiredState;
}
