import { describe, expect, it } from 'vitest';
import type { RunPhase, RunTarget } from '../../../mesh/model/rollout.ts';
import { revisionOf } from '../../../mesh/model/revision.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import { UNSELECTED } from '../../../mesh/rollout/skipped.ts';
import { digest } from '../testing/bench.ts';
import { createPlannedIds, heldChanges } from './last-runs.ts';
import { changesOf, heldChange, type LastRun, runName } from './next-run.ts';

const target: RunTarget = { cluster: 'berlin', stage: 0, fromId: null, toId: 'new', phase: 'Done', assignedAt: 1, healthyAt: 2, finishedAt: 3, message: '' };
const last = (phase: RunPhase, more: Partial<LastRun> = {}): LastRun => ({ name: 'europe-1', phase, undoOf: null, wantedId: 'new', target, ...more });
const change = { cluster: 'berlin', toId: 'new' };
const content = (mesh: string | null, failover: unknown[] = [], trust: object = { sequence: 1 }): string => JSON.stringify({ mesh, failover, globalServices: [], trust });
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

describe('changesOf a cluster in no mesh', () => {
  const outside = (trust: object, assignedId: string | null = null) => changesOf(plan({ cluster: 'berlin', id: 'new', content: content(null, [], trust) }), () => assignedId);

  it('tells it whom to believe, and what to renew, from the second bundle on', () => {
    expect(outside({ sequence: 2 })).toEqual([change]);
    expect(outside({ sequence: 1, renewClientsOf: ['Isthmus issuing CA OLD'] })).toEqual([change]);
    expect(outside({ sequence: 1, renewServersOf: ['Isthmus issuing CA OLD'] })).toEqual([change]);
  });

  it('tells it once', () => {
    expect(outside({ sequence: 2 }, 'new')).toEqual([]);
  });
});

describe('heldChange', () => {
  it.each([
    ['Stopped', undefined, 'Stopped'], ['Failed', undefined, 'Failed'], ['RolledBack', undefined, 'RolledBack'], ['Completed', undefined, undefined], ['Completed', { undoOf: 'europe-0' }, 'Undone'],
    ['CompletedWithFailures', { target: { ...target, phase: 'Failed' } }, 'Failed'], ['CompletedWithFailures', { target: { ...target, phase: 'RolledBack' } }, 'RolledBack'],
    ['CompletedWithFailures', { target: { ...target, phase: 'Skipped', message: 'held back before its turn: frozen' } }, undefined],
    ['Completed', { target: { ...target, phase: 'Skipped', message: UNSELECTED } }, 'Unselected'],
  ] as const)('after %s %o: %s', (phase, more, reason) => {
    expect(heldChange(change, last(phase, more ?? {}))?.reason).toBe(reason);
  });
});

describe('heldChanges', () => {
  const reference = { package: 'values', version: '1.0.0', digest: 'sha256-b' };
  const state = { schema: 1, cluster: 'berlin', mesh: 'europe', peering: null, trust: { trustDomain: 'test', sequence: 1, bundlePem: '' }, failover: [], globalServices: [] } as const;
  const [bare, bundled] = [revisionOf(state, digest), revisionOf({ ...state, bundles: [reference] }, digest)];
  const plannedIds = createPlannedIds({ getRevision: (id) => Promise.resolve([bare, bundled].find((revision) => revision.id === id)) }, digest);
  const ask = (toId: string, plannedId: string, run: LastRun | undefined) =>
    heldChanges({ ...plan(), plannedIds: new Map([['berlin', plannedId]]) }, [{ cluster: 'berlin', toId }], new Map(run === undefined ? [] : [['berlin', run]]), plannedIds);

  it('knows a change again though a bundle came or went since', async () => {
    expect(await ask(bundled.id, bare.id, last('Stopped', { wantedId: bare.id }))).toMatchObject([{ reason: 'Stopped' }]);
    expect(await ask(bare.id, bare.id, last('Completed', { wantedId: bundled.id, undoOf: 'europe-0' }))).toMatchObject([{ reason: 'Undone' }]);
  });

  it('does not hold what no run has touched, nor what was not wanted', async () => {
    expect(await ask(bare.id, bare.id, undefined)).toEqual([]);
    expect(await ask('other', 'other', last('Stopped', { wantedId: bundled.id }))).toEqual([]);
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
