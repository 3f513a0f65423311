/** `isthmus run simulate|diff|create|status` against a whole hub in virtual time. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { ChangeWindow, Mesh, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { Bench, ScriptedAgent } from '../../hub/testing/bench.ts';
import { applyAll, CAREFUL, threeClusters } from '../../hub/testing/three-clusters.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { tellRun } from './change.ts';
import { createRun } from './create.ts';
import { diffRun } from './diff.ts';
import { simulateRun, type SimulateOptions } from './simulate.ts';
import { showRun } from './status.ts';

let bench: Bench;
let agents: Record<string, ScriptedAgent>;
let environment: TestEnvironment;

/** Content ids follow from certificates, which are new with each hub. */
const steady = (text: string): string => text.replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{10}\b/g, '<id>').replaceAll(/sha256:[0-9a-f]{12}/g, 'sha256:<digest>').replaceAll(/plan [0-9a-f]{64}/g, 'plan <digest>');
const golden = (name: string): Promise<string> => readFile(fileURLToPath(new URL(`testing/${name}`, import.meta.url)), 'utf8').catch(() => '');

async function expectGolden(name: string, text: string): Promise<void> {
  await expect(steady(text)).toMatchFileSnapshot(`testing/${name}`);
  expect(await golden(name)).not.toContain('PRIVATE KEY');
}

const again = (): TestEnvironment => (environment = testEnvironment({ client: bench.kubernetes, clock: bench.clock }));
const options = (more: Partial<SimulateOptions> = {}): SimulateOptions => ({ output: 'table', ...more });

beforeEach(async () => {
  ({ bench, agents } = await threeClusters());
  await bench.create(ChangeWindow, 'later', { clusters: { names: ['virginia'] }, kind: 'Allow', reason: 'trading', period: { from: toRfc3339(Math.ceil(bench.clock.now() / 3_600_000) * 3_600_000 + 3_600_000) } });
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
  await bench.clock.advance(10);
  again();
});

test('a run is simulated: stages, waits, what is touched when', async () => {
  await simulateRun(environment, 'europe-1', options({ wide: true }));
  await expectGolden('simulate.golden.txt', environment.printed());
  await simulateRun(again(), undefined, options({ fail: 'oslo' }));
  await expectGolden('simulate-fail.golden.txt', environment.printed());
});

test('as a picture it is the same SVG twice, and well-formed', async () => {
  await simulateRun(environment, 'europe-1', options({ output: 'svg' }));
  const first = environment.printed();
  await expectGolden('simulate.golden.svg', first);
  expect(first.match(/<[a-z]+[^>]*[^/]>/g)?.length).toBe(first.match(/<\/[a-z]+>/g)?.length);
  expect(first).not.toMatch(/NaN|undefined|Infinity/);
  expect(first).toContain('outside ChangeWindow later (trading)');
});

test('as values it is all there, and other formats are those of other commands', async () => {
  await simulateRun(environment, 'europe-1', options({ output: 'json' }));
  expect(JSON.parse(environment.printed())).toMatchObject({ run: 'europe-1', end: 'Finished', clusters: [{ cluster: 'berlin' }, { cluster: 'oslo' }, { cluster: 'virginia' }], radius: expect.any(Array) });
  await simulateRun(again(), 'europe-1', options({ output: 'name' }));
  expect(environment.printed()).toBe('cluster.isthmus.dev/berlin\ncluster.isthmus.dev/oslo\ncluster.isthmus.dev/virginia\n');
});

test('what is not meant is refused with the way out', async () => {
  await expect(simulateRun(environment, 'europe-1', options({ fail: 'osl0' }))).rejects.toThrow('not in the run, which has berlin, oslo, virginia');
  await expect(simulateRun(environment, undefined, options({ strategy: 'careful' }))).rejects.toThrow('--bundle NAME, --plan or --remove-package');
  await expect(simulateRun(environment, 'europe-1', options({ plan: true, strategy: 'careful' }))).rejects.toThrow('not both');
  await expect(simulateRun(environment, undefined, options({ healthyAfter: 'soon' }))).rejects.toThrow('--healthy-after "soon"');
  await expect(simulateRun(environment, undefined, options({ days: '91' }))).rejects.toThrow('--days "91"');
  const made = { reason: 'a test', dryRun: false, paused: false, output: 'table' } as const;
  await expect(createRun(environment, 'all', { ...made, strategy: 'careful', removePackage: 'cilium' })).rejects.toThrow('--all if all of them are meant');
  await expect(createRun(environment, 'all', { ...made, strategy: 'careful', removePackage: 'cilium', clusters: '*' })).rejects.toThrow('--all');
  await expect(createRun(environment, 'all', { ...made, removePackage: 'cilium', clusters: 'berlin' })).rejects.toThrow('--strategy NAME');
  await expect(createRun(environment, 'all', { ...made, strategy: 'carefull', removePackage: 'cilium', clusters: 'berlin' })).rejects.toThrow('there is no UpdateStrategy "carefull"; did you mean careful?');
  await expect(createRun(environment, 'all', { ...made, strategy: 'careful', bundle: 'cilium-1.19', clusters: 'berlin' })).rejects.toThrow('there is no Bundle "cilium-1.19"; there is none yet');
  expect(await bench.get(UpdateRun, 'all')).toBeUndefined();
  await bench.create(UpdateStrategy, 'wrong', { stages: [{ name: 'all', clusters: { cel: 'labels.' } }] });
  await bench.clock.advance(1000);
  await createRun(again(), 'all', { ...made, strategy: 'wrong', removePackage: 'cilium', clusters: 'berlin' });
  expect(environment.complained()).toMatch(/^UpdateStrategy wrong cannot be used as it is: spec\.stages: .*cel/);
  again();
  await expect(simulateRun(environment, undefined, options({ strategy: 'careful', bundle: 'cilium-1.19' }))).rejects.toThrow('there is no Bundle "cilium-1.19"; there is none yet');
  await expect(simulateRun(environment, 'europe-1', options({ picture: '/nowhere/at/all.svg' }))).rejects.toThrow('--picture /nowhere/at/all.svg: cannot be written (ENOENT); give a file in a folder that there is');
  await expect(createRun(environment, 'all', { ...made, reason: ' ', plan: true, strategy: 'careful' })).rejects.toThrow('--reason');
});

test('what a run changes, of all its clusters and of one', async () => {
  await diffRun(environment, ['europe-1'], { output: 'table' });
  await expectGolden('diff.golden.txt', environment.printed());
  await diffRun(again(), ['europe-1', 'oslo'], { output: 'csv' });
  expect(environment.printed()).toMatch(/^STAGE,CLUSTERS,PATH,BEFORE,AFTER\r\nrest,oslo,/);
});

test('a run is made, paused and resumed by hand; its dry run shows what it would do and makes nothing', async () => {
  await tellRun(environment, 'europe-1', 'stop');
  await applyAll(bench, Object.values(agents));
  await bench.create(UpdateStrategy, 'hasty', { ...CAREFUL, stages: [{ name: 'all', clusters: {}, maxConcurrency: '100%', soakSeconds: 0 }] });
  await bench.clock.advance(1000);
  const made = { reason: 'oslo is in a hurry', dryRun: true, paused: false, output: 'table', plan: true, strategy: 'hasty' } as const;
  await createRun(again(), 'hurry', made);
  await expectGolden('create-dry-run.golden.txt', environment.printed());
  expect(await bench.get(UpdateRun, 'hurry')).toBeUndefined();
  await createRun(again(), 'hurry', { ...made, dryRun: false, paused: true });
  expect(environment.printed()).toContain('it is paused');
  await expect(createRun(again(), 'hurry', { ...made, dryRun: false })).rejects.toThrow('there is a run hurry already');
  await bench.clock.advance(1000);
  expect((await bench.get<UpdateRunObject>(UpdateRun, 'hurry'))?.status?.phase).toBe('Pending');
  await tellRun(again(), 'hurry', 'resume');
  await bench.clock.advance(1000);
  expect((await bench.get<UpdateRunObject>(UpdateRun, 'hurry'))?.status?.phase).toBe('Running');
  await expect(tellRun(again(), 'hurry', 'resume')).rejects.toThrow('is not paused');
});

test('a run is followed to its end: what it waits for, when it will be there, and an exit status that says how it went', async () => {
  await showRun(environment, undefined, { watch: false, output: 'table', journal: false, eta: true });
  await expectGolden('status.golden.txt', environment.printed());
  again();
  const watching = showRun(environment, 'europe-1', { watch: true, output: 'table', journal: false, eta: true });
  const ended = expect(watching).rejects.toThrow('run europe-1 ended as Stopped');
  await bench.clock.advance(1000);
  await bench.kubernetes.patch(UpdateRun, { name: 'europe-1' }, { spec: { stop: true } }, { type: 'merge', fieldManager: 'test' }, environment.signal);
  await applyAll(bench, Object.values(agents), 5);
  await ended;
});
