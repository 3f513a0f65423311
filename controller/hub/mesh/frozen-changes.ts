/** What a run is to change, written down before the run exists: whoever wrote it dies, the run's targets are still the ones that it was made for. */
import { z } from 'zod';
import { type RecordStore, RUN_REPORTS } from '../../../mesh/ports/records.ts';
import type { Change } from './next-run.ts';

const schema = z.array(z.object({ cluster: z.string(), toId: z.string() }));
const reportName = (run: string): string => `${RUN_REPORTS}${run}`;

export const writeChanges = (records: RecordStore, run: string, changes: readonly Change[]): Promise<void> => records.putReport(reportName(run), JSON.stringify(changes));

/** undefined: the hub did not make this run. */
export async function readChanges(records: Pick<RecordStore, 'getReport'>, run: string): Promise<readonly Change[] | undefined> {
  const text = await records.getReport(reportName(run));
  return text === undefined ? undefined : schema.parse(JSON.parse(text));
}
