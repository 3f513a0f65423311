import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cut, Shelf } from './shelf.ts';

const key = fc.tuple(fc.constantFrom('', 'a', 'a-b', 'a0', 'b'), fc.constantFrom('x', 'x-y', 'x0', 'y')).map(([namespace, name]) => `${namespace}/${name}`);
const change = fc.oneof(fc.record({ put: key, value: fc.nat(9) }), fc.record({ remove: key }), fc.constant({ hold: true as const }));

it('is a map in the order of its keys, and what is held stays as it was', () => {
  fc.assert(fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
    const shelf = new Shelf();
    const twin = new Map<string, number>();
    const held: (readonly [unknown, () => unknown])[] = [];
    const plain = (): unknown => shelf.rows().map((row) => [row.key, row.object['value']]);
    for (const each of changes) {
      if ('put' in each) {
        shelf.put(each.put, { value: each.value });
        twin.set(each.put, each.value);
      } else if ('remove' in each) {
        shelf.delete(each.remove);
        twin.delete(each.remove);
      } else {
        const rows = shelf.rows();
        held.push([plain(), () => rows.map((row) => [row.key, row.object['value']])]);
      }
    }
    expect(plain()).toEqual([...twin].sort(([a], [b]) => (a < b ? -1 : 1)));
    for (const [keyText, value] of twin) expect(shelf.get(keyText)).toEqual({ value });
    for (const [then, now] of held) expect(now()).toEqual(then);
  }));
});

it('cuts out a namespace, and what comes after a key', () => {
  fc.assert(fc.property(fc.uniqueArray(key), fc.option(fc.constantFrom('', 'a', 'a-b', 'a0', 'b', 'c'), { nil: undefined }), fc.option(key, { nil: undefined }), (keys, namespace, after) => {
    const shelf = new Shelf();
    for (const each of keys) shelf.put(each, {});
    const { rows, from, to } = cut(shelf.rows(), namespace, after);
    const expected = keys.toSorted().filter((each) => (namespace === undefined || each.startsWith(`${namespace}/`)) && (after === undefined || each > after));
    expect(rows.slice(from, to).map((row) => row.key)).toEqual(expected);
  }));
});

it('tells how it was before changes', () => {
  const shelf = new Shelf();
  for (const name of ['a', 'b', 'c']) shelf.put(`/${name}`, { name });
  const rows = shelf.rowsWith(new Map([['/b', undefined], ['/c', { name: 'old' }], ['/aa', { name: 'gone' }]]));
  expect(rows.map((row) => [row.key, row.object['name']])).toEqual([['/a', 'a'], ['/aa', 'gone'], ['/c', 'old']]);
});
