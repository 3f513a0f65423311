import { expect, it } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import type { StatusCondition } from '../../../mesh/model/cluster-status.ts';
import { type SyncStream, TransportError } from '../../../mesh/ports/transport.ts';
import { type Bench, createBench, reportOf, type ScriptedAgent, scriptedAgent } from '../testing/bench.ts';

const consistent = async (bench: Bench, name: string): Promise<StatusCondition | undefined> =>
  (await bench.get<ClusterObject>(Cluster, name))?.status?.conditions?.find(({ type }) => type === 'Consistent');

async function fleetOf(names: readonly string[], uid: (name: string) => string = (name) => `uid-of-${name}`): Promise<{ readonly bench: Bench; readonly agents: ReadonlyMap<string, ScriptedAgent> }> {
  const bench = await createBench();
  for (const name of names) await bench.join(name);
  await bench.startHub();
  const agents = new Map(names.map((name, index) => [name, scriptedAgent(name, index + 1)]));
  for (const [name, agent] of agents) agent.publisher.set('ClusterReport', name, { ...reportOf(1), uid: uid(name) });
  return { bench, agents };
}

async function connect({ bench, agents }: Awaited<ReturnType<typeof fleetOf>>, name: string): Promise<void> {
  agents.get(name)!.connect(bench);
  await bench.clock.advance(1000);
}

it('two clusters with one uid at one time are flagged, each with the other\'s name, until one of them is deleted', async () => {
  const fleet = await fleetOf(['berlin', 'oslo', 'paris'], (name) => (name === 'paris' ? 'other' : 'same'));
  for (const name of ['berlin', 'oslo', 'paris']) await connect(fleet, name);
  const { bench, agents } = fleet;
  for (const [name, other] of [['berlin', 'oslo'], ['oslo', 'berlin']] as const) {
    expect(await consistent(bench, name)).toMatchObject({ status: 'False', reason: 'DuplicateUid', message: expect.stringContaining(`as ${other} has`) as string });
  }
  expect(await consistent(bench, 'paris')).toMatchObject({ status: 'True', reason: 'Consistent' });

  agents.get('oslo')!.disconnect();
  await bench.clock.advance(60_000);
  expect(await consistent(bench, 'berlin')).toMatchObject({ reason: 'DuplicateUid' });

  await bench.kubernetes.delete(Cluster, { name: 'oslo' }, {}, new AbortController().signal);
  await bench.clock.advance(1000);
  expect(await consistent(bench, 'berlin')).toMatchObject({ status: 'True', reason: 'Renamed', message: expect.stringContaining('known as oslo, a Cluster that was deleted') as string });
});

it('a cluster that comes back under another name is the same cluster: said on both, and after the old Cluster and the hub\'s memory are gone', async () => {
  const fleet = await fleetOf(['munich', 'muenchen'], () => 'same');
  const { bench, agents } = fleet;
  await connect(fleet, 'munich');
  agents.get('munich')!.disconnect();
  await bench.clock.advance(60_000);
  await connect(fleet, 'muenchen');
  expect(await consistent(bench, 'muenchen')).toMatchObject({ status: 'True', reason: 'Renamed', message: expect.stringContaining('is what was known as munich') as string });
  expect(await consistent(bench, 'munich')).toMatchObject({ status: 'True', reason: 'Renamed', message: expect.stringContaining('goes on as muenchen') as string });

  await bench.kubernetes.delete(Cluster, { name: 'munich' }, {}, new AbortController().signal);
  await bench.clock.advance(1000);
  agents.get('muenchen')!.disconnect();
  await bench.stopHub();
  await bench.startHub();
  await connect(fleet, 'muenchen');
  expect(await consistent(bench, 'muenchen')).toMatchObject({ status: 'True', reason: 'Renamed', message: expect.stringContaining('known as munich, a Cluster that was deleted') as string });
});

it('what is declared holds against what an agent reports, and the contradiction is named', async () => {
  const fleet = await fleetOf(['berlin']);
  const { bench } = fleet;
  await bench.kubernetes.patch(Cluster, { name: 'berlin' }, { spec: { properties: { region: 'asia' } } }, { type: 'merge', fieldManager: 'ann' }, new AbortController().signal);
  await connect(fleet, 'berlin');
  expect((await bench.get<ClusterObject>(Cluster, 'berlin'))?.status?.properties?.find(({ name }) => name === 'region')).toMatchObject({ value: 'asia', source: 'declared' });
  expect(await consistent(bench, 'berlin')).toMatchObject({ status: 'False', reason: 'PropertyContradiction', message: expect.stringContaining('region is declared as "asia", its agent reports "europe"') as string });
  await bench.kubernetes.patch(Cluster, { name: 'berlin' }, { spec: { properties: { region: 'europe' } } }, { type: 'merge', fieldManager: 'ann' }, new AbortController().signal);
  await bench.clock.advance(1000);
  expect(await consistent(bench, 'berlin')).toMatchObject({ status: 'True', reason: 'Consistent' });
});

it('more properties than a cluster may have are refused, said on the Cluster, and cost the others nothing', async () => {
  const fleet = await fleetOf(['berlin', 'oslo']);
  const { bench, agents } = fleet;
  for (const name of ['berlin', 'oslo']) await connect(fleet, name);
  const flood = (count: number, length: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, 'x'.repeat(length)]));
  agents.get('berlin')!.publisher.set('ClusterReport', 'berlin', { ...reportOf(1), properties: flood(129, 10) });
  await bench.clock.advance(1000);
  const { status, reason, message } = (await consistent(bench, 'berlin'))!;
  expect({ status, reason }).toEqual({ status: 'False', reason: 'ReportRefused' });
  expect(message).toContain('properties: 129 given, at most 128 allowed');
  expect((await bench.get<ClusterObject>(Cluster, 'berlin'))?.status?.properties?.some(({ name }) => name === 'p0')).toBe(false);
  expect(await consistent(bench, 'oslo')).toMatchObject({ status: 'True' });
  agents.get('berlin')!.publisher.set('ClusterReport', 'berlin', { ...reportOf(1), properties: flood(10, 10) });
  await bench.clock.advance(1000);
  expect(await consistent(bench, 'berlin')).toMatchObject({ status: 'True', reason: 'Consistent' });
});

it('a message that cannot be read at all is said on the Cluster, until its agent has said something that can', async () => {
  const fleet = await fleetOf(['berlin']);
  const { bench, agents } = fleet;
  await connect(fleet, 'berlin');
  const tooLarge = new TransportError('never', 'InvalidRequest', 'Sync message: Received message larger than max (10485760 vs 4194304)');
  const stream: SyncStream = { send: () => Promise.resolve(), close: () => {}, messages: { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(tooLarge) }) } };
  await expect(bench.handler()!.sync({ cluster: 'berlin', spiffeId: 'spiffe://test/cluster/berlin', certificateSerial: '1' }, stream, new AbortController().signal)).rejects.toThrow(tooLarge);
  await bench.clock.advance(1000);
  expect(await consistent(bench, 'berlin')).toMatchObject({ status: 'False', reason: 'ReportRefused', message: expect.stringContaining('10485760') as string });
  agents.get('berlin')!.disconnect();
  await connect(fleet, 'berlin');
  expect(await consistent(bench, 'berlin')).toMatchObject({ status: 'True', reason: 'Consistent' });
});
