import { describe, expect, it } from 'vitest';
import type { RunPhase, RunTarget } from '../../../mesh/model/rollout.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import { changesOf, heldChange, type LastRun, runName } from './next-run.ts';

const target: RunTarget = { cluster: 'berlin', stage: 0, fromId: null, toId: 'new', phase: 'Done', assignedAt: 1, healthyAt: 2, finishedAt: 3, message: '' };
const last = (phase: RunPhase, more: Partial<LastRun> = {}): LastRun => ({ name: 'europe-1', phase, undoOf: null, wantedId: 'new', target, ...more });
const change = { cluster: 'berlin', toId: 'new' };
const content = (mesh: string | null, failover: unknown[] = []): string => JSON.stringify({ mesh, failover, globalServices: [] });
const plan = (...desired: Plan['desired']): Plan => ({ desired, meshes: [], planDigest: '', baseline: [], plannedIds: new Map() });

describe('changesOf', () => {
  it('asks for what is planned and not assigned', () => {
    const given = plan({ cluster: 'berlin', id: 'new', content: content('europe') }, { cluster: 'oslo', id: 'same', content: content('europe') });
    expect(changesOf(given, (cluster) => (cluster === 'oslo' ? 'same' : null))).toEqual([change]);
  });

  it('needs no run for a cluster that has just joined and is to have nothing', () => {
    expect(changesOf(plan({ cluster: 'berlin', id: 'new', content: content(null) }), () => null)).toEqual([]);
    expect(changesOf(plan({ cluster: 'berlin', id: 'new', content: content(null, [{}]) }), () => null)).toEqual([change]);
    expect(changesOf(plan({ cluster: 'berlin', id: 'new', content: content(null) }), () => 'meshed')).toEqual([change]);
  });
});

describe('heldChange', () => {
  it.each([
    ['Stopped', undefined, 'Stopped'], ['CompletedWithFailures', undefined, 'Failed'], ['Completed', undefined, undefined], ['Completed', { undoOf: 'europe-0' }, 'Undone'],
    ['Stopped', { wantedId: 'other' }, undefined], ['Completed', { undoOf: 'europe-0', wantedId: 'other' }, undefined],
  ] as const)('after %s %o: %s', (phase, more, reason) => {
    expect(heldChange(change, last(phase, more ?? {}))?.reason).toBe(reason);
  });

  it('does not hold what no run has touched', () => {
    expect(heldChange(change, undefined)).toBeUndefined();
  });
});

describe('runName', () => {
  it('counts on from the highest number of that mesh', () => {
    expect(runName('europe', [])).toBe('europe-1');
    expect(runName('europe', ['europe-9', 'europe-10', 'europe-x', 'europe-2-undo-abcde', 'asia-40'])).toBe('europe-11');
    expect(runName(null, ['policies-1'])).toBe('policies-2');
    expect(runName('m'.repeat(253), []).length).toBeLessThanOrEqual(63);
  });
});
