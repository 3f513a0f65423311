import { describe, expect, test } from 'vitest';
import { createWindowBook, windowVerdict } from './book.ts';
import { changeWindow, cluster, override, RUN } from './testing/values.ts';

/** A Monday. */
const NOW = Date.UTC(2027, 0, 4, 10);
const at = (text: string): number => Date.parse(text);
const NIGHTS = changeWindow({ name: 'nights', cron: '0 22 * * *', durationSeconds: 6 * 3600, reason: 'few customers' });
const OFFICE = changeWindow({ name: 'office', cron: '0 9 * * MON-FRI', durationSeconds: 8 * 3600 });
const FREEZE = changeWindow({ name: 'freeze', kind: 'Deny', period: { from: '2027-01-01T00:00:00Z', to: '2027-01-06T23:00:00Z' }, reason: 'year end' });
const EU = cluster('berlin', { region: 'eu' });

describe('verdict', () => {
  test('where nothing selects a cluster it is open, and nothing is said', () => {
    const elsewhere = [{ ...NIGHTS, clusters: { labels: { region: 'us' } } }];
    expect(windowVerdict(elsewhere, [], EU, RUN, NOW)).toEqual({ open: true, reason: '', opensAt: null, closesAt: null });
    expect(windowVerdict([], [], EU, RUN, NOW).open).toBe(true);
  });

  test('one that allows closes all other time, and says when it opens', () => {
    expect(windowVerdict([NIGHTS], [], EU, RUN, NOW)).toEqual({ open: false, reason: 'outside ChangeWindow nights (few customers)', opensAt: at('2027-01-04T22:00:00Z'), closesAt: null });
    expect(windowVerdict([NIGHTS], [], EU, RUN, at('2027-01-04T23:00:00Z'))).toEqual({ open: true, reason: 'within ChangeWindow nights (few customers)', opensAt: null, closesAt: at('2027-01-05T04:00:00Z') });
    expect(windowVerdict([NIGHTS, OFFICE], [], EU, RUN, NOW)).toEqual({ open: true, reason: 'within ChangeWindow office', opensAt: null, closesAt: at('2027-01-04T17:00:00Z') });
  });

  test('one that denies wins, and opening waits for both', () => {
    expect(windowVerdict([FREEZE, NIGHTS, OFFICE], [], EU, RUN, NOW)).toEqual({ open: false, reason: 'ChangeWindow freeze (year end) denies changes now', opensAt: at('2027-01-06T23:00:00Z'), closesAt: null });
    expect(windowVerdict([FREEZE, OFFICE], [], EU, RUN, NOW).opensAt).toBe(at('2027-01-07T09:00:00Z'));
    expect(windowVerdict([FREEZE], [], EU, RUN, NOW).opensAt).toBe(at('2027-01-06T23:00:00Z'));
    expect(windowVerdict([FREEZE], [], EU, RUN, at('2026-12-30T00:00:00Z'))).toEqual({ open: true, reason: 'no ChangeWindow denies changes now', opensAt: null, closesAt: at('2027-01-01T00:00:00Z') });
  });

  test('one that denies without an end, or always while another allows, never opens', () => {
    expect(windowVerdict([changeWindow({ name: 'stop', kind: 'Deny', period: { from: '2027-01-01T00:00:00Z' } })], [], EU, RUN, NOW)).toMatchObject({ open: false, opensAt: null });
    expect(windowVerdict([{ ...NIGHTS, name: 'no-nights', kind: 'Deny' }, NIGHTS], [], EU, RUN, NOW)).toMatchObject({ open: false, opensAt: null });
  });

  test('windows may be about some strategies and packages alone', () => {
    const ofPayments = changeWindow({ name: 'payments', kind: 'Deny', period: { from: '2027-01-01T00:00:00Z' }, packages: ['payment-*'], strategies: ['careful'] });
    const open = (strategy: string, bundle?: string): boolean => windowVerdict([ofPayments], [], EU, { name: 'one', strategy, ...(bundle === undefined ? {} : { package: bundle }) }, NOW).open;
    expect([open('careful', 'payment-api'), open('careful', 'cilium'), open('careful'), open('quick', 'payment-api')]).toEqual([false, true, true, true]);
  });

  test('one that cannot be read closes what it may concern, and is named', () => {
    const broken = changeWindow({ name: 'broken', cron: '0 25 * * *', clusters: { labels: { region: 'eu' } } });
    expect(windowVerdict([broken, NIGHTS], [], EU, RUN, at('2027-01-04T23:00:00Z'))).toEqual({ open: false, reason: expect.stringContaining('ChangeWindow broken cannot be read (spec.cron, column 3: hour'), opensAt: null, closesAt: null });
    expect(windowVerdict([broken], [], cluster('denver'), RUN, NOW).open).toBe(true);
    expect(windowVerdict([changeWindow({ name: 'whom', kind: 'Deny', cron: '0 2 * * *', clusters: { names: [] } })], [], cluster('denver'), RUN, NOW)).toMatchObject({ open: false, reason: expect.stringContaining('spec.clusters: names') });
  });
});

describe('override', () => {
  const closed = [FREEZE, NIGHTS];
  test('opens for its run until it expires, and says by whom and why', () => {
    expect(windowVerdict(closed, [override()], EU, RUN, NOW)).toEqual({
      open: true, reason: 'ChangeWindow freeze (year end) denies changes now, overridden by WindowOverride leak', opensAt: null, closesAt: at('2027-01-04T12:00:00Z'), overriddenBy: 'ann: keys have leaked',
    });
    expect(windowVerdict(closed, [override()], EU, { ...RUN, name: 'two' }, NOW).open).toBe(false);
    expect(windowVerdict(closed, [override()], EU, RUN, at('2027-01-04T12:00:00Z')).open).toBe(false);
  });

  test('of some clusters opens those alone; one whose selector means nothing opens none', () => {
    const some = [override({ clusters: { names: ['berlin'] } })];
    expect([windowVerdict(closed, some, EU, RUN, NOW).open, windowVerdict(closed, some, cluster('oslo'), RUN, NOW).open]).toEqual([true, false]);
    expect(windowVerdict(closed, [override({ clusters: { names: [] } })], EU, RUN, NOW).open).toBe(false);
  });

  test('that ends inside a window which allows stays open until that closes; of two the longer holds', () => {
    expect(windowVerdict([NIGHTS], [override({ expiresAt: at('2027-01-04T23:00:00Z') })], EU, RUN, NOW).closesAt).toBe(at('2027-01-05T04:00:00Z'));
    expect(windowVerdict(closed, [override(), override({ name: 'long', requestedBy: 'ben', expiresAt: at('2027-01-04T15:00:00Z') })], EU, RUN, NOW)).toMatchObject({ closesAt: at('2027-01-04T15:00:00Z'), overriddenBy: 'ben: keys have leaked' });
  });

  test('is not needed, and not named, where windows are open', () => {
    expect(windowVerdict([OFFICE], [override()], EU, RUN, NOW).overriddenBy).toBeUndefined();
  });
});

describe('book', () => {
  test('says of each window whether it is open, and when time alone changes anything', () => {
    const book = createWindowBook([FREEZE, NIGHTS], [override()], NOW);
    expect(book.states.map(({ window, open, interval }) => [window.name, open, interval?.from, interval?.to])).toEqual([['freeze', true, NOW, at('2027-01-06T23:00:00Z')], ['nights', false, at('2027-01-04T22:00:00Z'), at('2027-01-05T04:00:00Z')]]);
    expect(book.wakeAt).toBe(at('2027-01-04T12:00:00Z'));
    expect(createWindowBook([FREEZE], [], at('2027-02-01T00:00:00Z')).wakeAt).toBeNull();
  });

  test('shows the part of each window', () => {
    const book = createWindowBook([FREEZE, { ...NIGHTS, clusters: { names: ['oslo'] } }, { ...OFFICE, strategies: ['quick'] }], [], NOW);
    expect(book.parts(EU, RUN).map(({ window, selects, concernsRun, open }) => [window.name, selects, concernsRun, open])).toEqual([['freeze', true, true, true], ['nights', false, true, false], ['office', true, false, true]]);
    expect(book.parts(EU, undefined).every(({ concernsRun }) => concernsRun)).toBe(true);
  });

  test('judges 10,000 clusters by 100 windows without evaluating a rule for each', () => {
    const windows = Array.from({ length: 100 }, (_, index) => changeWindow({
      name: `w${index}`, kind: index % 3 === 0 ? 'Deny' : 'Allow', cron: `${index % 60} ${index % 24} * * ${index % 7}`, timeZone: 'Europe/Berlin', clusters: { labels: { group: `g${index % 10}` } },
    }));
    const clusters = Array.from({ length: 10_000 }, (_, index) => cluster(`c${index}`, { group: `g${index % 10}` }));
    const began = performance.now();
    const first = createWindowBook(windows, [], NOW);
    const verdicts = clusters.map((one) => first.verdict(one, RUN));
    const afterFirst = performance.now();
    const later = createWindowBook(windows, [], NOW + 60_000);
    for (const one of clusters) later.verdict(one, RUN);
    const [cold, warm] = [afterFirst - began, performance.now() - afterFirst];
    expect(new Set(verdicts).size).toBeLessThanOrEqual(10);
    expect(warm).toBeLessThan(1000);
    expect(cold).toBeLessThan(10_000);
  });
});
