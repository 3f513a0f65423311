/** Runs and change windows together: who waits, for what, and what lets them go on. */
import { afterEach, expect, test } from 'vitest';
import { ChangeWindow, Mesh, UpdateRun, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { Bench } from '../testing/bench.ts';
import { applyAll, threeClusters } from '../testing/three-clusters.ts';

const HOUR = 3_600_000;
const signal = new AbortController().signal;
const benches: Bench[] = [];
afterEach(async () => { for (const bench of benches.splice(0)) await bench.stopHub(); });

async function fleet(): ReturnType<typeof threeClusters> {
  const all = await threeClusters();
  benches.push(all.bench);
  return all;
}
const status = async (bench: Bench) => (await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))?.status;
const deny = (bench: Bench, milliseconds: number, over: object = {}): Promise<void> => bench.create(ChangeWindow, 'freeze', {
  clusters: { names: ['berlin'] }, kind: 'Deny', period: { from: toRfc3339(bench.clock.now() - HOUR), to: toRfc3339(bench.clock.now() + milliseconds) }, reason: 'closing of the books', ...over,
});

test('a cluster whose window is closed waits, and is changed by the clock alone when it opens', async () => {
  const { bench, agents } = await fleet();
  const opensAt = bench.clock.now() + HOUR;
  await deny(bench, HOUR);
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
  await bench.clock.advance(30_000);
  expect(await status(bench)).toMatchObject({
    phase: 'Pending', waitingUntil: toRfc3339(opensAt), counts: { total: 3, inFlight: 0, done: 0, failed: 0 },
    message: expect.stringContaining(`ChangeWindow freeze (closing of the books) denies changes now for berlin; opens at ${toRfc3339(opensAt)}`),
  });
  expect(agents.berlin.holds('DesiredRevision')).toEqual([]);
  await bench.clock.advance(opensAt - bench.clock.now() - 1000);
  expect(agents.berlin.holds('DesiredRevision')).toEqual([]);
  await bench.clock.advance(1100);
  expect(agents.berlin.holds('DesiredRevision')).toEqual(['berlin']);
  await applyAll(bench, Object.values(agents));
  expect(await status(bench)).toMatchObject({ phase: 'Completed', counts: { done: 3 } });
});

test('a window that is taken away, or changed so that it lets through, wakes the run', async () => {
  const { bench, agents } = await fleet();
  await deny(bench, HOUR);
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
  await bench.clock.advance(30_000);
  expect(agents.berlin.holds('DesiredRevision')).toEqual([]);
  await bench.kubernetes.delete(ChangeWindow, { name: 'freeze' }, {}, signal);
  await bench.clock.advance(100);
  expect(agents.berlin.holds('DesiredRevision')).toEqual(['berlin']);
});

test('what is in flight when a window closes finishes, and only what has not begun waits', async () => {
  const { bench, agents } = await fleet();
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
  await bench.clock.advance(10);
  expect(agents.berlin.holds('DesiredRevision')).toEqual(['berlin']);
  await deny(bench, HOUR, { clusters: {} });
  await bench.clock.advance(100);
  agents.berlin.apply();
  await bench.clock.advance(10_000);
  expect(await status(bench)).toMatchObject({ counts: { done: 1, inFlight: 0 } });
  expect([...agents.oslo.holds('DesiredRevision'), ...agents.virginia.holds('DesiredRevision')]).toEqual([]);
});

test('a person lets one run pass: at once, on the clusters that were named, with who and why in the journal', async () => {
  const { bench, agents } = await fleet();
  await deny(bench, HOUR, { clusters: {} });
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
  await bench.clock.advance(30_000);
  expect(agents.berlin.holds('DesiredRevision')).toEqual([]);
  await bench.create(WindowOverride, 'leak', { run: 'europe-1', clusters: { names: ['berlin'] }, reason: 'keys have leaked', requestedBy: 'ann', expiresAt: toRfc3339(bench.clock.now() + HOUR / 2) });
  await bench.clock.advance(100);
  expect(agents.berlin.holds('DesiredRevision')).toEqual(['berlin']);
  agents.berlin.apply();
  await bench.clock.advance(10_000);
  expect(agents.oslo.holds('DesiredRevision')).toEqual([]);
  const journal = await bench.records.listJournal('europe-1', 100);
  expect(journal.filter(({ event }) => event === 'WindowOverridden').map(({ cluster, message }) => `${cluster}: ${message}`)).toEqual(['berlin: ann: keys have leaked']);
  const entries = await bench.records.listHistory({ cluster: 'berlin', limit: 100 });
  expect(entries.filter(({ field }) => field === 'desired').map(({ run, reason }) => `${run}: ${reason}`)).toEqual([expect.stringMatching(/^europe-1: .*; closed window overridden by ann: keys have leaked$/)]);
});

test('a window about other strategies, and one about packages, keep no run of a mesh\'s plan', async () => {
  const { bench, agents } = await fleet();
  await deny(bench, HOUR, { strategies: ['quick-*'] });
  await bench.create(ChangeWindow, 'payments', { clusters: {}, kind: 'Deny', period: { from: '2020-01-01T00:00:00Z' }, packages: ['*'] });
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
  await bench.clock.advance(100);
  expect(agents.berlin.holds('DesiredRevision')).toEqual(['berlin']);
});

test('a window that cannot be read lets nothing through, and is named', async () => {
  const { bench, agents } = await fleet();
  await bench.create(ChangeWindow, 'nights', { clusters: {}, kind: 'Allow', cron: '0 25 * * *', durationSeconds: 600 });
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
  await bench.clock.advance(30_000);
  expect(agents.berlin.holds('DesiredRevision')).toEqual([]);
  expect((await status(bench))?.message).toContain('ChangeWindow nights cannot be read (spec.cron, column 3: hour: "25" is none; give 0 to 23)');
});
