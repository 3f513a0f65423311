import { describe, expect, it } from 'vitest';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import type { MeshPlan } from '../../../mesh/plan/plan.ts';
import { planned, preflightSkipped, rolledOut, type Rollout } from './conditions.ts';
import { findingsStatus, skippedReason } from './findings.ts';
import { peered } from './peered.ts';

const mesh: MeshPlan = { mesh: 'europe', members: [{ name: 'berlin', clusterId: 1, desiredId: 'new' }], waiting: [], reach: { kind: 'some', undecided: [], message: '1 of 2 clusters match' }, conflicts: [], selected: new Map([['berlin', 1]]), notes: { postponed: [], warnings: [], skipped: [], idleSkips: [] } };
const conflicting: MeshPlan = { ...mesh, conflicts: [{ reason: 'CidrOverlap', message: 'berlin and oslo overlap', clusters: ['berlin', 'oslo'] }] };
const nothing: Rollout = { changes: [], abandoned: [], held: [], blocked: [], inFlight: [], activeRun: undefined, failed: [], problem: undefined };
const change = { cluster: 'berlin', toId: 'new' };
const target: RunTarget = { cluster: 'berlin', stage: 0, fromId: null, toId: 'new', phase: 'Failed', assignedAt: 1, healthyAt: 2, finishedAt: 3, message: 'no Secret' };

describe('planned', () => {
  it('names the first conflict as its reason and all of them in its message', () => {
    expect(planned(conflicting, 3)).toEqual({ type: 'Planned', status: 'False', reason: 'CidrOverlap', message: 'berlin and oslo overlap', observedGeneration: 3 });
  });
  it('says who is waited for', () => {
    expect(planned({ ...mesh, waiting: ['oslo'] }, 3)).toMatchObject({ status: 'True', message: expect.stringContaining('waiting for oslo') });
    const undecided = { kind: 'some', undecided: [{ name: 'oslo', problem: 'cel: no such key: team' }], message: '1 of 2 clusters match; left out, for it cannot be said: oslo (cel: no such key: team)' } as const;
    expect(planned({ ...mesh, reach: undecided }, 3)).toMatchObject({ status: 'True', message: '1 cluster is in the mesh, and has no peer; 1 of 2 clusters match; left out, for it cannot be said: oslo (cel: no such key: team)' });
    expect(planned({ ...mesh, members: [], reach: { kind: 'nothing', undecided: [], message: 'none of 2 clusters matches' } }, 3).message).toBe('no cluster is in the mesh; none of 2 clusters matches');
  });
});

describe('a mesh of which one cell has conflicts', () => {
  const part: MeshPlan = { ...conflicting, cells: [{ ...mesh, mesh: 'europe/1' }, { ...conflicting, mesh: 'europe/2' }, { ...mesh, mesh: 'europe/3', selected: new Map(), members: [] }] };
  it('says which cell stays, and that the others are planned', () => {
    expect(planned(part, 3)).toMatchObject({ status: 'False', reason: 'CidrOverlap', message: 'europe/2 stays as it is, the other cells are planned: berlin and oslo overlap' });
    expect(planned({ ...part, cells: part.cells!.slice(1) }, 3).message).toBe('berlin and oslo overlap');
  });
  it('says of clusters that are in no cell that the cells are planned without them', () => {
    expect(planned({ ...part, cells: part.cells!.slice(0, 1) }, 3).message).toBe('the cells are planned without berlin and oslo overlap');
    expect(rolledOut({ ...part, cells: part.cells!.slice(0, 1) }, nothing, 3)).toMatchObject({ status: 'False', reason: 'NotPlanned', message: expect.stringMatching(/^clusters without a cell have conflicts .*every other cluster/) });
  });
  it('is rolled out as any, but for that cell', () => {
    expect(rolledOut(part, { ...nothing, changes: [change] }, 3)).toMatchObject({ status: 'False', reason: 'Pending' });
    expect(rolledOut(part, nothing, 3)).toMatchObject({ status: 'False', reason: 'NotPlanned', message: 'europe/2 has conflicts (see Planned) and stays as it is; every other cluster has been given its planned state' });
    expect(rolledOut({ ...part, cells: part.cells!.slice(1) }, { ...nothing, changes: [change] }, 3)).toMatchObject({ status: 'False', reason: 'NotPlanned', message: expect.stringContaining('every cluster keeps') });
  });
  it('is peered but for that cell', () => {
    const said = (name: string) => (name === 'berlin' ? { current: { id: 'new', appliedAt: '', by: '' }, peering: { reads: 4, waiting: 0 } } : undefined);
    expect(peered(part, said, 3).condition).toMatchObject({ status: 'False', reason: 'NotPlanned', message: expect.stringContaining('all 4 pairs of the other cells are connected') });
  });
});

describe('what people go without', () => {
  const overlap = { reason: 'CidrOverlap', message: 'berlin and oslo overlap', clusters: ['berlin', 'oslo'] } as const;
  const skipping: MeshPlan = { ...mesh, notes: { ...mesh.notes, skipped: [{ ...overlap, because: 'never routed' }], idleSkips: ['spec.skips[1] skips nothing'] } };
  it('is a condition with names and reasons, and says so once more when it is over', () => {
    expect(preflightSkipped(mesh, [], 1)).toBeUndefined();
    const told = preflightSkipped(skipping, [], 1)!;
    expect(told).toMatchObject({ status: 'True', reason: 'Skipped', message: 'CidrOverlap (berlin, oslo): never routed; spec.skips[1] skips nothing' });
    expect(preflightSkipped(mesh, [{ ...told, lastTransitionTime: '' }], 2)).toMatchObject({ status: 'False', reason: 'NothingSkipped' });
    expect(preflightSkipped({ ...skipping, notes: { ...skipping.notes, skipped: [] } }, [], 1)).toMatchObject({ status: 'False', message: 'spec.skips[1] skips nothing' });
  });
  it('stands in the status, and in why a run was made', () => {
    expect(findingsStatus(mesh)).toEqual({});
    expect(findingsStatus(skipping)).toEqual({ skipped: [{ check: 'CidrOverlap', clusters: ['berlin', 'oslo'], finding: 'berlin and oslo overlap', reason: 'never routed' }], warnings: [{ check: 'SkipsNothing', finding: 'spec.skips[1] skips nothing' }] });
    expect([skippedReason(mesh), skippedReason(undefined), skippedReason(skipping)]).toEqual(['', '', '; checks skipped: CidrOverlap (never routed)']);
  });
  it('a cluster whose id is not free yet waits, with the reason', () => {
    const held = { reason: 'ClusterIdHeld', message: 'cluster paris: cluster-id is 2, which is still that of oslo', clusters: ['paris'] } as const;
    expect(planned({ ...mesh, waiting: ['paris', 'rome'], notes: { ...mesh.notes, postponed: [held] } }, 1).message).toBe('1 cluster is in the mesh, and has no peer; waiting for rome to join and report; without cluster paris: cluster-id is 2, which is still that of oslo');
  });
});

describe('rolledOut', () => {
  it.each<[string, MeshPlan, Partial<Rollout>, string, string]>([
    ['nothing to do', mesh, {}, 'True', 'RolledOut'],
    ['conflicts', conflicting, {}, 'False', 'NotPlanned'],
    ['a run under way', mesh, { changes: [change], activeRun: 'europe-1' }, 'False', 'InProgress'],
    ['a run whose last cluster soaks', mesh, { inFlight: ['berlin'], activeRun: 'europe-1' }, 'False', 'InProgress'],
    ['a run of others', mesh, { activeRun: 'asia-1' }, 'True', 'RolledOut'],
    ['a change about to get its run', mesh, { changes: [change] }, 'False', 'Pending'],
    ['no strategy', mesh, { changes: [change], problem: { reason: 'StrategyMissing', message: 'make one' } }, 'False', 'StrategyMissing'],
    ['a cluster that a change of others holds', mesh, { blocked: [{ cluster: 'berlin', reason: 'Secret a/b was changed by kubectl-edit' }] }, 'False', 'Held'],
    ['a run that was deleted in the middle', mesh, { changes: [change], abandoned: [{ run: 'europe-1', cluster: 'oslo' }] }, 'False', 'RunDeleted'],
    ['a stopped run', mesh, { held: [{ ...change, run: 'europe-1', reason: 'Stopped' }] }, 'False', 'Stopped'],
    ['a cluster that failed on its planned state', mesh, { failed: [{ run: 'europe-1', cluster: 'berlin', message: target.message }] }, 'False', 'Failed'],
  ])('%s', (_, plan, rollout, status, reason) => {
    expect(rolledOut(plan, { ...nothing, ...rollout }, 1)).toMatchObject({ status, reason });
  });
});
