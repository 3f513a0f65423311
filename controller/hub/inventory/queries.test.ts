import { describe, expect, it } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { FleetQueryObject } from '../../../mesh/api/resources/fleet-query.ts';
import { Cluster, FleetQuery, Inquiry } from '../../../mesh/api/resources/index.ts';
import type { QueryAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Bench, createBench, scriptedAgent, type ScriptedAgent } from '../testing/bench.ts';

const never = new AbortController().signal;
const SAVED = { description: '', columns: [] };

type Question = NonNullable<InquiryObject['spec']['query']>;

let count = 0;
async function status(bench: Bench, question: Question): Promise<NonNullable<InquiryObject['status']>> {
  count += 1;
  await bench.create(Inquiry, `question-${count}`, { query: question });
  await bench.clock.advance(100);
  const answered = (await bench.get<InquiryObject>(Inquiry, `question-${count}`))?.status;
  if (answered === undefined) throw new Error('no answer');
  return answered;
}
async function ask(bench: Bench, question: Question): Promise<QueryAnswer> {
  const { answer, error } = await status(bench, question);
  if (answer === undefined) throw new Error(error);
  return JSON.parse(answer) as QueryAnswer;
}
const names = ({ rows }: QueryAnswer): string[] => rows.map(({ name }) => name);

async function threeClusters(): Promise<{ bench: Bench; agents: Record<'berlin' | 'oslo' | 'virginia', ScriptedAgent> }> {
  const bench = await createBench();
  await bench.join('berlin', { region: 'eu-central', team: 'payments' });
  await bench.join('oslo', { region: 'eu-north' });
  await bench.join('virginia', { region: 'us-east' });
  await bench.startHub();
  const agents = { berlin: scriptedAgent('berlin', 1), oslo: scriptedAgent('oslo', 2), virginia: scriptedAgent('virginia', 3) };
  agents.berlin.connect(bench);
  agents.oslo.connect(bench);
  await bench.clock.advance(2000);
  return { bench, agents };
}

async function label(bench: Bench, name: string, labels: Record<string, string>): Promise<void> {
  await bench.kubernetes.patch(Cluster, { name }, { metadata: { labels } }, { type: 'merge', fieldManager: 'kubectl' }, never);
  await bench.clock.advance(100);
}

describe('queries of the fleet', () => {
  it('are answered from memory, with the index, the age of every row and the freshness of every source', async () => {
    const { bench } = await threeClusters();
    const answer = await ask(bench, { text: 'region=*,agent-version<1.4 order by name desc', columns: ['region', 'agent-version', 'cluster-id', 'drift'] });
    expect(answer).toMatchObject({ from: 'memory', matched: 2, total: 3, undecided: 1, undecidedNames: ['virginia'], columns: ['region', 'agent-version', 'cluster-id', 'drift'] });
    expect(answer.rows).toEqual([
      { name: 'oslo', columns: { region: 'eu-north', 'agent-version': '0.1.0', 'cluster-id': 2, drift: 0 }, unknown: [], ageSeconds: expect.any(Number) },
      { name: 'berlin', columns: { region: 'eu-central', 'agent-version': '0.1.0', 'cluster-id': 1, drift: 0 }, unknown: [], ageSeconds: expect.any(Number) },
    ]);
    expect(answer.sources.map(({ source, clusters, never: unheard }) => ({ source, clusters, unheard }))).toEqual([
      { source: 'declared', clusters: 2, unheard: 0 }, { source: 'observed', clusters: 2, unheard: 0 }, { source: 'hub', clusters: 2, unheard: 0 },
    ]);
    expect(answer.examined).toBeLessThanOrEqual(3);
  });

  it('see a change of a label, a connection and a deletion at once', async () => {
    const { bench, agents } = await threeClusters();
    expect(names(await ask(bench, { text: 'team=payments' }))).toEqual(['berlin']);
    await label(bench, 'oslo', { team: 'payments' });
    expect(names(await ask(bench, { text: 'team=payments' }))).toEqual(['berlin', 'oslo']);
    agents.oslo.disconnect();
    await bench.clock.advance(10);
    expect(names(await ask(bench, { text: 'connected' }))).toEqual(['berlin']);
    expect(names(await ask(bench, { text: '!connected' }))).toContain('oslo');
    await bench.kubernetes.delete(Cluster, { name: 'berlin' }, {}, never);
    await bench.clock.advance(100);
    expect(names(await ask(bench, {}))).toEqual(['oslo', 'virginia']);
  });

  it('tell how long an agent has been silent, which nothing is written for', async () => {
    const { bench, agents } = await threeClusters();
    agents.oslo.disconnect();
    await bench.clock.advance(10_000);
    const before = await bench.get<ClusterObject>(Cluster, 'oslo');
    await bench.clock.advance(3_600_000);
    const answer = await ask(bench, { text: 'order by last-heard', columns: ['last-heard', 'connected'] });
    const ages = Object.fromEntries(answer.rows.map((row) => [row.name, row.ageSeconds]));
    expect(ages['oslo']).toBe(3610);
    // An open connection answers within 40 s, or it is none.
    expect(ages['berlin']).toBe(40);
    expect(ages['virginia']).toBeNull();
    expect(answer.rows.find(({ name }) => name === 'virginia')).toMatchObject({ unknown: expect.arrayContaining(['last-heard']) });
    expect(answer.sources.find(({ source }) => source === 'observed')).toMatchObject({ clusters: 2, never: 1, oldest: 'oslo', oldestAt: toRfc3339(Date.parse(answer.at) - 3_610_000) });
    expect(names(await ask(bench, { text: 'last-heard>1h' }))).toEqual(['oslo']);
    expect(names(await ask(bench, { text: 'last-heard<=1h' }))).toEqual(['berlin']);
    expect((await bench.get<ClusterObject>(Cluster, 'oslo'))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
  });

  it('are answered for a past moment from the records, by the same language', async () => {
    const { bench, agents } = await threeClusters();
    const then = bench.clock.now();
    await bench.clock.advance(60_000);
    await label(bench, 'oslo', { region: 'us-west' });
    agents.berlin.disconnect();
    await bench.clock.advance(60_000);
    const question = { text: 'region=eu-*,connected order by name', columns: ['region', 'agent-version'] };
    expect(names(await ask(bench, question))).toEqual([]);
    const past = await ask(bench, { ...question, at: toRfc3339(then) });
    expect(past).toMatchObject({ from: 'records', at: toRfc3339(then), matched: 2, total: 3 });
    expect(past.rows).toEqual([
      { name: 'berlin', columns: { region: 'eu-central', 'agent-version': '0.1.0' }, unknown: [], ageSeconds: 0 },
      { name: 'oslo', columns: { region: 'eu-north', 'agent-version': '0.1.0' }, unknown: [], ageSeconds: 0 },
    ]);
    const before = toRfc3339(then - 86_400_000);
    expect(await ask(bench, { at: before, text: 'reigon=eu-*' })).toMatchObject({ rows: [], total: 0, notes: [`nothing is recorded from before ${before}, so what there was then is not known`] });
  });

  it('of the future are refused', async () => {
    const { bench } = await threeClusters();
    expect(await status(bench, { at: toRfc3339(bench.clock.now() + 60_000) })).toMatchObject({ reason: 'WrongQuery', error: expect.stringMatching(/^at: .* is in the future, it is .* now$/) });
  });

  it('that are wrong are pointed at, with the name that was probably meant', async () => {
    const { bench } = await threeClusters();
    expect(await status(bench, { text: 'connected,regoin=eu-*' })).toMatchObject({ reason: 'WrongQuery', error: expect.stringMatching(/did you mean "region"\?\n {2}connected,regoin=eu-\*\n {12}\^$/) });
    expect(await status(bench, { text: 'connected', orderBy: 'lsat-change' })).toMatchObject({ reason: 'WrongQuery', error: expect.stringContaining('did you mean "last-change"?') });
    expect(await status(bench, { columns: ['region', '__proto__'] })).toMatchObject({ reason: 'WrongQuery', error: 'columns: "__proto__" is no key: name labels, properties and facts' });
    // Nobody has such a label, nor one like it: that is an answer.
    expect(await ask(bench, { text: '!quarantine' })).toMatchObject({ matched: 3, notes: [expect.stringContaining('"quarantine"')] });
  });

  it('come in pages of one moment', async () => {
    const { bench } = await threeClusters();
    const first = await ask(bench, { text: 'order by name', limit: 2 });
    expect([names(first), first.matched]).toEqual([['berlin', 'oslo'], 3]);
    await bench.kubernetes.delete(Cluster, { name: 'virginia' }, {}, never);
    await bench.clock.advance(100);
    const { continue: next, ...second } = await ask(bench, { continue: first.continue ?? '', limit: 2 });
    expect([names(second), second.matched, second.at, next]).toEqual([['virginia'], 3, first.at, undefined]);
    await bench.clock.advance(60_000);
    expect((await status(bench, { continue: first.continue ?? '' })).error).toMatch(/^continue: the answer ".*" is not kept any more .*; ask again from the start$/);
    expect((await status(bench, { continue: 'nonsense' })).error).toContain('is not kept any more');
  });
});

describe('saved queries', () => {
  const validOf = async (bench: Bench, name: string) => (await bench.get<FleetQueryObject>(FleetQuery, name))?.status?.conditions?.find(({ type }) => type === 'Valid');

  it('are asked by name and say whether they can be', async () => {
    const { bench } = await threeClusters();
    await bench.create(FleetQuery, 'europe', { ...SAVED, query: 'region=eu-* order by name desc', columns: ['team'] });
    await bench.create(FleetQuery, 'broken', { ...SAVED, query: 'region=eu-*,,' });
    await bench.create(FleetQuery, 'no-key', { ...SAVED, columns: ['team', 'a,b'] });
    await bench.clock.advance(100);
    expect(await validOf(bench, 'europe')).toMatchObject({ status: 'True', message: 'ask it with "isthmus fleet query @europe"' });
    expect(await validOf(bench, 'broken')).toMatchObject({ status: 'False', reason: 'WrongQuery', message: expect.stringMatching(/^spec\.query, column 13: /) });
    expect(await validOf(bench, 'no-key')).toMatchObject({ status: 'False', message: 'spec.columns: "a,b" is no key: name a label, a property or a fact' });
    const answer = await ask(bench, { saved: 'europe' });
    expect(answer).toMatchObject({ query: 'region=eu-* order by name desc', columns: ['team'], rows: [{ name: 'oslo', columns: {} }, { name: 'berlin', columns: { team: 'payments' } }] });
    expect(await status(bench, { saved: 'broken' })).toMatchObject({ reason: 'WrongQuery', error: expect.stringMatching(/^saved query "broken": .*\n {2}region=eu-\*,,\n/) });
    expect((await status(bench, { saved: 'eruope' })).error).toBe('saved query "eruope": there is none of that name; did you mean "europe"?');
  });

  it('are judged again when they are changed, and written once', async () => {
    const { bench } = await threeClusters();
    await bench.create(FleetQuery, 'europe', { ...SAVED, query: 'region=' });
    await bench.clock.advance(100);
    const first = await bench.get<FleetQueryObject>(FleetQuery, 'europe');
    await bench.clock.advance(600_000);
    expect((await bench.get(FleetQuery, 'europe'))?.metadata.resourceVersion).toBe(first?.metadata.resourceVersion);
    await bench.kubernetes.patch(FleetQuery, { name: 'europe' }, { spec: { query: 'region<<3' } }, { type: 'merge', fieldManager: 'kubectl' }, never);
    await bench.clock.advance(100);
    expect(await validOf(bench, 'europe')).toMatchObject({ status: 'False', observedGeneration: 2 });
  });

  it('and a text at once are refused by the schema', async () => {
    const { bench } = await threeClusters();
    await expect(bench.create(Inquiry, 'both', { query: { text: 'a', saved: 'b' } })).rejects.toThrow(/not both/);
  });
});
