import { expect, test } from 'vitest';
import { atColumn, pointedAt } from './pointing.ts';

test('the mark is below the column', () => {
  expect(pointedAt({ problem: 'expected a key', column: 4 }, 'a=b,,')).toBe('expected a key\n  a=b,,\n     ^');
  expect(pointedAt({ problem: 'p', column: 1 }, '')).toBe('p\n  \n  ^');
  expect(atColumn({ problem: 'expected a key', column: 4 })).toBe('column 4: expected a key');
});

test('of a long query what stands around the column is shown, in one line', () => {
  const text = `${'a'.repeat(300)}!${'b'.repeat(300)}`;
  const [, shown = '', mark = ''] = pointedAt({ problem: 'p', column: 301 }, text).split('\n');
  expect(shown[mark.indexOf('^')]).toBe('!');
  expect([shown.length, shown.slice(0, 4), shown.at(-1)]).toEqual([104, '  …a', '…']);
  expect(pointedAt({ problem: 'p', column: 3 }, 'a\n\tb').split('\n')).toHaveLength(3);
});
