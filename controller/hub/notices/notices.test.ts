/** What people and machines are told of runs: CloudEvents, Kubernetes Events, metrics. */
import { describe, expect, it, test } from 'vitest';
import { RunEvent, type RunEventObject } from '../../../mesh/api/resources/core.ts';
import { Mesh, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { type AskAnswer, AskFailed, type AskRequest } from '../../../mesh/ports/ask.ts';
import type { NumberedEntry } from '../../../mesh/ports/records.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { openSqliteRecords } from '../../adapters/records/sqlite.ts';
import type { Bench } from '../testing/bench.ts';
import { applyAll, threeClusters } from '../testing/three-clusters.ts';
import { isWanted, noticeOf, typeOf } from './cloud-events.ts';
import { createFollower } from './follower.ts';

const never = new AbortController().signal;
const SINK = 'https://sink.test/notify';
const ok: AskAnswer = { status: 204, body: '', retryAfterSeconds: undefined };
const GATED = {
  stages: [
    { name: 'canary', clusters: { names: ['berlin'] }, maxConcurrency: 1, soakSeconds: 0 },
    { name: 'rest', clusters: {}, maxConcurrency: 2, soakSeconds: 0, before: [{ name: 'hook', webhook: { url: 'https://gate.test/' } }] },
  ],
  progressDeadlineSeconds: 30, onFailure: 'Stop',
};

interface Sent { readonly id: string; readonly type: string; readonly subject: string; readonly data: { readonly message: string; readonly cluster?: string } }
const typesOf = (sent: readonly Sent[]): string[] => sent.map(({ type }) => type.replace('dev.isthmus.run.', ''));

/** The gate passes; the sink answers as `sink` says. */
async function world(sink: (count: number) => AskAnswer, notifications: Bench['notifications'] = [{ url: SINK }]) {
  const { bench, agents } = await threeClusters();
  const sent: Sent[] = [];
  bench.ask = async ({ url, body }: AskRequest) => {
    if (url.startsWith('https://gate.test')) return { status: 200, body: '{"decision": "pass"}', retryAfterSeconds: undefined };
    sent.push(JSON.parse(body!) as Sent);
    return sink(sent.length);
  };
  await bench.stopHub();
  bench.notifications = notifications;
  await bench.startHub();
  for (const agent of Object.values(agents)) agent.connect(bench);
  await bench.create(UpdateStrategy, 'gated', GATED);
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'gated' });
  const events = async (): Promise<string[]> => (await bench.kubernetes.list<RunEventObject>(RunEvent, { namespace: 'default' }, never)).items
    .filter(({ regarding }) => regarding.kind === 'UpdateRun').sort((a, b) => (a.eventTime < b.eventTime ? -1 : 1)).map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
  return { bench, agents, sent, events };
}

const COMPLETED = ['created', 'stage-started', 'stage-finished', 'gate-reached', 'gate-passed', 'stage-started', 'stage-finished', 'completed'];

it('a sink is told of each transition once, with ids that stay', async () => {
  const { bench, agents, sent, events } = await world(() => ok);
  await applyAll(bench, Object.values(agents), 30);
  expect((await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))?.status?.phase).toBe('Completed');
  expect(typesOf(sent)).toEqual(COMPLETED);
  expect(new Set(sent.map(({ id }) => id)).size).toBe(sent.length);
  expect(sent[0]).toMatchObject({ specversion: '1.0', source: '/isthmus/test', subject: 'europe-1', datacontenttype: 'application/json', data: { run: 'europe-1', event: 'Created', reason: expect.any(String) as string, author: expect.any(String) as string } });
  expect(bench.metrics.value('isthmus_hub_notifications_total', { sink: '0', result: 'delivered' })).toBe(sent.length);
  expect((await events()).sort()).toEqual([
    'Normal Completed: all 3 clusters are done', 'Normal Created: 3 clusters', 'Normal GatePassed: gate rest/before/hook: gate.test: the webhook says pass', 'Normal GateReached: gate rest/before/hook',
    'Normal StageFinished: stage canary', 'Normal StageFinished: stage rest', 'Normal StageStarted: stage canary', 'Normal StageStarted: stage rest',
  ].map((text) => expect.stringContaining(text.split(': ')[0]!) as string));
  expect(bench.metrics.value('isthmus_hub_run_stage_duration_seconds')).toBe(2);
});

it('a hub that restarts tells what it had not told, and nothing from before its sinks were named', async () => {
  let away = true;
  const { bench, agents, sent } = await world(() => {
    if (away) throw new AskFailed('retry', 'ECONNREFUSED');
    return ok;
  });
  await applyAll(bench, Object.values(agents), 20);
  const before = sent.length;
  expect(new Set(typesOf(sent))).toEqual(new Set(['created']));
  // The run has gone on all the while.
  expect((await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))?.status?.phase).toBe('Completed');
  await bench.stopHub();
  away = false;
  await bench.startHub();
  await bench.clock.advance(5000);
  expect(typesOf(sent.slice(before))).toEqual(COMPLETED);
  expect(sent[before]!.id).toBe(sent[0]!.id);
  bench.notifications = [{ url: SINK }, { url: 'https://new.test/' }];
  await bench.stopHub();
  await bench.startHub();
  await bench.clock.advance(120_000);
  expect(sent).toHaveLength(before + COMPLETED.length);
});

it('what a sink refuses is not sent again, and what it does not take in a day is given up', async () => {
  const { bench, agents, sent } = await world((count) => (count === 1 ? { ...ok, status: 400 } : { ...ok, status: 503, retryAfterSeconds: 60 }));
  await applyAll(bench, Object.values(agents), 30);
  expect(bench.metrics.value('isthmus_hub_notifications_total', { sink: '0', result: 'refused' })).toBe(1);
  const tries = sent.length;
  expect(tries).toBe(2);
  await bench.clock.advance(600_000);
  // A minute at least between them, as asked for, and never more than five and a half.
  expect(sent.length - tries).toBeGreaterThanOrEqual(2);
  expect(sent.length - tries).toBeLessThanOrEqual(10);
  await bench.clock.advance(25 * 3600_000);
  expect(bench.metrics.value('isthmus_hub_notifications_total', { sink: '0', result: 'given-up' })).toBe(COMPLETED.length - 1);
});

it('clusters that fail are told together, and open runs are measured', async () => {
  const { bench, agents, sent, events } = await world(() => ok, [{ url: SINK, types: ['dev.isthmus.run.cluster-*', 'dev.isthmus.run.completed-with-failures'] }]);
  for (let second = 0; second < 4; second++) { agents.berlin.apply(); await bench.clock.advance(1000); }
  expect(bench.metrics.value('isthmus_hub_runs_open')).toBe(1);
  expect(bench.metrics.value('isthmus_hub_run_phase', { run: 'europe-1', phase: 'Running' })).toBe(1);
  expect(bench.metrics.value('isthmus_hub_run_clusters', { run: 'europe-1', state: 'in-flight' })).toBe(2);
  expect(bench.metrics.value('isthmus_hub_run_budget', { run: 'europe-1', budget: 'concurrency', side: 'used' })).toBe(2);
  expect(bench.metrics.value('isthmus_hub_run_budget', { run: 'europe-1', budget: 'concurrency', side: 'limit' })).toBe(2);
  await bench.clock.advance(60_000);
  expect((await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))?.status?.phase).toBe('CompletedWithFailures');
  expect((await events()).filter((text) => text.includes('ClusterFailed'))).toEqual([expect.stringMatching(/^Warning ClusterFailed: 2 clusters: oslo, virginia$/)]);
  expect(typesOf(sent).filter((type) => type === 'cluster-failed' || !type.startsWith('cluster-'))).toEqual(['cluster-failed', 'cluster-failed', 'completed-with-failures']);
  expect(bench.metrics.value('isthmus_hub_runs_open')).toBe(0);
  expect(Object.keys(bench.metrics.all()).filter((name) => name.startsWith('isthmus_hub_run_phase'))).toEqual([]);
  const finishedAt = (await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))?.status?.finishedAt ?? '';
  expect(bench.metrics.value('isthmus_hub_run_ended_timestamp_seconds', { run: 'europe-1', phase: 'CompletedWithFailures' })).toBe(Date.parse(finishedAt) / 1000);
});

describe('types', () => {
  const entry = (event: string, cluster = ''): NumberedEntry => ({ run: 'one', at: 0, cluster, event: event as NumberedEntry['event'], message: 'why', sequence: 7 });
  test.each([
    [entry('StageFinished'), 'stage-finished', true], [entry('CompletedWithFailures'), 'completed-with-failures', true], [entry('Failed'), 'failed', true], [entry('RolledBack'), 'rolled-back', true],
    [entry('Failed', 'oslo'), 'cluster-failed', true], [entry('RollbackFailed', 'oslo'), 'cluster-rollback-failed', true], [entry('Done', 'oslo'), 'cluster-done', false], [entry('ClusterJoinedLater', 'oslo'), 'cluster-joined-later', false],
  ])('%o', (one, type, usual) => {
    expect(typeOf(one)).toBe(`dev.isthmus.run.${type}`);
    expect(isWanted(one, undefined)).toBe(usual);
    expect(isWanted(one, [`dev.isthmus.run.${type}`])).toBe(true);
    expect(isWanted(one, ['dev.isthmus.run.cluster-*'])).toBe(one.cluster !== '');
  });
  test('as a whole', () => expect(noticeOf('/isthmus/test', entry('Failed', 'oslo'), { reason: 'new CA' })).toEqual({
    specversion: '1.0', id: 'one/7', source: '/isthmus/test', type: 'dev.isthmus.run.cluster-failed', subject: 'one', time: '1970-01-01T00:00:00.000Z', datacontenttype: 'application/json',
    data: { run: 'one', event: 'Failed', cluster: 'oslo', message: 'why', reason: 'new CA' },
  }));
});

it('a follower that dies between taking and keeping takes the same again, in order, and passes over nothing', async () => {
  const records = await openSqliteRecords(':memory:');
  const clock = manualClock();
  const ports = { clock, random: seededRandom(1), log: recordingLog(), metrics: fakeMetrics(), records };
  const taken: number[] = [];
  let dies = true;
  const start = async (): Promise<AbortController> => {
    const stop = new AbortController();
    const follower = createFollower({
      ports, name: 'test', gatherMilliseconds: 0,
      async take(entries, done) {
        for (const { sequence } of entries) {
          taken.push(sequence);
          if (sequence === 3 && dies) { stop.abort(); return; }
          await done(sequence);
        }
      },
    });
    await follower.load();
    void follower.start(stop.signal);
    await clock.advance(1);
    return stop;
  };
  (await start()).abort();
  const journal = Array.from({ length: 5 }, (_, index) => ({ run: 'one', at: index, cluster: '', event: 'Resumed' as const, message: '' }));
  await records.createRun('one', { uid: '', createdAt: 0, author: '', changes: 'Plan', strategy: null, strategyDigest: '', undoOf: null, message: '', warnings: [], state: { gates: {}, paused: null, rollback: null, stopped: null, acceptedFailures: [], stageStartedAt: {} }, phase: 'Running', finishedAt: null, joinedLater: [], targets: [], journal });
  await start();
  expect(taken).toEqual([1, 2, 3]);
  dies = false;
  (await start()).abort();
  expect(taken).toEqual([1, 2, 3, 3, 4, 5]);
  await records.close();
});
