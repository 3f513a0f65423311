/** The benchmark's parts run, at sizes at which most figures mean nothing; what is counted and not timed is held. */
import { expect, test } from 'vitest';
import { measureAfterReissue, measureRenewals } from './identity/renewals.ts';
import { identityFigures } from './identity.ts';

test('prints a figure beside each baseline, and all agents come back', async () => {
  const printed: string[] = [];
  await identityFigures({ milliseconds: 100, agents: 10, clusters: 10_000, peculiar: false }, (text) => printed.push(text));
  const text = printed.join('\n');
  expect(text).not.toContain('NaN');
  for (const line of ['issued from a request', 'signed alone', 'node-forge, RSA 2048', 'handshakes', 'from its start', 'joined over a day']) expect(text.split('\n').find((one) => one.includes(`  ${line}`)), line).toMatch(/\d/);
  expect(text).toContain('left out: not asked for');
  expect(text.match(/ goal: .*(?:met|MISSED)/g)).toHaveLength(4);
});

test('neither a fleet that joined over a day nor one that was issued anew at once ever bunches its renewals', () => {
  const figures = [measureRenewals(10_000), ...[0, 1, 3, 14].map((days) => measureAfterReissue(10_000, days))];
  for (const { renewals, most, mean } of figures) {
    expect(renewals).toBeGreaterThan(15_000);
    expect(most).toBeLessThanOrEqual(2 * mean);
  }
});
