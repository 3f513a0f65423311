import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Contention, isContended, recalled, undone } from './contention.ts';
import { diffFields } from './fields.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

test('three undone writes within five minutes are a contention, and each further one doubles the pause, up to half an hour', () => {
  let state: Contention | undefined;
  const pauses: number[] = [];
  for (let now = 0, round = 0; round < 12; round += 1) {
    state = undone(state, 'argocd-controller', now);
    pauses.push((state.quietUntil - now) / 1000);
    now = state.quietUntil + 1000;
  }
  expect(pauses).toEqual([0, 0, 30, 60, 120, 240, 480, 960, 1800, 1800, 1800, 1800]);
  expect(isContended(state)).toBe(true);
});

test('seldom is no fight, another manager begins anew, and who left us alone for long is forgiven', () => {
  let state: Contention | undefined;
  for (let now = 0; now < 3_600_000; now += 200_000) state = undone(state, 'helm', now);
  expect(isContended(state)).toBe(false);
  const fought = [0, 1, 2].reduce<Contention | undefined>((before, at) => undone(before, 'a', at), undefined);
  expect(isContended(fought)).toBe(true);
  expect(isContended(undone(fought, 'b', 3))).toBe(false);
  expect(isContended(undone(fought, 'a', 10_000_000))).toBe(false);
});

test.each<[string, Contention, number, Contention | undefined]>([
  ['a fight goes on where it was', { manager: 'a', undoneAt: [1, 2, 3], rounds: 4, quietUntil: 500_000 }, 250_000, { manager: 'a', undoneAt: [1, 2, 3], rounds: 4, quietUntil: 500_000 }],
  ['undone writes that are no fight yet still count', { manager: 'a', undoneAt: [1, 200_000], rounds: 0, quietUntil: 200_000 }, 400_000, { manager: 'a', undoneAt: [200_000], rounds: 0, quietUntil: 200_000 }],
  ['those of long ago do not', { manager: 'a', undoneAt: [1, 2], rounds: 0, quietUntil: 2 }, 400_000, undefined],
  ['who left us alone for long is forgiven', { manager: 'a', undoneAt: [3], rounds: 4, quietUntil: 500_000 }, 2_300_001, undefined],
  ['no pause is longer than the longest after a clock that was ahead', { manager: 'a', undoneAt: [9e12], rounds: 4, quietUntil: 9e12 }, 1000, { manager: 'a', undoneAt: [], rounds: 4, quietUntil: 1_801_000 }],
])('remembered: %s', (_name, memory, now, expected) => {
  expect(recalled(memory, now)).toEqual(expected);
});

test('a fight costs few writes however long it lasts', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 60 }), (everySeconds) => {
    let state: Contention | undefined;
    let writes = 0;
    for (let now = 0; now < 86_400_000; now += everySeconds * 1000) {
      if (state !== undefined && now < state.quietUntil) continue;
      state = undone(state, 'x', now);
      writes += 1;
    }
    expect(writes).toBeLessThan(60);
  }));
});

test('differences name the leaf, with short values as they are and long ones by digest', () => {
  const wanted = { metadata: { labels: { 'app.kubernetes.io/managed-by': 'isthmus-agent' } }, spec: { type: 'ClusterIP', ports: [{ port: 80 }], note: 'x'.repeat(100) } };
  const there = { metadata: { labels: { other: 'y' } }, spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }], note: 'y', added: 1 } };
  expect(diffFields(wanted, there, digest, 10)).toMatchObject({ count: 3, differences: [
    { path: '.metadata.labels["app.kubernetes.io/managed-by"]', expected: '"isthmus-agent"', actual: 'absent' },
    { path: '.spec.note', expected: `sha256:${digest(JSON.stringify('x'.repeat(100)))}`, actual: '"y"' },
    { path: '.spec.type', expected: '"ClusterIP"', actual: '"LoadBalancer"' },
  ] });
  expect(diffFields(wanted, there, digest, 1)).toMatchObject({ count: 3, differences: [{}] });
  expect(diffFields(wanted, undefined, digest, 10)).toMatchObject({ differences: [{ path: '', actual: 'absent' }] });
});

test('what the server or others add is no difference, and what carries everything has none', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => { expect(diffFields(value, value, digest, 5).count).toBe(0); }));
});
