import { expect, test } from 'vitest';
import { createPages, type Pages } from './query-pages.ts';

const NOW = 1_700_000_000_000;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const wide = 'x'.repeat(1000);
const pages = (epoch = NOW): Pages<string, number, { readonly row: number; readonly text: string }> => createPages(epoch, (row) => ({ row, text: wide }));

test('pages are as long as they fit, and together they are all of the rows', () => {
  const all = pages();
  const got: number[] = [];
  let page = all.first('head', numbers(2000), Number.POSITIVE_INFINITY, NOW);
  for (let rounds = 0; ; rounds += 1) {
    expect(Buffer.byteLength(JSON.stringify(page.rows))).toBeLessThanOrEqual(700_001);
    expect(page.head).toBe('head');
    got.push(...page.rows.map(({ row }) => row));
    if (page.next === undefined) break;
    page = all.next(page.next, Number.POSITIVE_INFINITY, NOW + rounds);
  }
  expect(got).toEqual(numbers(2000));
});

test('a row that is too long for any page still goes, alone', () => {
  const all = createPages<string, number, string>(NOW, () => 'x'.repeat(800_000));
  const first = all.first('', numbers(2), 10, NOW);
  expect([first.rows.length, all.next(first.next ?? '', 10, NOW).rows.length]).toEqual([1, 1]);
});

test('what follows is kept for a minute, and no longer than sixteen answers', () => {
  const all = pages();
  const first = all.first('', numbers(3), 2, NOW).next ?? '';
  expect(all.next(first, 2, NOW + 59_999).rows).toHaveLength(1);
  expect(() => all.next(first, 2, NOW + 60_000)).toThrow(/is not kept any more/);
  const tokens = numbers(17).map(() => all.first('', numbers(3), 2, NOW).next ?? '');
  expect(() => all.next(tokens[0] ?? '', 2, NOW)).toThrow(/is not kept any more/);
  expect(all.next(tokens[1] ?? '', 2, NOW).rows).toHaveLength(1);
});

test.each(['', 'nonsense', 'a:b', '1:-1', `${NOW.toString(36)}-1:3`, `${NOW.toString(36)}-1:1e3`, `${(NOW - 1).toString(36)}-1:2`])('the token %j is of no answer that is kept', (token) => {
  const all = pages();
  all.first('', numbers(3), 2, NOW);
  expect(() => all.next(token, 2, NOW)).toThrow(/ask again from the start$/);
});
