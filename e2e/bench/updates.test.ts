/** The benchmark's parts run, at sizes at which figures mean nothing. */
import { expect, test } from 'vitest';
import { updatesFigures } from './updates.ts';

test('prints a figure beside each baseline, and every run completes', async () => {
  const printed: string[] = [];
  await updatesFigures({ clusters: 60, twinClusters: 20, days: 60, agents: 3, runs: 2 }, (text) => printed.push(text));
  const text = printed.join('\n');
  expect(text).not.toContain('NaN');
  for (const line of ['20 clusters', '60 clusters', 'Completed', 'UpdateRun made']) expect(text.split('\n').find((one) => one.includes(`  ${line}`)), line).toMatch(/\d/);
  expect(text.match(/ goal: .*(?:met|MISSED)/g)).toHaveLength(4);
});
