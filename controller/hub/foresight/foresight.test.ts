/** Looking ahead of runs: what was told beforehand is what then happens. */
import { describe, expect, it } from 'vitest';
import { ChangeWindow, Inquiry, Mesh, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { ChangesAnswer, RunAnswer, SimulateAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { StrategyValue } from '../../../mesh/model/strategy.ts';
import { USUAL_ASSUMPTIONS } from '../../../mesh/model/simulation.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { Bench } from '../testing/bench.ts';
import { deadlineWarnings, gateNotes } from './assumed.ts';
import { applyAll, threeClusters } from '../testing/three-clusters.ts';

let asked = 0;

async function ask<Answer>(bench: Bench, spec: object): Promise<Answer> {
  const name = `question-${asked += 1}`;
  await bench.create(Inquiry, name, spec);
  await bench.clock.advance(200);
  const status = (await bench.get<InquiryObject>(Inquiry, name))?.status;
  if (status?.answer === undefined) throw new Error(status?.error ?? 'no answer');
  return JSON.parse(status.answer) as Answer;
}

const PLANNED = { plan: true, strategyName: 'careful' };

describe('foresight', () => {
  it('tells of a run that nobody has made what the run that is then made does', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(10);
    const ahead = await ask<SimulateAnswer>(bench, { simulate: { run: 'europe-1', healthyAfterSeconds: 1 } });
    expect(ahead.about).toMatchObject({ run: 'europe-1', strategy: 'careful' });
    expect(ahead.simulation).toMatchObject({ end: 'Finished', phase: 'Completed', worstFailures: 1, peak: { inFlight: 1, changed: 3 } });
    expect(ahead.simulation?.stages.map(({ name, clusters }) => [name, clusters])).toEqual([['canary', 1], ['rest', 2]]);
    for (let second = 0; second < 10; second += 1) {
      await bench.clock.advance(1000);
      for (const agent of Object.values(agents)) agent.apply();
    }
    const { targets } = await ask<RunAnswer>(bench, { run: { name: 'europe-1' } });
    const order = (rows: readonly { readonly cluster: string; readonly assignedAt: number | null }[]): string[] => [...rows].sort((a, b) => a.assignedAt! - b.assignedAt!).map(({ cluster }) => cluster);
    expect(order(targets)).toEqual(order(ahead.clusters));
    expect(targets.map(({ phase }) => phase)).toEqual(ahead.clusters.map(({ phase }) => phase));
    await expect(ask(bench, { simulate: { run: 'europe-1' } })).rejects.toThrow('has ended (Completed)');
  });

  it('answers what if a cluster fails or is away, and what windows do', async () => {
    const { bench } = await threeClusters();
    await bench.create(ChangeWindow, 'soon', { clusters: { names: ['oslo'] }, kind: 'Allow', period: { from: toRfc3339(bench.clock.now() + 3_600_000), to: toRfc3339(bench.clock.now() + 7_200_000) } });
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(10);
    const failing = await ask<SimulateAnswer>(bench, { simulate: { run: 'europe-1', whatIf: { fail: ['berlin'] } } });
    expect(failing.simulation).toMatchObject({ phase: 'Failed', peak: { changed: 1 } });
    expect(failing.clusters.map(({ cluster, phase }) => `${cluster} ${phase}`)).toEqual(['berlin Failed', 'oslo Skipped', 'virginia Skipped']);
    const waiting = await ask<SimulateAnswer>(bench, { simulate: { run: 'europe-1' } });
    expect(waiting.simulation?.closings).toMatchObject([{ stage: 'rest', reason: 'outside ChangeWindow soon', clusters: 1 }]);
    expect(waiting.clusters.find(({ cluster }) => cluster === 'oslo')?.assignedAt).toBeGreaterThanOrEqual(bench.clock.now() + 3_500_000);
    const away = await ask<SimulateAnswer>(bench, { simulate: { run: 'europe-1', whatIf: { away: ['virginia'] } } });
    expect(away.clusters.find(({ cluster }) => cluster === 'virginia')).toMatchObject({ phase: 'Skipped', assignedAt: null });
    await expect(ask(bench, { simulate: { run: 'europe-1', whatIf: { fail: ['london'] } } })).rejects.toThrow('what if london failed: not in the run, which has berlin, oslo, virginia');
  });

  it('names every gate with what is assumed of it, and a deadline that the assumption misses', () => {
    const strategy: StrategyValue = {
      name: 'gated', progressDeadlineSeconds: 60, stages: [
        { name: 'canary', clusters: {}, maxConcurrency: 1, soakSeconds: 5, after: [{ name: 'leads', approval: { count: 2, groups: ['network'] } }, { name: 'monday', waitUntil: { at: '2030-01-07T08:00:00Z' } }] },
        { name: 'rest', clusters: {}, maxConcurrency: 1, soakSeconds: 5, progressDeadlineSeconds: 600, before: [{ name: 'anyone', approval: { count: 1, groups: [] } }, { name: 'smoke', job: { namespace: 'ops', template: 'smoke', deadlineSeconds: 9 } }] },
      ],
    };
    expect(gateNotes(strategy, { ...USUAL_ASSUMPTIONS, secondsToApproval: 90 })).toEqual([
      'gate canary/after/leads: approval by 2 of groups network; assumed to come 90 s after it is asked for', 'gate canary/after/monday: waits until 2030-01-07T08:00:00Z',
      'gate rest/before/anyone: approval by 1 of anybody with the right to; assumed to come 90 s after it is asked for', 'gate rest/before/smoke: Job ops/smoke; assumed to pass',
    ]);
    expect(deadlineWarnings(strategy, { ...USUAL_ASSUMPTIONS, secondsToHealthy: 60 })).toEqual([]);
    expect(deadlineWarnings(strategy, { ...USUAL_ASSUMPTIONS, secondsToHealthy: 61 })).toEqual(['clusters are assumed to be healthy after 61 s, which is later than progressDeadlineSeconds allows (60; stage canary): they fail by this assumption alone']);
  });

  it('warns in the answer itself', async () => {
    const { bench } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(10);
    const late = await ask<SimulateAnswer>(bench, { simulate: { run: 'europe-1', healthyAfterSeconds: 86_400 } });
    expect([late.simulation?.phase, late.about?.warnings.at(-1)]).toEqual(['Failed', expect.stringContaining('they fail by this assumption alone')]);
  });

  it('goes page by page', async () => {
    const { bench } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(10);
    const first = await ask<SimulateAnswer>(bench, { simulate: { run: 'europe-1', limit: 2 } });
    expect(first.clusters.map(({ cluster }) => cluster)).toEqual(['berlin', 'oslo']);
    const second = await ask<SimulateAnswer>(bench, { simulate: { continue: first.continue } });
    expect(second).toMatchObject({ clusters: [{ cluster: 'virginia' }] });
    expect(second.about).toBeUndefined();
  });

  it('tells what a run changes, group by group, and of one cluster', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(10);
    const { groups, about } = await ask<ChangesAnswer>(bench, { changes: { run: 'europe-1' } });
    expect(about?.run).toBe('europe-1');
    expect(groups.map(({ stages, count }) => [stages, count])).toEqual([[['canary'], 1], [['rest'], 1], [['rest'], 1]]);
    expect(groups[0]?.changes.map(({ path }) => path)).toEqual(expect.arrayContaining(['.mesh', '.peering.clusterId', '.peering.peers[oslo].clusterId']));
    const one = await ask<ChangesAnswer>(bench, { changes: { run: 'europe-1', cluster: 'oslo' } });
    expect(one.groups).toMatchObject([{ clusters: ['oslo'], fromId: null }]);
    await expect(ask(bench, { changes: { run: 'europe-1', cluster: 'osl' } })).rejects.toThrow('did you mean oslo?');
    await applyAll(bench, Object.values(agents));
    expect((await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))?.status?.phase).toBe('Completed');
    const after = await ask<ChangesAnswer>(bench, { changes: { run: 'europe-1' } });
    expect(after.groups).toEqual(groups);
    const back = await ask<ChangesAnswer>(bench, { changes: { undoOf: 'europe-1' } });
    expect(back.groups.map(({ changes }) => changes.find(({ path }) => path === '.mesh'))).toEqual(groups.map(() => ({ path: '.mesh', before: '"europe"', after: 'null' })));
  });

  it('says why a run cannot be looked at', async () => {
    const { bench } = await threeClusters();
    await expect(ask(bench, { simulate: { plan: true, strategyName: 'hasty' } })).rejects.toThrow('UpdateStrategy hasty, which does not exist');
    await expect(ask(bench, { simulate: { run: 'none' } })).rejects.toThrow('there is no such run');
    await expect(ask(bench, { simulate: { ...PLANNED, run: 'one' } })).rejects.toThrow('give one of');
    await expect(ask(bench, { changes: {} })).rejects.toThrow('say of which run');
    await expect(ask(bench, { simulate: { plan: true } })).rejects.toThrow('need strategyName');
    expect(await ask<SimulateAnswer>(bench, { simulate: PLANNED })).toMatchObject({ clusters: [], simulation: { phase: 'Completed' } });
  });
});
