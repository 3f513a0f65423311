import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesQuery, parseQuery } from './query.ts';

const oslo = { name: 'oslo', labels: { stage: 'canary', '0/a': 'x' }, properties: [{ name: 'region', value: 'europe' }, { name: 'in', value: 'yes' }, { name: 'empty', value: '' }] };

test.each([
  ['', true], ['  ', true],
  ['region=europe,stage!=frozen', true], ['region = eur* , stage == can?ry', true], ['region=asia', false], ['region!=europe', false],
  ['missing!=x', true], ['missing=*', false], ['missing', false], ['!missing', true], ['! region', false], ['region', true],
  ['region in (asia, eur*)', true], ['region notin (asia,eur*)', false], ['missing notin (a)', true], ['missing in (a)', false], ['region in(europe)', true],
  ['name=os*', true], ['name!=oslo', false], ['in=yes', true], ['in in (yes)', true], ['empty=', true], ['region=', false], ['0/a=x', true], ['inside', false],
])('%j: %s', (text, expected) => {
  const parsed = parseQuery(text);
  expect('query' in parsed && matchesQuery(parsed.query, oslo)).toBe(expected);
});

test.each([
  ['=x', 1, /expected a key/], ['a=b,', 5, /another term/], ['a,,b', 3, /expected a key/], ['a in b', 6, /expected "\("/], ['a in (b', 8, /expected "," or "\)"/], ['a b', 3, /found "b"/],
  ['a=(b)', 3, /found "\("/], ['x'.repeat(5000), 4097, /at most 4096/],
])('%s: column %i', (text, column, problem) => {
  expect(parseQuery(text)).toEqual({ problem: expect.stringMatching(problem) as string, column });
});

test('noise is answered, never thrown, and a problem points into the text', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'ab=!,() *innot'.split('')) })), (text) => {
    const parsed = parseQuery(text);
    if ('query' in parsed) matchesQuery(parsed.query, oslo);
    else expect(parsed.column >= 1 && parsed.column <= text.length + 1).toBe(true);
  }), { numRuns: 2000 });
});
