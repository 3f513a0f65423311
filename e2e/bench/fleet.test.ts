/** The benchmark's parts run, at sizes at which figures mean nothing; only counts are judged: index, scan, kubectl and jq find the same clusters, and the past is what its replay gives. */
import { expect, test } from 'vitest';
import { clusters } from './fleet/objects.ts';
import { QUESTIONS } from './fleet/questions.ts';
import { fleetFigures, hubFigures } from './fleet.ts';

const TINY = { clusters: 200, rounds: 5, slowRounds: 1, writes: 5, rows: 30_000, historyClusters: 10, historyQuestions: 5, fleetQuestions: 2, managedObjects: 100, hubWrites: 1, hubQuestions: 0 };

test('prints a figure beside each baseline that it has', async () => {
  const printed: string[] = [];
  await fleetFigures(TINY, false, (text) => printed.push(text));
  const text = printed.join('\n');
  expect(text).not.toContain('NaN');
  for (const line of [...QUESTIONS.map(({ name }) => name), 'in the hub\'s memory alone', 'rows and index beside them', 'one cluster', 'all 10 clusters', 'drift: path']) {
    expect(text.split('\n').find((one) => one.includes(`  ${line}`)), line).toMatch(/\d/);
  }
  expect(text.match(/ goal: .*(?:met|MISSED)/g)).toHaveLength(4);
});

test('asks a whole hub, beside kubectl', async () => {
  const printed: string[] = [];
  await hubFigures({ ...TINY, clusters: 20, hubQuestions: 1 }, (text) => printed.push(text));
  const text = printed.join('\n');
  expect(text).not.toContain('NaN');
  expect(text).toMatch(/one team +\d+ +[\d.]+, [\d.]+ ms +[\d.]+, [\d.]+ ms/);
  expect(text).toMatch(/until an Inquiry finds it: \d[^]*resident memory: \d/);
});

test('the fleet is the same every time', () => { expect(clusters(3)).toEqual(clusters(3)); });
