import { expect, test } from 'vitest';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { findFleet, type FindOptions } from './find.ts';
import { showReport } from './report.ts';

const GIBIBYTE = 2 ** 30;
const amounts = (cores: number, gibibytes: number, gpus = 0) => ({ cpuMilli: cores * 1000, memoryBytes: gibibytes * GIBIBYTE, pods: cores, gpus: gpus === 0 ? {} : { 'nvidia.com/gpu': gpus } });

async function fleet(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  const make = async (name: string, labels: Record<string, string>, properties: Record<string, string>, status: object | undefined): Promise<void> => {
    const object = { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name, labels }, spec: { properties } };
    const created = await environment.client.create(Cluster, object, { fieldManager: 'test' }, environment.signal);
    if (status !== undefined) await environment.client.update(Cluster, { ...created, status } as never, { fieldManager: 'test', subresource: 'status' }, environment.signal);
  };
  const connected = (value: 'True' | 'False') => [{ type: 'Connected', status: value, reason: value === 'True' ? 'Connected' : 'Disconnected', message: '', lastTransitionTime: new Date(environment.now() - 3 * 3_600_000).toISOString() }];
  const share = (value: string, cores: number, gibibytes: number, gpus = 0) => ({ label: 'team', value, ...amounts(cores, gibibytes, gpus) });
  await make('berlin', { region: 'eu-central' }, { pci: 'true', 'cost-per-cpu-hour': '0.04', 'cost-per-memory-gib-hour': '0.005' }, {
    conditions: connected('True'), capabilities: { gpu: ['nvidia.com/gpu'], region: ['eu-central'] },
    resources: { capacity: amounts(200, 800, 8), allocatable: amounts(190, 760, 8), requested: amounts(80, 300, 2) }, requestedBy: [share('search', 60, 200, 2), share('(none)', 20, 100)],
  });
  await make('oslo', { region: 'eu-north' }, {}, {
    conditions: connected('False'), capabilities: { gpu: [], region: ['eu-north'] }, resources: { capacity: amounts(40, 160), allocatable: amounts(38, 150), requested: amounts(30, 60.5) }, requestedBy: [share('search', 30, 60.5)],
  });
  await make('virginia', { region: 'us-east' }, {}, undefined);
  return environment;
}

/** What is said where no hub answers comes first, once. */
const complaints = (environment: TestEnvironment): string => environment.complained().replace(/^the hub did not answer within 10 s: .*\nreading the Cluster objects instead: .*\n/, '');

const options = (more: Partial<FindOptions>): FindOptions => ({ class: [], region: [], capability: [], explain: false, output: 'table', ...more });

test('a report by cluster, with its gaps', async () => {
  const environment = await fleet();
  await showReport(environment, '', { output: 'table' });
  expect(environment.printed()).toBe(`NAME       CLUSTERS   CPU         CPU REQ     CPU IDLE    MEMORY      MEM REQ     MEM IDLE    GPU         GPU REQ     COST/H      IDLE/H      AS OF
berlin     1          190         80          110         760Gi       300Gi       460Gi       8           2           12.00       6.70        now
oslo       1          38          30          8           150Gi       60.5Gi      89.5Gi      0           0           <unknown>   <unknown>   3h0m ago
virginia   0          <unknown>   <unknown>   <unknown>   <unknown>   <unknown>   <unknown>   <unknown>   <unknown>   <unknown>   <unknown>   <unknown>
TOTAL      2          228         110         118         910Gi       360.5Gi     549.5Gi     8           2           12.00       6.70        3h0m ago
`);
  expect(complaints(environment)).toBe(`unknown of virginia: capacity and requests: no agent has joined
cost lacks 1 of 2 clusters: declare cost-per-cpu-hour and cost-per-memory-gib-hour, or cost-per-hour, in their spec.properties
`);
});

test('a report by the teams whose pods ask, of the clusters that a query matches', async () => {
  const environment = await fleet();
  await showReport(environment, 'region=eu-*', { workloadLabel: 'team', output: 'table' });
  expect(environment.printed()).toBe(`TEAM     CLUSTERS   CPU   MEMORY    PODS   GPU   COST/H   AS OF
search   2          90    260.5Gi   90     2     3.40     3h0m ago
(none)   1          20    100Gi     20     0     1.30     now
TOTAL    2          110   360.5Gi   110    2     4.70     3h0m ago
(idle)   2          118   549.5Gi   118    6     6.70     3h0m ago
`);
});

test('clusters by what they can do, and why others cannot', async () => {
  const environment = await fleet();
  const away = new Date(environment.now() - 3 * 3_600_000).toISOString();
  await findFleet(environment, '', options({ class: ['gpu'], region: ['eu'], capability: ['pci'], freeCpu: '100', freeMemory: '200Gi', explain: true }));
  expect(environment.printed()).toBe(`NAME     CPU FREE   MEMORY FREE   GPU FREE   WHY
berlin   110        460Gi         6          gpu: nvidia.com/gpu; region eu-central; pci declared; 110 CPU free; 460Gi memory free

NOT CHOSEN   WHY
oslo         its agent is away since ${away}; class gpu: has none; pci: not declared; CPU: 8 free, 100 wanted; memory: 89.5Gi free, 200Gi wanted
virginia     no agent has told of it; class gpu: unknown what it has; region: is us-east; pci: not declared; CPU: unknown how much is free; memory: unknown how much is free
`);
});

test('none fits: said, with the way to learn why', async () => {
  const environment = await fleet();
  await findFleet(environment, '', options({ class: ['arm64'] }));
  expect([environment.printed(), complaints(environment)]).toEqual(['', 'None of 3 clusters fits. Ask with --explain why.\n']);
});

test('wrong amounts and wishes are said before anything is read', async () => {
  const environment = testEnvironment();
  await expect(findFleet(environment, '', options({ freeMemory: '200 GB' }))).rejects.toThrow('--free-memory "200 GB": is no quantity; write for example 200Gi');
  await expect(findFleet(environment, '', options({ capability: ['=x'] }))).rejects.toThrow('want a name');
  await expect(showReport(environment, 'region=', { by: 'a', workloadLabel: 'b', output: 'table' })).rejects.toThrow('--by, --workload-label');
  await expect(showReport(environment, 'x'.repeat(4097), { output: 'table' })).rejects.toThrow('the query has 4097 characters; at most 4096 are read');
  await expect(showReport(environment, 'region=eu,=x', { output: 'table' })).rejects.toThrow(/\^/);
});

test('the past is the hub\'s to tell', async () => {
  const environment = await fleet();
  await expect(showReport(environment, '', { at: '7d', output: 'table' })).rejects.toThrow('a past moment is known from its records alone');
  await expect(findFleet(environment, '', options({ at: '2999-01-01' }))).rejects.toThrow('--at "2999-01-01": is in the future');
});
