/** The benchmark's parts run, at sizes at which figures mean nothing; only counts are judged. */
import { expect, test } from 'vitest';
import { WRITING } from './kube/amplification.ts';
import { quantile, table } from './kube/figures.ts';
import { kubeFigures } from './kube.ts';

const TINY = { objects: 10, reads: 3, breaks: 0, updatesPerSecond: 100, updateSeconds: 0.1, callers: [3], secondsEach: 0.02, watchWrites: 3, listSeconds: 0.02 };

/** A mesh is joined in two steps, users and then entries, and each is told; so is that Cilium makes one wait that was away. */
const mostFor = (change: string): number => (change.startsWith('Mesh ') ? 2.3 : 2);

test('prints a figure beside each baseline that it has; hub and agents write about twice for each object that changes, and nothing in an idle minute', async () => {
  const printed: string[] = [];
  const amplification = await kubeFigures(TINY, false, (text) => printed.push(text));
  const text = printed.join('\n');
  expect(text).not.toContain('NaN');
  expect(text).toContain(`== ${TINY.objects + 1} ConfigMaps`);
  expect(text).toMatch(/; [1-9]\d* and [1-9]\d* events handled/);
  for (const line of ['time to synced', 'heap after collection', 'write sent to handler, p99', 'create, 3 at a time', 'write to watch event, p50', 'listed at once, longest', 'an idle minute']) {
    expect(text.split('\n').find((one) => one.includes(line)), line).toMatch(/\d/);
  }
  expect(amplification.length).toBe(9);
  for (const { change, requests, changedObjects } of amplification) {
    const writes = WRITING.reduce((sum, verb) => sum + (requests[verb] ?? 0), 0);
    expect(writes, change).toBeLessThanOrEqual(mostFor(change) * changedObjects);
    if (!change.includes('idle')) expect(changedObjects, change).toBeGreaterThan(0);
  }
});

test('quantiles and tables', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 1), quantile([], 0.5)]).toEqual([51, 100, 100, Number.NaN]);
  expect(table([['', 'a'], ['one', '10']])).toBe('      a\none  10');
});
