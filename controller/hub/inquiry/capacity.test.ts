import { describe, expect, it } from 'vitest';
import { Cluster, Inquiry } from '../../../mesh/api/resources/index.ts';
import type { FindAnswer, ReportAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Bench, createBench, reportOf, type ScriptedAgent, scriptedAgent } from '../testing/bench.ts';

const never = new AbortController().signal;
const GIBIBYTE = 2 ** 30;
const amounts = (cores: number, gibibytes: number, gpus = 0) => ({ cpuMilli: cores * 1000, memoryBytes: gibibytes * GIBIBYTE, pods: cores, gpus: gpus === 0 ? {} : { 'nvidia.com/gpu': gpus } });
const capacity = (cores: number, requested: number, gpus = 0) => ({
  resources: { capacity: amounts(cores, cores * 4, gpus), allocatable: amounts(cores, cores * 4, gpus), requested: amounts(requested, requested * 4) },
  requestedBy: [{ label: 'team', value: 'search', ...amounts(requested, requested * 4) }], capabilities: { gpu: gpus === 0 ? [] : ['nvidia.com/gpu'], region: ['eu-1'] },
});

let count = 0;
async function status(bench: Bench, spec: object): Promise<NonNullable<InquiryObject['status']>> {
  count += 1;
  await bench.create(Inquiry, `capacity-${count}`, spec);
  await bench.clock.advance(200);
  return (await bench.get<InquiryObject>(Inquiry, `capacity-${count}`))!.status!;
}
async function ask<Answer>(bench: Bench, spec: object): Promise<Answer> {
  const { answer, error } = await status(bench, spec);
  if (answer === undefined) throw new Error(error);
  return JSON.parse(answer) as Answer;
}
const report = (bench: Bench, question: object = {}): Promise<ReportAnswer> => ask(bench, { report: question });
const find = (bench: Bench, question: object): Promise<FindAnswer> => ask(bench, { find: question });

async function fleet(): Promise<{ bench: Bench; tell: (name: string, told: object) => Promise<void>; agents: ReadonlyMap<string, ScriptedAgent> }> {
  const bench = await createBench();
  for (const name of ['berlin', 'oslo', 'virginia']) await bench.join(name, { region: name === 'virginia' ? 'us' : 'eu' });
  await bench.startHub();
  const agents = new Map(['berlin', 'oslo'].map((name, index) => [name, scriptedAgent(name, index + 1)]));
  for (const agent of agents.values()) agent.connect(bench);
  const tell = async (name: string, told: object): Promise<void> => {
    agents.get(name)!.publisher.set('ClusterReport', name, { ...reportOf(name === 'berlin' ? 1 : 2), uid: `uid-${name}`, ...told });
    await bench.clock.advance(2000);
  };
  await tell('berlin', capacity(100, 20, 8));
  await tell('oslo', capacity(40, 30));
  return { bench, tell, agents };
}

describe('reports of the fleet', () => {
  it('are made by the hub, of the clusters that a query matches, and say what they lack', async () => {
    const { bench } = await fleet();
    const byRegion = await report(bench, { by: 'region' });
    expect(byRegion).toMatchObject({ from: 'memory', matched: 3, total: 3, by: { cluster: 'region' }, unknownCount: 1, unknown: [{ cluster: 'virginia', value: 'us' }] });
    expect(byRegion.groups.map(({ value, clusterCount, clusters, requested }) => ({ value, clusterCount, clusters, requested: requested?.cpuMilli ?? null }))).toEqual([
      { value: 'eu', clusterCount: 2, clusters: ['berlin', 'oslo'], requested: 50_000 }, { value: 'us', clusterCount: 0, clusters: [], requested: null },
    ]);
    expect((await report(bench, { text: 'name=oslo', workloadLabel: 'team' })).groups.map(({ value, requested }) => [value, requested?.cpuMilli])).toEqual([['search', 30_000], ['(idle)', undefined]]);
    expect((await status(bench, { report: { text: 'region=' + ',' } })).reason).toBe('WrongQuery');
    await expect(bench.create(Inquiry, 'both', { report: { by: 'a', workloadLabel: 'b' } })).rejects.toThrow(/made by one of/);
  });

  it('tell a past moment from the records, as it was told then', async () => {
    const { bench, tell } = await fleet();
    const before = await report(bench);
    const then = toRfc3339(bench.clock.now());
    await bench.clock.advance(3_600_000);
    await tell('berlin', capacity(100, 90, 8));
    await bench.kubernetes.delete(Cluster, { name: 'oslo' }, {}, never);
    await bench.clock.advance(2000);
    const now = await report(bench);
    expect([now.sum.clusterCount, now.sum.requested?.cpuMilli]).toEqual([1, 90_000]);
    const past = await report(bench, { at: then });
    expect([past.from, past.at]).toEqual(['records', then]);
    expect([past.groups, past.sum, past.unknown]).toEqual([before.groups, before.sum, before.unknown]);
    expect((await status(bench, { report: { at: '2999-01-01T00:00:00Z' } })).error).toContain('is in the future');
  });

  it('of many clusters come in pages of one moment', async () => {
    const { bench, tell } = await fleet();
    const first = await report(bench, { limit: 2 });
    await tell('oslo', capacity(40, 5));
    const rest = await report(bench, { continue: first.continue, limit: 2 });
    expect([first, rest].map(({ groups }) => groups.map(({ value }) => value))).toEqual([['berlin', 'oslo'], ['virginia']]);
    expect([rest.continue, rest.at, rest.sum]).toEqual([undefined, first.at, first.sum]);
  });
});

describe('a search for clusters', () => {
  it('is answered with who fits, and on demand with everything that speaks against the others, now and then', async () => {
    const { bench, tell, agents } = await fleet();
    const wish = { classes: ['gpu'], regions: ['eu'], freeCpuMilli: 50_000 };
    expect((await find(bench, wish)).clusters).toEqual([{ name: 'berlin', chosen: true, free: { ...amounts(80, 320, 8) }, reasons: ['gpu: nvidia.com/gpu', 'region eu', '80 CPU free'] }]);
    const then = toRfc3339(bench.clock.now());
    await bench.clock.advance(60_000);
    await tell('berlin', capacity(100, 90, 8));
    agents.get('oslo')!.disconnect();
    await bench.clock.advance(1000);
    const explained = await find(bench, { ...wish, explain: true });
    expect([explained.chosenCount, explained.clusters.map(({ name, reasons }) => `${name}: ${reasons.join('; ')}`)]).toEqual([0, [
      'berlin: CPU: 10 free, 50 wanted', expect.stringMatching(/^oslo: its agent is away since .*; class gpu: has none; CPU: 10 free, 50 wanted$/) as string,
      'virginia: no agent has told of it; class gpu: unknown what it has; region: is us; CPU: unknown how much is free',
    ]]);
    expect((await find(bench, { ...wish, at: then })).clusters.map(({ name }) => name)).toEqual(['berlin']);
    // Connected only just lost: the hub knows before any object tells.
    expect((await find(bench, { text: 'name=oslo' })).chosenCount).toBe(0);
  });
});
