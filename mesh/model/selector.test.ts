import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddress, parseCidr } from './address.ts';
import { matchesGlob } from './glob.ts';
import { matchesSelector, selectorProblem } from './selector.ts';

/** Says what a glob means, at exponential cost. */
function twin(pattern: string, value: string): boolean {
  if (pattern === '') return value === '';
  if (pattern.startsWith('*')) return twin(pattern.slice(1), value) || (value !== '' && twin(pattern, value.slice(1)));
  return value !== '' && (pattern.startsWith('?') || pattern[0] === value[0]) && twin(pattern.slice(1), value.slice(1));
}

test('globs mean what they say', () => {
  const text = (letters: string) => fc.string({ unit: fc.constantFrom(...letters.split('')), maxLength: 8 });
  fc.assert(fc.property(text('ab*?'), text('ab'), (pattern, value) => { expect(matchesGlob(pattern, value)).toBe(twin(pattern, value)); }), { numRuns: 2000 });
});

test('no pattern is slow', () => {
  const started = performance.now();
  expect(matchesGlob('*a'.repeat(128), `${'a'.repeat(100_000)}b`)).toBe(false);
  expect(performance.now() - started).toBeLessThan(2_000);
});

const oslo = { name: 'oslo', labels: { stage: 'canary' }, properties: [{ name: 'country', value: 'no' }, { name: 'stage', value: 'shadowed' }] };

test.each([
  [{}, true],
  [{ names: ['o*', 'x'] }, true],
  [{ names: ['x'] }, false],
  [{ names: [] }, false],
  [{ labels: { stage: 'can?ry', country: ['se', 'no'] } }, true],
  [{ labels: { stage: 'shadowed' } }, false],
  [{ labels: { missing: '*' } }, false],
  [{ exclude_labels: { country: 'n*' } }, false],
  [{ exclude_labels: { missing: '*', stage: 'x' } }, true],
  [{ labels: { toString: '*' } }, false],
])('%j: %s', (selector, expected) => { expect(matchesSelector(selector, oslo)).toBe(expected); });

test('what a selector cannot mean is said', () => {
  expect(selectorProblem({ labels: { a: 'b' }, names: ['c'] })).toBeUndefined();
  expect(selectorProblem({ names: [] })).toMatch(/^names: is an empty list/);
  expect(selectorProblem({ exclude_labels: { a: [] } })).toMatch(/^exclude_labels\["a"\]: is an empty list/);
  expect(selectorProblem({ labels: { '': 'x' } })).toMatch(/empty key/);
  expect(selectorProblem(JSON.parse('{"labels": {"a": [true]}}') as object)).toMatch(/true is not a text/);
  expect(selectorProblem(JSON.parse('{"labels": {"a": 7}}') as object)).toMatch(/7 is neither/);
});

test('addresses and CIDRs', () => {
  expect(parseAddress('10.0.0.1')).toEqual({ family: 'IPv4', value: 0x0a000001n });
  expect(parseAddress('fd00::1')).toEqual({ family: 'IPv6', value: (0xfd00n << 112n) | 1n });
  expect(parseAddress('::ffff:10.0.0.1')).toEqual({ family: 'IPv6', value: 0xffff0a000001n });
  expect(parseCidr('10.1.2.3/8')).toEqual({ family: 'IPv4', first: 0x0a000000n, last: 0x0affffffn });
  for (const wrong of ['', '10.0.0', '10.0.0.256', '10.0.0.01', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', 'fe80::1%eth0', 'g::', ':', '1.2.3.4::']) expect(parseAddress(wrong), wrong).toBeUndefined();
  for (const wrong of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '/8', 'fd00::/129', '10.0.0.0/8/8', '10.0.0.0/+8']) expect(parseCidr(wrong), wrong).toBeUndefined();
});
