import { describe, expect, it } from 'vitest';
import { Drill, ExportPolicy } from '../../../mesh/api/resources/index.ts';
import type { DrillObject } from '../../../mesh/api/resources/drill.ts';
import type { Evacuation } from '../../../mesh/model/drill.ts';
import { type Bench, createBench, exportOf, scriptedAgent, type ScriptedAgent } from '../testing/bench.ts';

const NAMES = ['berlin', 'oslo', 'virginia'] as const;
const never = new AbortController().signal;

interface World { readonly bench: Bench; readonly agents: Record<(typeof NAMES)[number], ScriptedAgent>; drill(name: string, evacuate: string, service?: string): Promise<void>; sample(drill: string, servedBy: string[]): Promise<void>; status(name: string): Promise<DrillObject['status']>; evacuation(name: string): Evacuation | undefined }

async function world(): Promise<World> {
  const bench = await createBench();
  for (const name of NAMES) await bench.join(name);
  await bench.create(ExportPolicy, 'shop', { clusters: {}, namespaces: ['shop'] });
  await bench.startHub();
  const agents = { berlin: scriptedAgent('berlin', 1), oslo: scriptedAgent('oslo', 2), virginia: scriptedAgent('virginia', 3) };
  for (const name of ['berlin', 'oslo'] as const) agents[name].publisher.set('ExportFact', 'shop/checkout', exportOf(name));
  for (const agent of Object.values(agents)) agent.connect(bench);
  await bench.clock.advance(2000);
  return {
    bench, agents,
    async drill(name, evacuate, service = 'checkout') {
      await bench.create(Drill, name, { service: { namespace: 'shop', name: service }, evacuate, holdSeconds: 20, objectiveSeconds: 10, requestedBy: 'test' });
      await bench.clock.advance(100);
    },
    async sample(drill, servedBy) {
      for (const name of NAMES) agents[name].publisher.set('DnsSample', drill, { cluster: name, at: bench.clock.now(), servedBy, rcode: 'NOERROR', healthy: ['berlin', 'oslo'] });
      await bench.clock.advance(100);
    },
    status: async (name) => (await bench.get<DrillObject>(Drill, name))?.status,
    evacuation: (name) => agents.virginia.value<Evacuation>('Evacuation', name),
  };
}

describe('drills', () => {
  it('of one service go one after the other: two at once could evacuate all who serve it', async () => {
    const { bench, drill, sample, status, evacuation } = await world();
    await drill('one', 'berlin');
    await drill('two', 'oslo');
    expect(await status('two')).toMatchObject({ phase: 'Pending', message: expect.stringContaining('waits for drill one') });
    expect(evacuation('two')).toBeUndefined();
    await sample('one', ['berlin']);
    await sample('two', ['oslo']);
    expect(evacuation('one')).toMatchObject({ active: true });
    expect(evacuation('two')).toBeUndefined();
    await bench.kubernetes.patch(Drill, { name: 'one' }, { spec: { stop: true } }, { type: 'merge', fieldManager: 'test' }, never);
    await sample('one', ['berlin']);
    expect((await status('one'))?.phase).toBe('Cancelled');
    await bench.clock.advance(100);
    expect(evacuation('two')).toMatchObject({ cluster: 'oslo' });
  });

  it('goes on with the next when the one before is deleted, which restores at once', async () => {
    const { bench, drill, sample, status, evacuation } = await world();
    await drill('one', 'berlin');
    await sample('one', ['berlin']);
    await drill('two', 'oslo');
    expect(evacuation('one')).toMatchObject({ active: true });
    await bench.kubernetes.delete(Drill, { name: 'one' }, {}, never);
    await bench.clock.advance(100);
    expect(evacuation('one')).toBeUndefined();
    expect((await status('two'))?.phase).toBe('CheckingBefore');
  });

  it('of two services run side by side, and one that nobody exports is refused', async () => {
    const { bench, drill, status } = await world();
    await drill('one', 'berlin');
    await drill('other', 'berlin', 'nothing');
    expect((await status('other'))?.phase).toBe('CheckingBefore');
    await bench.clock.advance(31_000);
    expect(await status('other')).toMatchObject({ phase: 'Failed', message: expect.stringContaining('refused, nothing was touched') });
  });

  it('restores and fails where the objective is missed, even if the evacuated cluster is gone', async () => {
    const { bench, agents, drill, sample, status, evacuation } = await world();
    await drill('slow', 'berlin');
    await sample('slow', ['berlin']);
    expect(evacuation('slow')).toMatchObject({ active: true });
    agents.berlin.disconnect();
    await bench.clock.advance(10_100);
    expect(evacuation('slow')?.active ?? false).toBe(false);
    await bench.clock.advance(61_000);
    expect(await status('slow')).toMatchObject({ phase: 'Failed', message: expect.stringContaining('objective of 10 s missed') });
    expect(evacuation('slow')).toBeUndefined();
  });

  it.each(['CheckingBefore', 'Evacuating', 'Restoring'] as const)('ends as it should after a restart of the hub while %s', async (phase) => {
    const { bench, agents, drill, sample, status, evacuation } = await world();
    const restart = async (): Promise<void> => {
      for (const agent of Object.values(agents)) agent.disconnect();
      await bench.stopHub();
      await bench.startHub();
      for (const agent of Object.values(agents)) agent.connect(bench);
      await bench.clock.advance(100);
    };
    const at = async (now: string): Promise<void> => {
      if (phase !== now) return;
      expect((await status('d'))?.phase).toBe(phase);
      await restart();
    };
    await drill('d', 'berlin');
    await at('CheckingBefore');
    await sample('d', ['berlin']);
    await at('Evacuating');
    await bench.clock.advance(500);
    await sample('d', ['oslo']);
    await bench.clock.advance(20_000);
    await at('Restoring');
    expect(evacuation('d')).toMatchObject({ active: false });
    await sample('d', ['berlin']);
    await bench.clock.advance(100);
    expect(await status('d')).toMatchObject({ phase: 'Succeeded' });
    expect(agents.virginia.removals).toEqual(['Evacuation d']);
  });

  it('ends an evacuation whose Drill was deleted while the hub was away', async () => {
    const { bench, agents, drill, sample, evacuation } = await world();
    await drill('d', 'berlin');
    await sample('d', ['berlin']);
    for (const agent of Object.values(agents)) agent.disconnect();
    await bench.stopHub();
    await bench.kubernetes.delete(Drill, { name: 'd' }, {}, never);
    await bench.startHub();
    for (const agent of Object.values(agents)) agent.connect(bench);
    await bench.clock.advance(100);
    expect(evacuation('d')).toBeUndefined();
  });
});
