import { expect, test } from 'vitest';
import { Inquiry } from '../../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { PeerVerdict } from '../../../mesh/model/peer-verdict.ts';
import type { Matrix } from '../../../mesh/verify/matrix.ts';
import { type Bench, createBench, type ScriptedAgent, scriptedAgent } from '../testing/bench.ts';

let count = 0;
async function ask(bench: Bench, spec: object = {}, seconds = 1): Promise<Matrix> {
  const name = `verify-${++count}`;
  await bench.create(Inquiry, name, { verify: spec });
  await bench.clock.advance(seconds * 1000);
  const status = (await bench.get<InquiryObject>(Inquiry, name))?.status;
  if (status?.answer === undefined) throw new Error(status?.error ?? 'not answered');
  return JSON.parse(status.answer) as Matrix;
}
const verdict = (cluster: string, peer: string, more: Partial<PeerVerdict> = {}): PeerVerdict => ({ cluster, peer, colour: 'green', reasons: [], since: 1, at: 2, figures: { nodes: 3 }, ...more });
const said = ({ cells }: Matrix): readonly string[] => cells.map(({ from, to, colour, reasons }) => [from, to, colour, ...reasons.map(({ code }) => code)].join(' '));

async function scene(): Promise<{ bench: Bench; berlin: ScriptedAgent; oslo: ScriptedAgent }> {
  const bench = await createBench();
  for (const name of ['berlin', 'oslo', 'rome']) await bench.join(name, {});
  await bench.startHub();
  const [berlin, oslo] = [scriptedAgent('berlin', 1), scriptedAgent('oslo', 2)];
  for (const agent of [berlin, oslo]) agent.connect(bench);
  berlin.publisher.set('PeerVerdict', 'oslo', verdict('berlin', 'oslo'));
  berlin.publisher.set('PeerVerdict', 'rome', verdict('berlin', 'rome', { colour: 'red', reasons: [{ code: 'NoUser', text: 'permission denied' }] }));
  oslo.publisher.set('AppliedReport', 'oslo', { id: null, appliedAt: null, healthy: true, message: '', drift: [], peering: { reads: ['berlin'], waiting: [] } });
  await bench.clock.advance(1000);
  return { bench, berlin, oslo };
}

test('what agents see of each other is one matrix; who has not said, and who is away, is told as such', async () => {
  const { bench, berlin } = await scene();
  const matrix = await ask(bench);
  expect(said(matrix)).toEqual(['berlin oslo green', 'berlin rome red NoUser', 'oslo berlin yellow NotLooked']);
  expect([matrix.tally, matrix.clusters, matrix.cells[0]?.figures]).toEqual([{ green: 1, yellow: 1, red: 1 }, ['berlin', 'oslo', 'rome'], { nodes: 3 }]);
  expect(said(await ask(bench, { from: 'berlin', to: 'rome' }))).toEqual(['berlin rome red NoUser']);
  await expect(ask(bench, { mesh: 'none' })).rejects.toThrow('mesh "none": there is no such mesh');
  berlin.disconnect();
  await bench.clock.advance(1000);
  expect(said(await ask(bench, { from: 'berlin' }))).toEqual(['berlin oslo yellow AgentAway', 'berlin rome red NoUser AgentAway']);
});

test('a fresh look is asked of the agents, and told when all have looked or the time is over', async () => {
  const { bench, berlin, oslo } = await scene();
  const asking = ask(bench, { fresh: true, from: 'berlin' }, 2);
  await bench.clock.settle();
  const [id = ''] = berlin.holds('Question');
  expect([berlin.value('Question', id), oslo.holds('Question')]).toEqual([{ id, dnsName: '', dnsType: '', verify: '*' }, []]);
  for (const peer of ['oslo', 'rome']) berlin.publisher.set('PeerVerdict', peer, verdict('berlin', peer, { question: id, at: 3 }));
  const matrix = await asking;
  expect(matrix.cells.map(({ to, at, fresh }) => [to, at, fresh])).toEqual([['oslo', 3, true], ['rome', 3, true]]);
  await bench.clock.advance(100);
  expect(berlin.holds('Question')).toEqual([]);
  // Of an agent that does not answer.
  expect((await ask(bench, { fresh: true, from: 'oslo' }, 25)).cells.map(({ fresh }) => fresh)).toEqual([false]);
});
