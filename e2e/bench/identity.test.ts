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
  expect(text.match(/ goal: .*(?:met|MISSED)/g)).toHaveLength(3);
});

test('a fleet that joined over a day never bunches its renewals, and one that was issued anew at once does so less each day', () => {
  const quiet = measureRenewals(10_000);
  expect(quiet.most).toBeLessThanOrEqual(2 * quiet.mean);
  const bunched = [0, 3, 14].map((days) => measureAfterReissue(10_000, days)).map(({ most, mean }) => most / mean);
  expect(bunched).toEqual(bunched.toSorted((a, b) => b - a));
});
