/** What the rollout works with. */
import type { UpdateRunObject, UpdateStrategyObject } from '../../../mesh/api/resources/updates.ts';
import type { JournalEntry } from '../../../mesh/model/history.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Bundles } from '../bundles/types.ts';
import type { DriftJudge } from '../drift/judge.ts';
import type { Editors } from '../gates/editors.ts';
import type { Gates } from '../gates/types.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { PlanSources } from '../mesh/current-plan.ts';
import type { HubPorts } from '../ports.ts';
import type { Windows } from '../windows/types.ts';

export interface RolloutParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records'>;
  readonly sources: PlanSources;
  readonly fleet: Fleet;
  readonly runs: Cache<UpdateRunObject>;
  readonly strategies: Cache<UpdateStrategyObject>;
  readonly drift: DriftJudge;
  readonly gates: Gates;
  readonly windows: Windows;
  readonly bundles: Bundles;
  /** Absent: whose change a run carries is not looked at. */
  readonly editors?: Editors;
  /** Told of what has become durable, in order, once in this hub's life: after a crash it may not have been told of the last step. Must not throw. */
  readonly onProgress?: (run: UpdateRunObject, entries: readonly JournalEntry[]) => void;
}
