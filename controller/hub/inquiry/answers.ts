/** Answers from the records. */
import type { HistoryAnswer, RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { StrategyValue } from '../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { stageNames } from '../../../mesh/rollout/targets.ts';
import type { Cache } from '../../runtime/cache.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { drillReportName } from '../drill/drill.ts';
import { runSpec } from '../views.ts';

const MOST_JOURNAL_ENTRIES = 1000;

/** JSON text; throws `AdvisedError` with a sentence for the person who asked. */
export async function answerFromRecords(spec: InquiryObject['spec'], records: RecordStore, runs: Cache<UpdateRunObject>): Promise<string> {
  if (spec.history !== undefined) {
    const { cluster, field, limit } = spec.history;
    const entries = await records.listHistory({ limit, ...(cluster === undefined ? {} : { cluster }), ...(field === undefined ? {} : { field }) });
    return JSON.stringify({ entries } satisfies HistoryAnswer);
  }
  if (spec.run !== undefined) {
    const { name } = spec.run;
    const journal = await records.listJournal(name, MOST_JOURNAL_ENTRIES);
    const object = runs.get({ name });
    if (journal.length === 0 && object === undefined) throw new AdvisedError('user', `run "${name}": there is no such run; "kubectl get updateruns" lists them`);
    const strategy = object === undefined ? undefined : runSpec(object)?.strategy as StrategyValue | undefined;
    return JSON.stringify({ targets: await records.listTargets(name), journal, stages: strategy === undefined ? [] : stageNames(strategy) } satisfies RunAnswer);
  }
  if (spec.drill !== undefined) {
    const report = await records.getReport(drillReportName(spec.drill.name));
    if (report === undefined) throw new AdvisedError('user', `drill "${spec.drill.name}": has no report; it has not begun, or there is no such drill ("kubectl get drills" lists them)`);
    return report;
  }
  throw new AdvisedError('user', 'spec: ask for one of history, run, drill or dns');
}
