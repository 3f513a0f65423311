/** Change windows from the hub's side: their status as time goes by, and what overrides say of themselves. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GUARD_NAME, ValidatingAdmissionPolicyBinding } from '../../../mesh/api/resources/guards.ts';
import { ChangeWindow, UpdateRun, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { ChangeWindowObject, WindowOverrideObject } from '../../../mesh/api/resources/windows.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { ManualClock } from '../../runtime/testing/manual-clock.ts';
import { type Bench, createBench } from '../testing/bench.ts';
import { windowOverrideValue } from './values.ts';

const HOUR = 3_600_000;
let bench: Bench;
beforeEach(async () => {
  bench = await createBench();
  await bench.startHub();
});
afterEach(() => bench.stopHub());

const status = async (name: string) => (await bench.get<ChangeWindowObject>(ChangeWindow, name))?.status;
const condition = async (name: string, type: string) => (await status(name))?.conditions?.find((one) => one.type === type);
const effective = async (name: string): Promise<string | undefined> => {
  const found = (await bench.get<WindowOverrideObject>(WindowOverride, name))?.status?.conditions?.find(({ type }) => type === 'Effective');
  return found === undefined ? undefined : `${found.status} ${found.reason}: ${found.message}`;
};
const writes = async (name: string): Promise<string | undefined> => (await bench.get<ChangeWindowObject>(ChangeWindow, name))?.metadata.resourceVersion;

/** The next half hour past a full one. */
const halfPast = (clock: ManualClock): Instant => (Math.floor(clock.now() / HOUR) + 1) * HOUR - HOUR / 2;

describe('status of a window', () => {
  test('says whether it is open and when that ends, and is written when it changes, not as time goes by', async () => {
    const opens = halfPast(bench.clock);
    await bench.create(ChangeWindow, 'hourly', { clusters: {}, kind: 'Allow', cron: '30 * * * *', durationSeconds: 600 });
    await bench.clock.advance(1000);
    expect(await status('hourly')).toMatchObject({ open: false, opensAt: toRfc3339(opens) });
    const before = await writes('hourly');
    await bench.clock.advance(opens - bench.clock.now() - 1000);
    expect(await writes('hourly')).toBe(before);
    await bench.clock.advance(2000);
    expect(await status('hourly')).toMatchObject({ open: true, closesAt: toRfc3339(opens + 600_000) });
    expect((await status('hourly'))?.opensAt).toBeUndefined();
    await bench.clock.advance(600_000);
    expect(await status('hourly')).toMatchObject({ open: false, opensAt: toRfc3339(opens + HOUR) });
  });

  test('says field, column and the way out of what is wrong, and that it is right once it is repaired', async () => {
    await bench.create(ChangeWindow, 'nights', { clusters: {}, kind: 'Allow', cron: '0 25 * * *', durationSeconds: 600 });
    await bench.clock.advance(1000);
    expect(await condition('nights', 'Valid')).toMatchObject({ status: 'False', reason: 'WrongSpec', message: 'spec.cron, column 3: hour: "25" is none; give 0 to 23; until it is repaired the clusters that it selects are closed' });
    await bench.kubernetes.patch(ChangeWindow, { name: 'nights' }, { spec: { cron: '0 22 * * *' } }, { type: 'merge', fieldManager: 'test' }, new AbortController().signal);
    await bench.clock.advance(1000);
    expect(await condition('nights', 'Valid')).toMatchObject({ status: 'True' });
    expect(await condition('nights', 'NeverOpens')).toMatchObject({ status: 'False' });
  });

  test('says of one that never opens what that means', async () => {
    await bench.create(ChangeWindow, 'never', { clusters: {}, kind: 'Allow', cron: '0 0 30 2 *', durationSeconds: 600 });
    await bench.create(ChangeWindow, 'over', { clusters: {}, kind: 'Deny', period: { from: '1999-12-24T00:00:00Z', to: '2000-01-02T00:00:00Z' } });
    await bench.clock.advance(1000);
    expect(await condition('never', 'NeverOpens')).toMatchObject({ status: 'True', message: 'it does not open within 400 days; until then the clusters that it selects are closed, unless another window allows. Change or delete it' });
    expect(await condition('over', 'NeverOpens')).toMatchObject({ status: 'True', message: 'it does not open within 400 days: its period is over; until then it denies nothing. Change or delete it' });
  });
});

test('an override says whether it has an effect: not without its run, and no longer than it was given', async () => {
  const expiresAt = bench.clock.now() + 2 * HOUR;
  const spec = { run: 'one', reason: 'keys have leaked', requestedBy: 'ann', expiresAt: toRfc3339(expiresAt) };
  await bench.create(WindowOverride, 'leak', spec);
  await bench.create(WindowOverride, 'none', { ...spec, clusters: { names: [] } });
  await bench.clock.advance(1000);
  expect(await effective('leak')).toBe('False UnknownRun: there is no UpdateRun "one"; "isthmus run list" shows them');
  expect(await effective('none')).toMatch(/^False InvalidSelector: spec\.clusters: names: is an empty list, .*it opens nothing: delete it and make another$/);
  await bench.create(UpdateRun, 'one', { strategy: { name: 'default', stages: [{ name: 'all', clusters: {} }] }, planDigest: 'none', reason: 'a test', requestedBy: 'test', pause: true });
  await bench.clock.advance(1000);
  expect(await effective('leak')).toBe(`True InForce: run one passes closed windows until ${toRfc3339(expiresAt)}`);
  await bench.kubernetes.patch(UpdateRun, { name: 'one' }, { status: { phase: 'Stopped', message: '', counts: { total: 0, done: 0, inFlight: 0, failed: 0, skipped: 0 } } }, { type: 'merge', subresource: 'status', fieldManager: 'test' }, new AbortController().signal);
  await bench.clock.advance(1000);
  expect(await effective('leak')).toBe('False RunEnded: run one has ended');
  await bench.clock.advance(expiresAt - bench.clock.now() + 1000);
  expect(await effective('leak')).toBe(`False Expired: it was in force until ${toRfc3339(expiresAt)}`);
});

test('an override of more than seven days is refused, and where it came to be all the same, opens nothing', async () => {
  await bench.create(UpdateRun, 'one', { strategy: { name: 'default', stages: [{ name: 'all', clusters: {} }] }, planDigest: 'none', reason: 'a test', requestedBy: 'test', pause: true });
  const spec = { run: 'one', reason: 'keys have leaked', requestedBy: 'ann', expiresAt: toRfc3339(bench.clock.now() + 7 * 24 * HOUR) };
  await bench.create(WindowOverride, 'week', spec);
  await bench.create(WindowOverride, 'ever', { ...spec, expiresAt: '9999-12-31T23:59:59Z' });
  await bench.clock.advance(1000);
  expect(await effective('week')).toMatch(/^True InForce/);
  expect(await effective('ever')).toBe('False TooLong: spec.expiresAt is more than 7 days after it was made, so it opens nothing; delete it and make another');
  expect(windowOverrideValue((await bench.get<WindowOverrideObject>(WindowOverride, 'ever'))!)).toBeUndefined();
  await expect(bench.create(WindowOverride, 'blank', { ...spec, reason: ' ' })).rejects.toThrow(/spec\.reason/);
});

test('an override opens nothing while nobody vouches for who made it', async () => {
  await bench.create(UpdateRun, 'one', { strategy: { name: 'default', stages: [{ name: 'all', clusters: {} }] }, planDigest: 'none', reason: 'a test', requestedBy: 'test', pause: true });
  await bench.create(WindowOverride, 'leak', { run: 'one', reason: 'keys have leaked', requestedBy: 'ann', expiresAt: toRfc3339(bench.clock.now() + 2 * HOUR) });
  await bench.clock.advance(1000);
  expect(await effective('leak')).toMatch(/^True InForce/);
  await bench.kubernetes.delete(ValidatingAdmissionPolicyBinding, { name: GUARD_NAME }, {}, new AbortController().signal);
  await bench.clock.advance(61_000);
  expect(await effective('leak')).toMatch(/^False NotGuarded: nobody vouches for who made it, so it opens nothing: people are not vouched for: /);
});
