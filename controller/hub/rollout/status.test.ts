import { expect, it } from 'vitest';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type GateState, NEW_RUN_STATE, type StrategyValue } from '../../../mesh/model/rollout.ts';
import type { RunRecord } from '../../../mesh/ports/records.ts';
import { decide } from '../../../mesh/rollout/decide.ts';
import { freezeTargets } from '../../../mesh/rollout/targets.ts';
import { statusOf } from './status.ts';

const approvers = Array.from({ length: 30 }, (_, index) => `person-${index}@example.com`);
const strategy: StrategyValue = {
  name: 'large', progressDeadlineSeconds: 600,
  stages: Array.from({ length: 31 }, (_, index) => ({ name: `stage-${index}`, clusters: { labels: { wave: String(index) } }, maxConcurrency: '10%', soakSeconds: 60 })),
};
const gate: GateState = { phase: 'Passed', since: 1, finishedAt: 2, message: 'x'.repeat(3000), approvedBy: approvers };
const state = { ...NEW_RUN_STATE, gates: Object.fromEntries(strategy.stages.flatMap(({ name }) => ['before', 'after'].flatMap((side) => Array.from({ length: 8 }, (_, index) => [`${name}/${side}/gate-${index}`, gate] as const)))) };
const names = Array.from({ length: 10_000 }, (_, index) => `cluster-${String(index).padStart(5, '0')}`);
const object: UpdateRunObject = {
  apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', metadata: { name: 'large', uid: 'u', generation: 1 },
  spec: { strategy: strategy as UpdateRunObject['spec']['strategy'], planDigest: 'x', reason: 'y'.repeat(1024), requestedBy: 'ann', stop: false },
};
const record: RunRecord = {
  run: 'large', uid: 'u', createdAt: 5, author: 'ann', changes: 'Plan', strategy, strategyDigest: 'sha256-s', undoOf: null, message: 'created', warnings: Array.from({ length: 32 }, () => 'w'.repeat(200)),
  state, phase: 'Running', finishedAt: null, joinedLater: names.slice(0, 1000), revision: 1,
};

it('stays small at 10,000 clusters, whatever happened to them', () => {
  const views = names.map((name, index) => ({ name, labels: { wave: String(index % 31) }, properties: [], joined: true, assignedId: null, report: null }));
  const targets = freezeTargets(strategy, views, names.map((cluster) => ({ cluster, fromId: 'old', toId: 'new' })));
  const step = decide({ name: 'large', phase: 'Running', strategy, stopRequested: false, state, targets }, names.map((cluster) => ({ cluster, connected: true, appliedId: 'old', healthy: false, message: 'z'.repeat(500), held: 'frozen: '.repeat(50) })), 10);
  const status = statusOf(object, record, step, { warnings: record.warnings, strategyChanged: 'edited' }, 10);
  expect(JSON.stringify({ ...object, status }).length).toBeLessThan(100_000);
  expect(status.gates).toHaveLength(64);
  expect(status.counts).toMatchObject({ total: 10_000, joinedLater: 1000 });
});

it('is the same when it is written again after a crash', () => {
  const targets = freezeTargets(strategy, [], [{ cluster: 'berlin', fromId: 'old', toId: 'new' }]);
  const step = decide({ name: 'large', phase: 'Running', strategy, stopRequested: false, targets }, [{ cluster: 'berlin', connected: true, appliedId: 'old', healthy: true, message: '' }], 10);
  const beside = { warnings: [], strategyChanged: undefined };
  const once = statusOf(object, record, step, beside, 10);
  expect(statusOf({ ...object, status: once }, record, step, beside, 99)).toEqual(once);
  expect(once).toMatchObject({ startedAt: toRfc3339(5), conditions: expect.arrayContaining([expect.objectContaining({ type: 'Progressing', status: 'True', lastTransitionTime: toRfc3339(10) })]) });
});
