import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { expired, type PastRun, type RunLimits } from './expired.ts';

const HOUR = 3_600_000;
const NOW = 1000 * HOUR;
const run = (name: string, endedHoursAgo: number | null, more: Partial<PastRun> = {}): PastRun => ({
  name, strategy: 'careful', startedAt: endedHoursAgo === null ? NOW - 1 : NOW - (endedHoursAgo + 1) * HOUR, endedAt: endedHoursAgo === null ? null : NOW - endedHoursAgo * HOUR,
  marked: false, assigns: false, repeats: [], subjects: ['plan'], clusters: [], succeeded: [], decides: false, ...more,
});
const names = (runs: readonly PastRun[], limits: Partial<RunLimits>): readonly string[] => expired(runs, NOW, { perStrategy: 2, ageMilliseconds: null, ...limits });

describe('runs that are over', () => {
  it('go oldest first, when there are more than so many of a strategy', () => {
    expect(names([run('b', 20), run('a', 30), run('c', 10), run('d', 5), run('other', 40, { strategy: 'quick' })], {})).toEqual(['a', 'b']);
  });

  it('go when they are too old, however few there are', () => {
    expect(names([run('b', 20), run('a', 30), run('c', 10)], { perStrategy: 50, ageMilliseconds: 20 * HOUR })).toEqual(['a', 'b']);
  });

  it('count those that stay among so many', () => {
    expect(names([run('a', 30, { marked: true }), run('b', 20), run('c', 10)], {})).toEqual(['b']);
  });

  it('stay for whom somebody still needs them', () => {
    const gone = { perStrategy: 0, ageMilliseconds: 0 };
    expect(names([run('open', null), run('fresh', 0.5), run('marked', 9, { marked: true }), run('assigns', 9, { assigns: true }), run('decides', 9, { decides: true }), run('loose', 9)], gone)).toEqual(['loose']);
    expect(names([run('undo', 9, { repeats: ['undone'] }), run('undone', 10)], gone), 'the undone one goes after its undo').toEqual(['undo']);
    expect(names([run('undone', 10)], gone)).toEqual(['undone']);
  });

  it('stay where a cluster had its last turn, and where it last had one with success, in each of the things that runs change', () => {
    const had = { clusters: ['oslo'] };
    const runs = [
      run('first', 60, { ...had, succeeded: ['oslo'] }), run('good', 50, { ...had, succeeded: ['oslo'] }), run('failed', 40, had), run('failed-again', 30, had),
      run('package', 55, { ...had, subjects: ['package shop'] }), run('nobody', 20),
    ];
    expect(names(runs, { perStrategy: 0 })).toEqual(['first', 'failed', 'nobody']);
  });
});

/** The same said as a person would: of each run whether there is a reason to keep it, and then the list. */
function dumb(runs: readonly PastRun[], now: number, { perStrategy, ageMilliseconds }: RunLimits): string[] {
  const later = (a: PastRun, b: PastRun): boolean => (a.startedAt ?? 0) > (b.startedAt ?? 0) || ((a.startedAt ?? 0) === (b.startedAt ?? 0) && a.name > b.name);
  const lastOf = (one: PastRun, which: 'clusters' | 'succeeded'): boolean => one.startedAt !== null && one.subjects.some((subject) => one[which].some((cluster) =>
    !runs.some((other) => other.startedAt !== null && other !== one && later(other, one) && other.subjects.includes(subject) && other[which].includes(cluster))));
  const needed = (one: PastRun): boolean => one.endedAt === null || one.endedAt > now - HOUR || one.marked || one.assigns || one.decides || lastOf(one, 'clusters') || lastOf(one, 'succeeded')
    || runs.some(({ repeats }) => repeats.includes(one.name));
  const older = (a: PastRun, b: PastRun): boolean => a.endedAt! < b.endedAt! || (a.endedAt === b.endedAt && a.name < b.name);
  const gone: PastRun[] = [];
  for (;;) {
    const next = runs.filter((one) => !needed(one) && !gone.includes(one)).filter((one) => (ageMilliseconds !== null && one.endedAt! <= now - ageMilliseconds)
      || runs.filter((other) => other.strategy === one.strategy && other.endedAt !== null && !gone.includes(other)).length > perStrategy);
    const oldest = next.find((one) => next.every((other) => other === one || older(one, other)));
    if (oldest === undefined) return gone.map(({ name }) => name);
    gone.push(oldest);
  }
}

const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values]);
const pastRuns = fc.array(fc.record({
  strategy: fc.constantFrom('careful', 'quick'), began: fc.option(fc.integer({ min: 0, max: 20 }), { freq: 9 }), ended: fc.option(fc.integer({ min: 0, max: 20 }), { freq: 9 }),
  marked: fc.constantFrom(false, false, false, true), assigns: fc.constantFrom(false, false, false, true), repeats: fc.array(fc.integer({ min: 0, max: 11 }), { maxLength: 1 }),
  subjects: some(['plan', 'package shop']), clusters: some(['berlin', 'oslo', 'virginia']), succeeded: some(['berlin', 'oslo', 'virginia']), decides: fc.constantFrom(false, false, false, true),
}), { maxLength: 12 }).map((values) => values.map(({ began, ended, repeats, succeeded, ...value }, index): PastRun => ({
  ...value, name: `run-${String.fromCharCode(97 + index)}`, startedAt: began === null ? null : NOW - 30 * HOUR + began * HOUR, endedAt: ended === null ? null : NOW - ended * HOUR,
  repeats: repeats.map((other) => `run-${String.fromCharCode(97 + other)}`), succeeded: succeeded.filter((cluster) => value.clusters.includes(cluster)),
})));
const limits = fc.record({ perStrategy: fc.integer({ min: 0, max: 5 }), ageMilliseconds: fc.option(fc.integer({ min: 0, max: 20 }).map((hours) => hours * HOUR)) });

test('any runs under any limits go as their dumb twin says, and what is left comes to rest', () => {
  fc.assert(fc.property(pastRuns, limits, (runs, within) => {
    const gone = expired(runs, NOW, within);
    expect(gone).toEqual(dumb(runs, NOW, within));
    let left = runs;
    for (let pass = 0; pass <= runs.length; pass += 1) {
      const now = expired(left, NOW, within);
      left = left.filter(({ name }) => !now.includes(name));
    }
    expect(expired(left, NOW, within)).toEqual([]);
    // The last ones of each cluster are the same before and after: nothing that is decided from them changes.
    const lastOf = (all: readonly PastRun[], subject: string, cluster: string): string | undefined =>
      [...all].filter((one) => one.startedAt !== null && one.subjects.includes(subject) && one.clusters.includes(cluster)).sort((a, b) => b.startedAt! - a.startedAt! || (a.name < b.name ? 1 : -1))[0]?.name;
    for (const subject of ['plan', 'package shop']) for (const cluster of ['berlin', 'oslo', 'virginia']) expect(lastOf(left, subject, cluster)).toBe(lastOf(runs, subject, cluster));
  }), { numRuns: 2000 });
});
