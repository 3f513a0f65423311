import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isInRange, parseSemanticVersion, parseVersionRange } from './version.ts';

const inRange = (version: string, range: string): boolean => {
  const [left, right] = [parseSemanticVersion(version), parseVersionRange(range)];
  if (left === undefined || right === undefined) throw new Error(`${version} or ${range} cannot be read`);
  return isInRange(left, right);
};

/** As the npm package "semver" answers. */
test.each<[string, readonly string[], readonly string[]]>([
  ['*', ['0.0.0', '99.1.2'], ['1.0.0-rc.1']],
  ['1.x', ['1.0.0', '1.99.0'], ['2.0.0', '0.9.9', '2.0.0-rc.1']],
  ['^1.4', ['1.4.0', '1.5.0'], ['1.3.9', '2.0.0', '2.0.0-0']],
  ['^1.4.2', ['1.4.2', '1.9.0'], ['1.4.1', '2.0.0']],
  ['^0.2.3', ['0.2.3', '0.2.9'], ['0.3.0', '0.2.2']],
  ['^0.0.3', ['0.0.3'], ['0.0.4']],
  ['^0', ['0.0.1', '0.9.9'], ['1.0.0']],
  ['^0.0', ['0.0.1'], ['0.1.0']],
  ['~2.1.3', ['2.1.3', '2.1.9'], ['2.2.0']],
  ['~2', ['2.9.9'], ['3.0.0']],
  ['>=1.2 <2', ['1.2.0', '1.99.99'], ['1.1.9', '2.0.0', '2.0.0-alpha']],
  ['> 1.2', ['1.3.0'], ['1.2.9']],
  ['<=1.2', ['1.2.9', '0.1.0'], ['1.3.0']],
  ['1.2.3 || ^2', ['1.2.3', '2.5.0'], ['1.2.4', '3.0.0']],
  ['>=1.2.3-rc.2', ['1.2.3-rc.10', '1.2.3', '1.3.0'], ['1.2.3-rc.1', '1.2.4-rc.3']],
])('%s', (range, inside, outside) => {
  expect(inside.filter((version) => !inRange(version, range))).toEqual([]);
  expect(outside.filter((version) => inRange(version, range))).toEqual([]);
});

test.each(['', '1.2.3.4', 'a', '^', '1.x.3', '1.2.x-rc.1', '>*', '1 ||', '||', '>=1.2 <', '1'.repeat(300), '=>1', '01.0.0'])('%s is no range', (text) => { expect(parseVersionRange(text)).toBeUndefined(); });
test.each(['1.2', 'v1.2.3', '01.2.3', '1.2.3-01', '1.2.3-', '1.2.3+', '', ' 1.2.3'])('%s is no semantic version', (text) => { expect(parseSemanticVersion(text)).toBeUndefined(); });

test('caret, tilde and plain comparisons agree with a dumb twin over all small versions', () => {
  const number = fc.nat({ max: 3 });
  const triple = fc.tuple(number, number, number);
  type Triple = readonly [number, number, number];
  const order = (a: Triple, b: Triple): number => (a[0] * 100 + a[1] * 10 + a[2]) - (b[0] * 100 + b[1] * 10 + b[2]);
  const twins: Readonly<Record<string, (v: Triple, b: Triple) => boolean>> = {
    '>=': (v, b) => order(v, b) >= 0, '>': (v, b) => order(v, b) > 0, '<': (v, b) => order(v, b) < 0, '<=': (v, b) => order(v, b) <= 0, '=': (v, b) => order(v, b) === 0,
    '~': (v, b) => order(v, b) >= 0 && v[0] === b[0] && v[1] === b[1],
    '^': (v, b) => order(v, b) >= 0 && v[0] === b[0] && (b[0] > 0 || (v[1] === b[1] && (b[1] > 0 || v[2] === b[2]))),
  };
  fc.assert(fc.property(triple, triple, fc.constantFrom(...Object.keys(twins)), (version, bound, operator) => {
    expect(inRange(version.join('.'), `${operator}${bound.join('.')}`)).toBe(twins[operator]!(version, bound));
  }));
});
