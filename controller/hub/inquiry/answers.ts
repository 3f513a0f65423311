/** Answers, by question: what a new kind of question needs is one entry in `Inquiry.spec` and one here. */
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject, QuestionName } from '../../../mesh/api/resources/inquiry.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { StrategyValue } from '../../../mesh/model/rollout.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { drillReportName } from '../drill/drill.ts';
import { runSpec } from '../views.ts';
import { runAnswer } from './run-answer.ts';

const MOST_JOURNAL_ENTRIES = 1000;

type Question<Name extends QuestionName> = NonNullable<InquiryObject['spec'][Name]>;

/** Gives the answer's value; throws `AdvisedError` with a sentence for the person who asked. */
export type Answers = { readonly [Name in QuestionName]: (question: Question<Name>, asked: { readonly id: string; readonly signal: CancelSignal }) => unknown };

/** What the question cannot be read as, with the place: the asker's to correct. */
export class WrongQuery extends AdvisedError {
  constructor(message: string) {
    super('user', message);
    this.name = 'WrongQuery';
  }
}

export function recordedAnswers(records: RecordStore, runs: Pick<Cache<UpdateRunObject>, 'get'>): Pick<Answers, 'run' | 'drill'> {
  return {
    async run({ name }): Promise<RunAnswer> {
      const journal = await records.listJournal(name, MOST_JOURNAL_ENTRIES);
      const object = runs.get({ name });
      const record = await records.getRun(name);
      if (record === undefined && journal.length === 0 && object === undefined) throw new AdvisedError('user', `run "${name}": there is no such run; "kubectl get updateruns" lists them`);
      const strategy = record?.strategy ?? (object === undefined ? undefined : runSpec(object)?.strategy as StrategyValue | undefined);
      return runAnswer(record, strategy, await records.listTargets(name), journal);
    },
    async drill({ name }) {
      const report = await records.getReport(drillReportName(name));
      if (report === undefined) throw new AdvisedError('user', `drill "${name}": has no report; it has not begun, or there is no such drill ("kubectl get drills" lists them)`);
      return JSON.parse(report) as unknown;
    },
  };
}
