import { expect, test } from 'vitest';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { createOwnWrites, isBehind, isFromBefore, isReplaced, wroteAs } from './own-writes.ts';

const at = (resourceVersion: string, uid = 'a', more: object = {}): KubernetesObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x', uid, resourceVersion, ...more } });
const unasked = (): Promise<undefined> => { throw new Error('the API server was asked'); };

test('what the cache shows is from before until it shows what we wrote, or a later state', () => {
  const own = wroteAs(at('10'));
  expect([at('9'), at('10'), at('11'), at('100')].map((current) => isFromBefore(current, own))).toEqual([true, false, false, false]);
  // Versions that have no order say nothing.
  expect(isFromBefore(at('x'), own)).toBe(false);
  expect([at('9'), at('9', 'b'), at('11', 'b')].map((current) => isReplaced(current, own))).toEqual([false, true, false]);
  const removed = wroteAs(at('10'), true);
  expect([at('9'), at('10'), at('11'), at('11', 'b')].map((current) => isFromBefore(current, removed))).toEqual([true, true, true, false]);
  expect(isReplaced(at('11'), removed)).toBe(true);
});

test.each([
  ['what we changed is not seen yet', wroteAs(at('10')), at('9'), at('10'), true],
  ['what we made is not seen yet', wroteAs(at('10')), undefined, at('10'), true],
  ['what we removed is seen still', wroteAs(at('10'), true), at('10'), undefined, true],
  ['what we removed has others who hold it', wroteAs(at('10'), true), at('11'), at('11', 'a', { deletionTimestamp: '2030-01-01T00:00:00Z' }), true],
  ['what we made was taken away', wroteAs(at('10')), undefined, undefined, false],
  ['the server was set back to before our change', wroteAs(at('10')), at('9'), at('9'), false],
  ['the server was set back to before what we removed went', wroteAs(at('10'), true), at('10'), at('10'), false],
])('%s: the cache is behind at first; then the server is asked', async (_, own, current, there, behind) => {
  expect(await isBehind(own, current, false, unasked)).toBe(true);
  expect(await isBehind(own, current, true, () => Promise.resolve(there))).toBe(behind);
});

test.each([
  ['our change is seen', wroteAs(at('10')), at('10')],
  ['a later one is seen', wroteAs(at('10')), at('12')],
  ['it is seen that it is gone', wroteAs(at('10'), true), undefined],
  ['another of the name is seen', wroteAs(at('10'), true), at('12', 'b')],
])('%s: the cache is not behind, and nobody is asked', async (_, own, current) => {
  expect(await isBehind(own, current, true, unasked)).toBe(false);
});

test('of more than the most the oldest are forgotten', () => {
  const writes = createOwnWrites(2);
  for (const name of ['one', 'two', 'two', 'three']) writes.set(name, wroteAs(at(name)));
  expect(['one', 'two', 'three'].map((name) => writes.get(name)?.resourceVersion)).toEqual([undefined, 'two', 'three']);
});
