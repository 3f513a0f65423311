/** The benchmark's parts run, at sizes at which figures mean nothing. */
import { expect, test } from 'vitest';
import { planFigures } from './mesh/plan.ts';
import { renderFigures } from './mesh/render.ts';
import { whatIfFigures } from './mesh/what-if.ts';
import { verifyFigures } from './mesh/verify.ts';

test('prints a figure of each change beside a plan from nothing', () => {
  const printed: string[] = [];
  planFigures({ clusters: 60, repeats: 3 }, (text) => printed.push(text));
  const text = printed.join('\n');
  expect(text).not.toContain('NaN');
  for (const line of ['from nothing', 'one cluster changes: a label', 'one cluster changes: its address']) expect(text.split('\n').find((one) => one.includes(`  ${line}`)), line).toMatch(/\d/);
  expect(text.match(/ goal: .*(?:met|MISSED)/g)).toHaveLength(6);
});

test('prints a figure of each part of verifying a mesh', async () => {
  const printed: string[] = [];
  await verifyFigures({ clusters: 6, repeats: 1 }, (text) => printed.push(text));
  const text = printed.join('\n');
  expect(text).not.toContain('NaN');
  for (const line of ['looks, 12 calls each', '1 of 100 red', '"isthmus mesh verify --fresh"', 'memory of them']) expect(text.split('\n').find((one) => one.includes(`  ${line}`)), line).toMatch(/\d/);
});

test('renders a mesh beside its baseline', () => {
  const printed: string[] = [];
  renderFigures({ clusters: 6 }, (text) => printed.push(text));
  const text = printed.join('\n');
  expect(text).toContain('18 manifests of 6 clusters');
  for (const line of ['planned, from nothing', 'objects as JSON (baseline)', 'manifests']) expect(text.split('\n').find((one) => one.startsWith(`  ${line}`)), line).toMatch(/\d/);
});

test('asks a hub what would be, and says how long it holds it', async () => {
  const printed: string[] = [];
  await whatIfFigures({ clusters: 30 }, (text) => printed.push(text));
  const lines = printed.join('\n').split('\n').map((line) => line.trim().split(/ {2,}/));
  expect(lines.filter(([name]) => name?.startsWith('one more cluster')).map(([, changed]) => changed)).toEqual(['31', '31']);
  // Hubs read everybody as before.
  expect(lines.find(([name]) => name === 'every mesh with another topology')?.[1]).toBe('26');
});
