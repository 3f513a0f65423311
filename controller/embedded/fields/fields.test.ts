import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { equal } from '../json.ts';
import { difference, type FieldSet, fromFieldsV1, intersection, isEmptySet, pathTexts, toFieldsV1, union } from './field-set.ts';
import { compare, fieldsOf, mergeApplied, removeFields } from './typed.ts';

const schema: StructuralSchema = {
  type: 'object',
  properties: {
    map: { type: 'object', additionalProperties: { type: 'string' } },
    list: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: { type: 'object', properties: { k: { type: 'string' }, v: { type: 'string' } } } },
    set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    whole: { type: 'array', items: { type: 'string' } },
  },
};
const word = fc.constantFrom('a', 'b', 'c');
/** No empty containers: who names an empty one owns it, but not what others put into it. */
const value = fc.record({
  map: fc.dictionary(word, word, { minKeys: 1, maxKeys: 3 }),
  list: fc.uniqueArray(fc.record({ k: word, v: word }), { selector: (item) => item.k, minLength: 1, maxLength: 3 }),
  set: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }),
  whole: fc.array(word, { maxLength: 2 }),
}, { requiredKeys: [] });

/** The dumb twin: a set of path texts. */
const texts = (set: FieldSet): Set<string> => new Set(pathTexts(set));

describe('field sets', () => {
  it('behave as sets of paths do', () => {
    fc.assert(fc.property(value, value, (one, two) => {
      const [a, b] = [fieldsOf(schema, one), fieldsOf(schema, two)];
      const [ta, tb] = [texts(a), texts(b)];
      expect(texts(union(a, b))).toEqual(new Set([...ta, ...tb]));
      expect(texts(intersection(a, b))).toEqual(new Set([...ta].filter((path) => tb.has(path))));
      expect(texts(difference(a, b))).toEqual(new Set([...ta].filter((path) => !tb.has(path))));
      expect(isEmptySet(difference(a, a))).toBe(true);
    }));
  });

  it('survive FieldsV1', () => {
    fc.assert(fc.property(value, (one) => {
      const set = fieldsOf(schema, one);
      expect(texts(fromFieldsV1(toFieldsV1(set)) as FieldSet)).toEqual(texts(set));
    }));
    for (const bad of [null, 1, [], { x: {} }, { 'f:a': 1 }]) expect(fromFieldsV1(bad)).toBeUndefined();
  });

  it('read as people write paths', () => {
    expect(pathTexts(fieldsOf(schema, { map: { a: 'x' }, list: [{ k: 'a', v: 'b' }], set: ['c'], whole: ['d'] }))).toEqual(['.list[k="a"]', '.list[k="a"].k', '.list[k="a"].v', '.map.a', '.set[="c"]', '.whole']);
  });
});

describe('typed values', () => {
  it('merge: an applied value is in the result, and applying again changes nothing', () => {
    fc.assert(fc.property(value, value, (live, config) => {
      const merged = mergeApplied(schema, live, config);
      expect(equal(mergeApplied(schema, merged, config), merged)).toBe(true);
      expect(isEmptySet(difference(fieldsOf(schema, config), fieldsOf(schema, merged)))).toBe(true);
      const { added, modified } = compare(schema, merged, mergeApplied(schema, merged, config));
      expect(isEmptySet(union(added, modified))).toBe(true);
    }));
  });

  it('remove: what goes is gone, what another owner keeps stays', () => {
    fc.assert(fc.property(value, value, (mine, theirs) => {
      const both = mergeApplied(schema, mine, theirs);
      const keep = fieldsOf(schema, theirs);
      const left = removeFields(schema, both, difference(fieldsOf(schema, mine), keep), keep);
      expect(isEmptySet(difference(keep, fieldsOf(schema, left)))).toBe(true);
      expect([...texts(fieldsOf(schema, left))].filter((path) => !texts(keep).has(path) && texts(fieldsOf(schema, mine)).has(path))).toEqual([]);
    }));
  });

  it('compare: nothing differs from itself', () => {
    fc.assert(fc.property(value, (one) => {
      const { added, modified, removed } = compare(schema, one, structuredClone(one));
      expect([added, modified, removed].every(isEmptySet)).toBe(true);
    }));
  });
});
