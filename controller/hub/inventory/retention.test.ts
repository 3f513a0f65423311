import { expect, test } from 'vitest';
import { RecordsUnavailable } from '../../../mesh/ports/records.ts';
import { NEW_RUN_STATE, type RunTarget } from '../../../mesh/model/rollout.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { openSqliteRecords } from '../../adapters/records/sqlite.ts';
import { recordingLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { keepHistoryShort } from './retention.ts';

const DAY = 86_400_000;

/** Two pages. */
const objects = (first: readonly object[] = [], second: readonly object[] = []): KubernetesClient => ({
  list: (_kind: unknown, { continueToken }: { continueToken?: string }) => Promise.resolve(continueToken === undefined ? { items: first, continueToken: 'more' } : { items: second }),
}) as unknown as KubernetesClient;

test('old rows go in steps, each day leaves one state, and older days leave none', async () => {
  const clock = manualClock(Date.UTC(2030, 0, 1, 12));
  const records = await openSqliteRecords(':memory:');
  const log = recordingLog();
  const [days, perDay] = [30, 200];
  const start = clock.now() - days * DAY;
  for (let day = 0; day < days; day += 1) {
    const at = start + day * DAY;
    const entries = Array.from({ length: perDay }, (_, index) => ({ cluster: 'berlin', at, field: 'nodes', before: null, after: `${day * perDay + index}`, by: 'a', run: null, reason: null, approvedBy: [] }));
    await records.recordChange({ cluster: 'berlin', at, fields: { nodes: `${day * perDay + perDay - 1}` }, entries });
  }
  let [steps, fails] = [0, true];
  const compactHistory: typeof records.compactHistory = async (before) => {
    if (fails) throw new RecordsUnavailable('retry', 'the disk is full');
    steps += 1;
    return records.compactHistory(before);
  };
  const stop = new AbortController();
  void keepHistoryShort({ clock, kubernetes: objects(), records: { ...records, compactHistory }, log }, { changeDays: 10, stateDays: 20, runDays: 10 })(stop.signal);
  await clock.advance(1000);
  expect(log.lines.map(({ message }) => message)).toEqual(['old history and runs could not be dropped; tried again in an hour']);
  fails = false;
  await clock.advance(3_600_000 + 10_000);
  // 20 days of 200 rows, 2000 at once, and one look that there is nothing more.
  expect(steps).toBe(3);
  expect(await records.historyKeptSince()).toBe(Math.floor((clock.now() - 10 * DAY) / DAY) * DAY);
  const nodesAt = async (day: number): Promise<string | undefined> => (await records.statesAt(start + day * DAY + 1000, 'berlin')).get('berlin')?.['nodes'];
  expect(await Promise.all([5, 9, 10, 15, 25].map(nodesAt))).toEqual([undefined, undefined, '2199', '3199', '5199']);
  expect(await records.listHistory({ cluster: 'berlin', limit: 1000, to: start + 20 * DAY })).toEqual([]);
  expect(await records.listHistory({ cluster: 'berlin', limit: 1000, from: start + 20 * DAY, to: start + 21 * DAY })).toHaveLength(perDay);
  stop.abort();
  await clock.advance(1000);
  await records.close();
});

test('ended runs go after their time where no UpdateRun tells of them, and what only they referred to', async () => {
  const clock = manualClock(Date.UTC(2030, 0, 1, 12));
  const records = await openSqliteRecords(':memory:');
  const run = (name: string, endedDaysAgo: number | null, undoOf: string | null = null): Promise<boolean> => {
    const at = clock.now() - (endedDaysAgo ?? 50) * DAY;
    const row: RunTarget = { cluster: name, stage: 0, fromId: null, toId: `to-${name}`, phase: 'Done', assignedAt: null, healthyAt: null, finishedAt: at, message: '' };
    return records.createRun(name, {
      uid: '', createdAt: at, author: 'hub', changes: 'Plan', strategy: null, strategyDigest: '', undoOf, message: '', warnings: [], state: NEW_RUN_STATE, phase: 'Completed', finishedAt: endedDaysAgo === null ? null : at,
      joinedLater: [], targets: [row], revisions: [{ id: `to-${name}`, cluster: name, content: '{}' }], journal: [{ run: name, at, cluster: '', event: 'Completed', message: '' }],
    });
  };
  await Promise.all([run('open', null), run('young', 9), run('gone', 11), run('held', 11), run('tried', 30), run('undone', 40), run('undo', 19, 'undone')]);
  const stop = new AbortController();
  const kubernetes = objects([{ metadata: { name: 'held' }, spec: {} }], [{ metadata: { name: 'again' }, spec: { retryOf: 'tried' } }]);
  void keepHistoryShort({ clock, kubernetes, records, log: recordingLog() }, { changeDays: 10, stateDays: 20, runDays: 10 })(stop.signal);
  await clock.advance(10_000);
  const left: string[] = [];
  const summaries: string[] = [];
  for (const name of ['open', 'young', 'gone', 'held', 'tried', 'undone', 'undo']) {
    const record = await records.getRun(name);
    if (record?.summaryOnly) summaries.push(name);
    const kept = [record !== undefined && !record.summaryOnly, (await records.listTargets(name)).length > 0, (await records.listJournal(name, 1)).length > 0, await records.getRevision(`to-${name}`) !== undefined];
    expect(new Set(kept).size).toBe(1);
    if (kept[0] === true) left.push(name);
  }
  expect(left).toEqual(['open', 'young', 'held', 'tried']);
  expect(summaries, 'for as long as daily states').toEqual(['gone', 'undo']);
  stop.abort();
  await clock.advance(1000);
  await records.close();
});

test('revisions that a hub left which died between a run and them go within an hour or two', async () => {
  const clock = manualClock(Date.UTC(2030, 0, 1, 12));
  const records = await openSqliteRecords(':memory:');
  await records.putRevisions([{ id: 'loose', cluster: 'oslo', content: '{}' }]);
  const stop = new AbortController();
  void keepHistoryShort({ clock, kubernetes: objects(), records, log: recordingLog() }, { changeDays: 10, stateDays: 20, runDays: 10 })(stop.signal);
  await clock.advance(3_000_000);
  expect(await records.getRevision('loose')).toBeDefined();
  await clock.advance(3_600_000);
  expect(await records.getRevision('loose')).toBeUndefined();
  await records.putRevisions([{ id: 'later', cluster: 'oslo', content: '{}' }]);
  await clock.advance(24 * 3_600_000);
  expect(await records.getRevision('later')).toBeUndefined();
  stop.abort();
  await clock.advance(1000);
  await records.close();
});

test('what was written down for a run that nobody made goes after a day, the report of a drill some months after its object', async () => {
  const clock = manualClock(Date.UTC(2030, 0, 1, 12));
  const records = await openSqliteRecords(':memory:');
  for (const name of ['run-changes/never', 'run-changes/held', 'drill/gone', 'drill/held', 'revocations']) await records.putReport(name, '[]');
  const left = async (): Promise<string[]> => (await Promise.all(['run-changes/never', 'run-changes/held', 'drill/gone', 'drill/held', 'revocations'].map(async (name) => (await records.getReport(name) === undefined ? [] : [name])))).flat();
  const stop = new AbortController();
  void keepHistoryShort({ clock, kubernetes: objects([{ metadata: { name: 'held' }, spec: {} }]), records, log: recordingLog() }, { changeDays: 10, stateDays: 20, runDays: 10 })(stop.signal);
  await clock.advance(2 * 3_600_000);
  expect(await left()).toHaveLength(5);
  await clock.advance(DAY);
  expect(await left()).toEqual(['run-changes/held', 'drill/gone', 'drill/held', 'revocations']);
  await clock.advance(8 * DAY);
  expect(await left()).toContain('drill/gone');
  await clock.advance(3 * DAY);
  expect(await left()).toEqual(['run-changes/held', 'drill/held', 'revocations']);
  stop.abort();
  await clock.advance(1000);
  await records.close();
});
