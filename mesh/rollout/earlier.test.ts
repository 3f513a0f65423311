import { expect, test } from 'vitest';
import type { RunTarget } from '../model/rollout.ts';
import { retryTargets, undoTargets } from './earlier.ts';
import { strategyOf, stage } from './testing/rig.ts';
import { freezeTargets } from './targets.ts';

const row = (cluster: string, more: Partial<RunTarget>): RunTarget => ({ cluster, stage: 0, fromId: 'old', toId: 'new', phase: 'Done', assignedAt: 1, healthyAt: 2, finishedAt: 3, message: '', ...more });

test('undo takes back what was touched and is not back, and only that', () => {
  const rows = [
    row('oslo', {}), row('berlin', { phase: 'Failed' }), row('paris', { phase: 'Skipped', assignedAt: null }), row('rome', { phase: 'RolledBack', rolledBackAt: 5, backId: 'old' }),
    row('bonn', { fromId: null }), row('cork', { fromId: null, backId: 'bare' }),
  ];
  expect(undoTargets(rows, {})).toEqual([{ cluster: 'berlin', fromId: 'new', toId: 'old' }, { cluster: 'cork', fromId: 'new', toId: 'bare' }, { cluster: 'oslo', fromId: 'new', toId: 'old' }]);
  expect(undoTargets([row('bonn', { fromId: null })], { bonn: 'bare' })).toEqual([{ cluster: 'bonn', fromId: 'new', toId: 'bare' }]);
});

test('retry takes those that failed, were left out or went back, to the very same, and those that have it already are given it once more', () => {
  const rows = [
    row('oslo', {}), row('berlin', { phase: 'Failed', backId: 'old' }), row('paris', { phase: 'Skipped', assignedAt: null }),
    row('rome', { phase: 'RolledBack', rolledBackAt: 5, backId: 'old' }), row('cork', { phase: 'RollbackFailed', rolledBackAt: 5, backId: 'old' }),
  ];
  const changes = retryTargets(rows);
  expect(changes).toEqual([
    { cluster: 'berlin', fromId: 'new', toId: 'new', backId: 'old', failingBefore: true, again: true },
    { cluster: 'cork', fromId: 'old', toId: 'new', backId: 'old', failingBefore: true },
    { cluster: 'paris', fromId: 'old', toId: 'new' },
    { cluster: 'rome', fromId: 'old', toId: 'new', backId: 'old' },
  ]);
  const frozen = freezeTargets(strategyOf([stage('all', ['*'])]), [], changes);
  expect(frozen.map(({ cluster, backId }) => [cluster, backId])).toEqual([['berlin', 'old'], ['cork', 'old'], ['paris', 'old'], ['rome', 'old']]);
});
