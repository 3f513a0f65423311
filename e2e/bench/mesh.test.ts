/** The benchmark's parts run, at sizes at which figures mean nothing. */
import { expect, test } from 'vitest';
import { planFigures } from './mesh/plan.ts';

test('prints a figure of each change beside a plan from nothing', () => {
  const printed: string[] = [];
  planFigures({ clusters: 60, repeats: 3 }, (text) => printed.push(text));
  const text = printed.join('\n');
  expect(text).not.toContain('NaN');
  for (const line of ['from nothing', 'one cluster changes: a label', 'one cluster changes: its address']) expect(text.split('\n').find((one) => one.includes(`  ${line}`)), line).toMatch(/\d/);
  expect(text.match(/ goal: .*(?:met|MISSED)/g)).toHaveLength(6);
});
