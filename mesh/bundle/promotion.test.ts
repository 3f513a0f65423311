import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BundleReference } from '../model/bundle.ts';
import { FINAL_RUN_PHASES } from '../model/rollout.ts';
import type { BundleCandidate, ChannelCluster, ChannelDecision, ChannelRun, ChannelValue } from './channel.ts';
import { decideChannels, type PromotionInput } from './promotion.ts';

const NOW = Date.UTC(2026, 10, 21);
const HOUR = 3_600_000;
const reference = (version: string): BundleReference => ({ package: 'shop', version, digest: `sha256-${version}` });
const bundle = (version: string, more: Partial<BundleCandidate> = {}): BundleCandidate => ({ ...reference(version), name: `shop-${version}`, createdAt: NOW - HOUR, ...more });
const cluster = (name: string, version: string | null, more: Partial<ChannelCluster> = {}): ChannelCluster => ({ name, bundle: version === null ? null : reference(version), healthy: true, held: null, ...more });
const run = (name: string, channel: string, version: string, more: Partial<ChannelRun> = {}): ChannelRun => ({ name, channel, bundle: `shop-${version}`, digest: `sha256-${version}`, phase: 'Completed', finishedAt: NOW - HOUR, ...more });
const staging = (clusters: readonly ChannelCluster[], more: Partial<ChannelValue> = {}): ChannelValue => ({ name: 'staging', package: 'shop', autoUpdate: { range: '*', from: 'Bundles' }, minimumAgeSeconds: 0, clusters, ...more });
const production = (clusters: readonly ChannelCluster[], more: Partial<ChannelValue> = {}): ChannelValue => ({ name: 'production', package: 'shop', autoUpdate: { range: '*', from: 'staging' }, minimumAgeSeconds: 0, clusters, ...more });
const decide = (input: Partial<PromotionInput>, channel: string, now = NOW): ChannelDecision => decideChannels({ channels: [], bundles: [], runs: [], ...input }, now).find((decision) => decision.channel === channel)!;

describe('a channel that takes what there is', () => {
  const channels = [staging([cluster('oslo', '1.0.0'), cluster('bergen', '1.0.0')])];
  test('goes to the highest version in its range', () => {
    expect(decide({ channels, bundles: [bundle('1.2.0'), bundle('1.10.0'), bundle('2.0.0-rc.1')] }, 'staging')).toMatchObject({ wanted: { version: '1.10.0', name: 'shop-1.10.0' }, makeRun: true, behind: ['oslo', 'bergen'], blocked: null, current: { version: '1.0.0' } });
    expect(decide({ channels: [staging([cluster('oslo', '1.0.0')], { autoUpdate: { range: '~1.2', from: 'Bundles' } })], bundles: [bundle('1.2.0'), bundle('1.10.0')] }, 'staging').wanted?.version).toBe('1.2.0');
  });
  test('does nothing where it is', () => { expect(decide({ channels, bundles: [bundle('1.0.0')] }, 'staging')).toMatchObject({ makeRun: false, behind: [], blocked: null }); });
  test('never goes down by itself', () => {
    expect(decide({ channels, bundles: [bundle('0.9.0')] }, 'staging')).toMatchObject({ makeRun: false, wanted: null, blocked: { reason: 'Lower' } });
    expect(decide({ channels: [staging([cluster('oslo', '1.0.0')], { bundle: 'shop-0.9.0' })], bundles: [bundle('0.9.0')] }, 'staging')).toMatchObject({ makeRun: true, wanted: { version: '0.9.0' } });
  });
  test('passes over what no run may bring, and says so where there is nothing else', () => {
    const bad = bundle('1.2.0', { problem: 'its signatures do not do: 0 of 1' });
    expect(decide({ channels, bundles: [bundle('1.1.0'), bad] }, 'staging').wanted?.version).toBe('1.1.0');
    expect(decide({ channels, bundles: [bad] }, 'staging').blocked).toEqual({ reason: 'NotUsable', message: 'Bundle shop-1.2.0 is not used: its signatures do not do: 0 of 1' });
  });
  test('waits until a Bundle is old enough, and wakes then', () => {
    const aged = [staging([cluster('oslo', '1.0.0')], { minimumAgeSeconds: 7200 })];
    expect(decide({ channels: aged, bundles: [bundle('1.1.0')] }, 'staging')).toMatchObject({ makeRun: false, blocked: { reason: 'TooYoung' }, wakeAt: NOW + HOUR });
    expect(decide({ channels: aged, bundles: [bundle('1.1.0')] }, 'staging', NOW + HOUR).makeRun).toBe(true);
    expect(decide({ channels: aged, bundles: [bundle('1.0.0', { createdAt: 0 }), bundle('1.1.0')] }, 'staging')).toMatchObject({ makeRun: false, behind: [], blocked: null, wakeAt: NOW + HOUR });
  });
  test('waits for its own run', () => {
    expect(decide({ channels, bundles: [bundle('1.1.0')], runs: [run('staging-1', 'staging', '1.0.5', { phase: 'Running', finishedAt: null })] }, 'staging')).toMatchObject({ makeRun: false, openRun: 'staging-1', blocked: null });
  });
  test('leaves those alone that are held back, while they are', () => {
    const held = [staging([cluster('oslo', '1.0.0', { held: 'frozen: summit' })])];
    expect(decide({ channels: held, bundles: [bundle('1.1.0')] }, 'staging')).toMatchObject({ makeRun: false, blocked: { reason: 'Held', message: 'oslo is held back: frozen: summit' } });
  });
  test('makes no run after run for what stays behind', () => {
    const runs = [run('staging-1', 'staging', '1.1.0', { finishedAt: NOW - 1000 })];
    expect(decide({ channels, bundles: [bundle('1.1.0')], runs }, 'staging')).toMatchObject({ makeRun: false, wakeAt: NOW + 59_000 });
    expect(decide({ channels, bundles: [bundle('1.1.0')], runs }, 'staging', NOW + 59_000).makeRun).toBe(true);
  });
});

describe('what failed is not tried again by itself', () => {
  const channels = [staging([cluster('oslo', '1.0.0')])];
  test.each(['Failed', 'RolledBack', 'Stopped'] as const)('%s', (phase) => {
    const runs = [run('staging-1', 'staging', '1.1.0', { phase })];
    expect(decide({ channels, bundles: [bundle('1.1.0')], runs }, 'staging')).toMatchObject({ makeRun: false, blocked: { reason: 'RunFailed' } });
    expect(decide({ channels, bundles: [bundle('1.1.0'), bundle('1.1.1')], runs }, 'staging')).toMatchObject({ makeRun: true, wanted: { version: '1.1.1' } });
    expect(decide({ channels, bundles: [bundle('1.1.0')], runs: [...runs, run('staging-2', 'staging', '1.1.0')] }, 'staging').blocked).toBeNull();
  });
  test('on the clusters where it failed; others get a run of their own', () => {
    const three = [staging([cluster('bergen', '1.0.0'), cluster('oslo', '1.0.0'), cluster('stavanger', '1.1.0')])];
    const runs = (spent: readonly string[]): readonly ChannelRun[] => [run('staging-1', 'staging', '1.1.0', { phase: 'CompletedWithFailures', spent: new Set(spent) })];
    expect(decide({ channels: three, bundles: [bundle('1.1.0')], runs: runs(['oslo']) }, 'staging')).toMatchObject({ makeRun: true, only: ['bergen'], blocked: { reason: 'RunFailed', message: expect.stringContaining('did not bring shop 1.1.0 to oslo (CompletedWithFailures)') } });
    expect(decide({ channels: three, bundles: [bundle('1.1.0')], runs: runs(['bergen', 'oslo']) }, 'staging')).toMatchObject({ makeRun: false, blocked: { reason: 'RunFailed' } });
    expect(decide({ channels: three, bundles: [bundle('1.1.0')], runs: runs(['stavanger']) }, 'staging')).toMatchObject({ makeRun: true, only: ['bergen', 'oslo'] });
    expect(decide({ channels: three, bundles: [bundle('1.1.0')], runs: [...runs(['oslo']), run('staging-2', 'staging', '1.1.0', { phase: 'Failed' })] }, 'staging').makeRun).toBe(false);
  });
  test('undone by a person', () => {
    expect(decide({ channels, bundles: [bundle('1.1.0')], runs: [run('staging-1', 'staging', '1.1.0'), run('undo-1', 'staging', '1.1.0', { undoes: true })] }, 'staging').blocked?.message).toContain('run undo-1 took shop 1.1.0 back');
  });
});

describe('promotion', () => {
  const done = [run('staging-1', 'staging', '1.1.0')];
  const input = (clusters: readonly ChannelCluster[], more: Partial<PromotionInput> = {}): Partial<PromotionInput> =>
    ({ channels: [staging(clusters), production([cluster('virginia', '1.0.0')])], bundles: [bundle('1.1.0')], runs: done, ...more });

  test('what passed goes on unchanged, by digest', () => {
    expect(decide(input([cluster('oslo', '1.1.0'), cluster('bergen', '1.1.0')]), 'production')).toMatchObject({ makeRun: true, wanted: { digest: 'sha256-1.1.0', name: 'shop-1.1.0' }, behind: ['virginia'] });
  });
  test('also when its Bundle is gone: the run knows its name, the records its content', () => {
    expect(decide(input([cluster('oslo', '1.1.0')], { bundles: [] }), 'production')).toMatchObject({ makeRun: true, wanted: { name: 'shop-1.1.0', digest: 'sha256-1.1.0' } });
  });
  test.each<[string, Partial<PromotionInput>, string]>([
    ['not everywhere yet', input([cluster('oslo', '1.1.0'), cluster('bergen', '1.0.0')]), 'not every cluster of Channel staging has the same version'],
    ['its run is on its way', input([cluster('oslo', '1.1.0')], { runs: [run('staging-1', 'staging', '1.1.0', { phase: 'Soaking', finishedAt: null })] }), 'run staging-1 of Channel staging is on its way'],
    ['its run failed', input([cluster('oslo', '1.1.0')], { runs: [run('staging-1', 'staging', '1.1.0', { phase: 'CompletedWithFailures' })] }), 'ended as CompletedWithFailures'],
    ['taken back', input([cluster('oslo', '1.1.0')], { runs: [...done, run('back', 'staging', '1.1.0', { undoes: true })] }), 'run back took shop 1.1.0 back from Channel staging'],
    ['no run', input([cluster('oslo', '1.1.0')], { runs: [] }), 'no run of Channel staging brought shop 1.1.0 there'],
    ['sick now', input([cluster('oslo', '1.1.0', { healthy: false })]), 'not known to be healthy now on oslo'],
    ['nobody there', input([]), 'has no clusters, so nothing can pass it'],
  ])('not: %s', (_name, given, message) => {
    const decision = decide(given, 'production');
    expect(decision).toMatchObject({ makeRun: false, wanted: null, blocked: { reason: 'NotPassed' } });
    expect(decision.blocked?.message).toContain(message);
  });
  test('not out of its range, not too early, not what is revoked meanwhile', () => {
    const clusters = [cluster('oslo', '1.1.0')];
    const of = (more: Partial<ChannelValue>): readonly ChannelValue[] => [staging(clusters), production([cluster('virginia', '1.0.0')], more)];
    expect(decide(input(clusters, { channels: of({ autoUpdate: { range: '~1.0', from: 'staging' } }) }), 'production').blocked?.reason).toBe('NothingYet');
    expect(decide(input(clusters, { channels: of({ minimumAgeSeconds: 7200 }) }), 'production')).toMatchObject({ makeRun: false, blocked: { reason: 'TooYoung' }, wakeAt: NOW + HOUR });
    expect(decide(input(clusters, { bundles: [bundle('1.1.0', { problem: 'key "ann" is revoked' })] }), 'production').blocked?.reason).toBe('NotUsable');
  });
});

describe('channels that make no sense do nothing', () => {
  const takes = (name: string, from: string, more: Partial<ChannelValue> = {}): ChannelValue => production([cluster(name, '1.0.0')], { name, autoUpdate: { range: '*', from }, ...more });
  test.each<[readonly ChannelValue[], string, string]>([
    [[takes('a', 'a')], 'Circle', 'a takes from a'],
    [[takes('a', 'b'), takes('b', 'c'), takes('c', 'a')], 'Circle', 'a takes from b takes from c takes from a'],
    [[takes('a', 'b')], 'NoSuchChannel', 'there is no Channel "b"'],
    [[takes('a', 'b'), takes('b', 'Bundles', { package: 'other' })], 'OtherPackage', 'Channel b is of package other'],
    [[takes('a', 'Bundles', { autoUpdate: { range: '1.x.3', from: 'Bundles' } })], 'Invalid', '"1.x.3" is no range of versions'],
    [[takes('a', 'Bundles'), takes('b', 'Bundles', { clusters: [cluster('a', null)] })], 'Overlap', 'a would be on Channel b as well'],
  ])('%#', (channels, reason, message) => {
    const decision = decide({ channels, bundles: [bundle('1.1.0')] }, 'a');
    expect(decision).toMatchObject({ makeRun: false, invalid: { reason } });
    expect(decision.invalid?.message).toContain(message);
  });
  test('one that takes from a circle that it is not in is only blocked', () => {
    expect(decide({ channels: [takes('a', 'b'), takes('b', 'c'), takes('c', 'b')] }, 'a')).toMatchObject({ invalid: null, makeRun: false });
  });
});

test('whatever the fleet: a run is made only for a digest that is usable, not failed before, with no other run open, and never down by itself', () => {
  const versions = ['1.0.0', '1.1.0', '2.0.0'] as const;
  const version = fc.constantFrom(...versions);
  const member = (name: string): fc.Arbitrary<ChannelCluster> => fc.record({ version: fc.option(version), healthy: fc.boolean(), held: fc.option(fc.constant('frozen')) })
    .map(({ version: one, healthy, held }) => cluster(name, one, { healthy, held }));
  const phases = fc.constantFrom(...FINAL_RUN_PHASES, 'Running' as const, 'Paused' as const);
  const runs = fc.array(fc.record({ channel: fc.constantFrom('staging', 'production'), version, phase: phases }), { maxLength: 5 })
    .map((all) => all.map(({ channel, version: one, phase }, index) => run(`run-${index}`, channel, one, { phase, finishedAt: NOW - HOUR })));
  const bundles = fc.uniqueArray(fc.record({ version, bad: fc.boolean() }), { selector: ({ version: one }) => one }).map((all) => all.map(({ version: one, bad }) => bundle(one, bad ? { problem: 'bad' } : {})));
  fc.assert(fc.property(fc.tuple(member('oslo'), member('bergen')), member('virginia'), runs, bundles, fc.option(version), (a, b, ran, all, pin) => {
    const input = { channels: [staging(a), production([b], pin === null ? {} : { bundle: `shop-${pin}` })], bundles: all, runs: ran };
    for (const decision of decideChannels(input, NOW)) {
      const again = decideChannels(input, NOW).find(({ channel }) => channel === decision.channel);
      expect(again).toEqual(decision);
      if (!decision.makeRun) continue;
      const wanted = decision.wanted!;
      expect(all.find(({ digest }) => digest === wanted.digest)?.problem).toBeUndefined();
      const own = ran.filter(({ channel }) => channel === decision.channel);
      expect(own.some(({ phase }) => !FINAL_RUN_PHASES.includes(phase))).toBe(false);
      expect([undefined, 'Completed', 'CompletedWithFailures']).toContain(own.findLast(({ digest }) => digest === wanted.digest)?.phase);
      expect(decision.behind.length).toBeGreaterThan(0);
      if (decision.channel === 'production' && pin === null) {
        expect(a.every(({ bundle: has, healthy }) => has?.digest === wanted.digest && healthy)).toBe(true);
        expect(versions.indexOf(wanted.version as '1.0.0')).toBeGreaterThanOrEqual(b.bundle === null ? 0 : versions.indexOf(b.bundle.version as '1.0.0'));
      }
    }
  }), { numRuns: 500 });
});
