import { describe, expect, test } from 'vitest';
import type { DnsSample, DrillState, DrillValue } from '../model/drill.ts';
import { decideDrill, PENDING_DRILL, type DrillDecision, type DrillFacts } from './decide.ts';
import { renderReport } from './report.ts';

const drill: DrillValue = { name: 'drill-1', service: { namespace: 'shop', name: 'checkout' }, evacuate: 'berlin', holdSeconds: 10, objectiveSeconds: 20, cancelRequested: false };
const at = (second: number): number => 1_700_000_000_000 + second * 1000;
const sample = (cluster: string, second: number, servedBy: string[], over: Partial<DnsSample> = {}): DnsSample =>
  ({ cluster, at: at(second), servedBy, rcode: 'NOERROR', healthy: ['berlin', 'oslo'], ...over });
const facts = (samples: DnsSample[], over: Partial<DrillFacts> = {}): DrillFacts => ({ samples, clusters: ['berlin', 'oslo'], realFailure: null, ...over });
const steady = (second: number): DnsSample[] => [sample('berlin', second, ['berlin']), sample('oslo', second, ['berlin'])];
const moved = (second: number): DnsSample[] => [sample('berlin', second, ['oslo']), sample('oslo', second + 1, ['oslo'])];

function evacuated(value: DrillValue = drill): DrillDecision {
  const checking = decideDrill(value, PENDING_DRILL, facts([]), at(0));
  return decideDrill(value, checking.state, facts(steady(1)), at(2));
}

describe('decideDrill', () => {
  test('checks, evacuates, measures, restores, checks again', () => {
    let step = decideDrill(drill, PENDING_DRILL, facts([]), at(0));
    expect(step).toMatchObject({ state: { phase: 'CheckingBefore', startedAt: at(0) }, evacuation: { active: false } });
    step = decideDrill(drill, step.state, facts([]), at(1));
    expect(step.state).toMatchObject({ phase: 'CheckingBefore', message: expect.stringContaining('no answer yet') });
    step = decideDrill(drill, step.state, facts(steady(1)), at(2));
    expect(step).toMatchObject({ state: { phase: 'Evacuating', evacuatedAt: at(2) }, evacuation: { active: true, cluster: 'berlin', until: at(2 + 20 + 5) }, wakeAt: at(12) });
    step = decideDrill(drill, step.state, facts(moved(3)), at(5));
    expect(step.state.clusters.map((result) => result.recoverySeconds)).toEqual([1, 2]);
    step = decideDrill(drill, step.state, facts(moved(3)), at(12));
    expect(step).toMatchObject({ state: { phase: 'Restoring', restoredAt: at(12), outcome: 'Succeeded' }, evacuation: { active: false } });
    step = decideDrill(drill, step.state, facts([steady(13)[0]!, moved(3)[1]!]), at(13));
    expect(step.state.phase).toBe('Restoring');
    step = decideDrill(drill, step.state, facts(steady(13)), at(14));
    expect(step).toMatchObject({ state: { phase: 'Succeeded', finishedAt: at(14) }, evacuation: null, wakeAt: null });
    expect(step.state.clusters[1]).toMatchObject({ cluster: 'oslo', recoverySeconds: 2, restoredAt: at(13), answersBefore: ['berlin'], answersDuring: ['oslo'], answersAfter: ['berlin'] });
    expect(decideDrill(drill, step.state, facts([]), at(99)).state).toBe(step.state);
  });

  test.each([
    ['a cluster has no answer', facts([sample('berlin', 1, ['berlin']), sample('oslo', 1, [], { rcode: 'SERVFAIL' })]), 'SERVFAIL'],
    ['nobody else is healthy', facts(steady(1).map((entry) => ({ ...entry, healthy: ['berlin'] }))), 'would be an outage'],
    ['the cluster serves nobody', facts(moved(1)), 'would prove nothing'],
    ['no agent is connected', facts([], { clusters: [] }), 'no cluster is connected'],
  ])('refuses without touching anything: %s', (_, world, reason) => {
    const checking = decideDrill(drill, PENDING_DRILL, facts([]), at(0));
    const waiting = decideDrill(drill, checking.state, world, at(5));
    expect(waiting).toMatchObject({ state: { phase: 'CheckingBefore' }, evacuation: { active: false }, wakeAt: at(30) });
    const refused = decideDrill(drill, waiting.state, world, at(30));
    expect(refused).toMatchObject({ state: { phase: 'Failed', evacuatedAt: null }, evacuation: null });
    expect(refused.state.message).toContain(reason);
  });

  test('a missed objective fails the drill, but only after everything is restored', () => {
    const half = facts([moved(3)[0]!, steady(1)[1]!]);
    const held = decideDrill(drill, evacuated().state, half, at(12));
    expect(held).toMatchObject({ state: { phase: 'Evacuating' }, wakeAt: at(22) });
    const missed = decideDrill(drill, held.state, half, at(22));
    expect(missed).toMatchObject({ state: { phase: 'Restoring', outcome: 'Failed', message: expect.stringContaining('oslo still answers with berlin') }, evacuation: { active: false } });
    expect(decideDrill(drill, missed.state, facts(steady(23)), at(24)).state.phase).toBe('Failed');
  });

  test.each([
    ['a person', { ...drill, cancelRequested: true }, facts(moved(3)), 'on request'],
    ['a real failure', drill, facts(moved(3), { realFailure: 'oslo has no ready endpoint' }), 'oslo has no ready endpoint'],
  ])('%s cancels it: restored first', (_, value, world, reason) => {
    const step = decideDrill(value, evacuated().state, world, at(5));
    expect(step).toMatchObject({ state: { phase: 'Restoring', outcome: 'Cancelled', message: expect.stringContaining(reason) }, evacuation: { active: false } });
    expect(decideDrill(value, step.state, facts(steady(6)), at(6)).state.phase).toBe('Cancelled');
  });

  test('answers that do not come back fail a good drill after a bounded wait', () => {
    let state: DrillState = decideDrill(drill, evacuated().state, facts(moved(3)), at(12)).state;
    state = decideDrill(drill, state, facts(moved(3)), at(42)).state;
    expect(state.phase).toBe('CheckingAfter');
    expect(decideDrill(drill, state, facts(moved(3)), at(72)).state).toMatchObject({ phase: 'Failed', message: expect.stringContaining('berlin, oslo did not answer as before') });
  });

  test('an agent\'s wrong clock gives no time outside the drill; a service that oslo never took from berlin is not affected', () => {
    const checking = decideDrill(drill, PENDING_DRILL, facts([]), at(0));
    const step = decideDrill(drill, checking.state, facts([sample('berlin', 1, ['berlin']), sample('oslo', 1, ['oslo'])]), at(2));
    const seen = decideDrill(drill, step.state, facts([sample('berlin', -500, ['oslo']), sample('oslo', 1, ['oslo'])]), at(4));
    expect(seen.state.clusters.map((result) => result.recoverySeconds)).toEqual([0, null]);
    expect(renderReport(drill, seen.state)).toMatch(/\| oslo \|.*not affected/);
  });
});

test('the report shows result, times and every cluster, and survives odd text', () => {
  const state = { ...decideDrill(drill, evacuated().state, facts(moved(3)), at(12)).state, message: 'a | b\nc' };
  const report = renderReport(drill, state);
  expect(report).toContain('# Failover drill drill-1');
  expect(report).toContain('a \\| b c');
  expect(report).toContain('| berlin | berlin | oslo | – | 1 s | – |');
  expect(report).toContain('| Slowest recovery | 2 s |');
  expect(renderReport(drill, PENDING_DRILL)).toContain('No cluster was measured');
});
