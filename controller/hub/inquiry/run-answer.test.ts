import { expect, it } from 'vitest';
import type { RunTarget, StrategyValue } from '../../../mesh/model/rollout.ts';
import { runAnswer } from './run-answer.ts';

const strategy: StrategyValue = { name: 's', progressDeadlineSeconds: 60, stages: [{ name: 'canary', clusters: {}, maxConcurrency: 1, soakSeconds: 0 }] };
const id = `sha256-${'a'.repeat(64)}`;
const row = (index: number, phase: RunTarget['phase']): RunTarget =>
  ({ cluster: `cluster-${String(index).padStart(5, '0')}`, stage: 0, fromId: id, toId: id, backId: id, phase, assignedAt: 1, healthyAt: 2, finishedAt: 3, message: 'healthy' });

it('tells all rows of a small run, and of a run of 10,000 those that people look for, within what an answer may hold', () => {
  const few = [row(1, 'Done'), row(2, 'Failed')];
  expect(runAnswer(undefined, strategy, few, [])).toEqual({ targets: few, targetsOmitted: 0, journal: [], stages: ['canary', 'remaining'], tally: [{ Done: 1, Failed: 1 }, {}], frozen: null });
  const many = Array.from({ length: 10_000 }, (_, index) => row(index, index % 2500 === 0 ? 'Failed' : index % 100 === 0 ? 'Assigned' : 'Done'));
  const journal = Array.from({ length: 5000 }, (_, index) => ({ run: 'large', at: index, cluster: `cluster-${index}`, event: 'Done' as const, message: 'healthy' }));
  const answer = runAnswer(undefined, strategy, many, journal);
  expect(JSON.stringify(answer).length).toBeLessThan(1_000_000);
  expect(answer.tally).toEqual([{ Failed: 4, Assigned: 96, Done: 9900 }, {}]);
  expect(answer.targets.filter(({ phase }) => phase !== 'Done')).toEqual(many.filter(({ phase }) => phase !== 'Done'));
  expect(answer.targets.length + answer.targetsOmitted).toBe(10_000);
  expect(answer.targets.map(({ cluster }) => cluster)).toEqual(answer.targets.map(({ cluster }) => cluster).toSorted());
});
