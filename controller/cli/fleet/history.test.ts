/** `isthmus fleet history` and `isthmus fleet diff` against a whole hub in virtual time. */
import { expect, test } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster, Mesh, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Bench, createBench, reportOf, scriptedAgent } from '../../hub/testing/bench.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { showDiff } from './diff.ts';
import { showHistory } from './history.ts';

const never = new AbortController().signal;
const DAY = 86_400_000;
const environmentOf = (bench: Bench): TestEnvironment => testEnvironment({ client: bench.kubernetes, clock: bench.clock });

async function label(bench: Bench, name: string, labels: Record<string, string | null>, fieldManager: string): Promise<void> {
  await bench.kubernetes.patch<ClusterObject>(Cluster, { name }, { metadata: { labels } } as never, { type: 'merge', fieldManager }, never);
  await bench.clock.advance(1000);
}

/** Lines of a table, runs of spaces as two. */
const lines = (text: string): string[] => text.trimEnd().split('\n').map((line) => line.replace(/ {2,}/g, '  '));

/** Berlin gets a label of ada's, a day later a mesh, a day later another label. */
async function lived(): Promise<{ readonly bench: Bench; readonly start: number }> {
  const bench = await createBench();
  await bench.join('berlin', { region: 'europe' });
  await bench.join('oslo');
  await bench.startHub();
  const agents = ['berlin', 'oslo'].map((name, index) => scriptedAgent(name, index + 1));
  for (const agent of agents) agent.connect(bench);
  await bench.clock.advance(60_000);
  const start = bench.clock.now();
  await label(bench, 'berlin', { stage: 'canary' }, 'kubectl-label');
  await bench.clock.advance(DAY);
  await bench.create(UpdateStrategy, 'simple', { stages: [{ name: 'all', clusters: {}, maxConcurrency: 5, soakSeconds: 0 }], progressDeadlineSeconds: 600 });
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'simple' });
  await bench.clock.advance(10_000);
  for (const agent of agents) agent.apply();
  await bench.clock.advance(DAY);
  await label(bench, 'berlin', { stage: 'production', region: null }, 'kubectl-edit');
  return { bench, start };
}

test('what people and runs did is told with its author and reason, newest first', async () => {
  const { bench, start } = await lived();
  const labels = environmentOf(bench);
  await showHistory(labels, 'berlin', { field: 'labels.*', limit: '50', output: 'table' });
  const at = (offset: number): string => toRfc3339(start + offset);
  expect(lines(labels.printed())).toEqual([
    'WHEN  FIELD  BEFORE  AFTER  BY  APPROVED-BY  REASON',
    `${at(2 * DAY + 11_000)}  labels.stage  canary  production  kubectl-edit  -  -`,
    `${at(2 * DAY + 11_000)}  labels.region  europe  -  kubectl-edit  -  -`,
    `${at(0)}  labels.stage  -  canary  kubectl-label  -  -`,
    expect.stringMatching(/labels\.region {2}- {2}europe {2}test {2}- {2}-$/),
  ]);
  const runs = environmentOf(bench);
  await showHistory(runs, 'berlin', { field: 'desired', limit: '50', output: 'wide' });
  expect(lines(runs.printed())[1]).toMatch(/ {2}desired {2}- {2}[0-9a-f]{8,} {2}run\/europe-1 {2}- {2}.*europe.* {2}europe-1$/);
  const current = environmentOf(bench);
  await showHistory(current, 'berlin', { field: 'current', limit: '50', output: 'wide' });
  expect(lines(current.printed())[1]).toMatch(/ {2}spiffe:\/\/test\/cluster\/berlin {2}- {2}.* {2}europe-1$/);
});

test('a span of time, a limit, and what is told when there is nothing', async () => {
  const { bench } = await lived();
  const day = environmentOf(bench);
  await showHistory(day, 'berlin', { field: 'labels.*', since: '25h', limit: '1', output: 'name' });
  expect(day.printed()).toBe('berlin/labels.stage\n');
  expect(day.complained()).toMatch(/^There are older changes: --limit N or --until 20\S+Z shows them\.\n$/);
  const none = environmentOf(bench);
  await showHistory(none, 'oslo', { field: 'labels.*', limit: '5', output: 'table' });
  expect(none.complained()).toBe('No change of cluster oslo is recorded that fits.\n');
  await expect(showHistory(environmentOf(bench), 'berlni', { limit: '5', output: 'table' })).rejects.toThrow('cluster "berlni": there is none of that name, and the records know of none; did you mean "berlin"?');
  await expect(showHistory(environmentOf(bench), 'berlin', { since: '2999-01-01', limit: '5', output: 'table' })).rejects.toThrow('is in the future');
  await expect(showHistory(environmentOf(bench), 'berlin', { since: '1d', until: '2d', limit: '5', output: 'table' })).rejects.toThrow('--until 2d: is not after --since 1d');
});

test('two moments beside each other, and one beside now', async () => {
  const { bench, start } = await lived();
  const both = environmentOf(bench);
  await showDiff(both, 'berlin', { at: [toRfc3339(start - 1000), '25h'], output: 'table' });
  const table = lines(both.printed());
  expect(table[0]).toMatch(/^FIELD {2}20\S+Z {2}20\S+Z {2}LAST CHANGE {2}BY {2}APPROVED-BY {2}REASON$/);
  expect(table).toContainEqual(`labels.stage  -  canary  ${toRfc3339(start)}  kubectl-label  -  -`);
  expect(both.printed()).not.toContain('labels.region');
  const now = environmentOf(bench);
  await showDiff(now, 'berlin', { at: ['25h'], output: 'table' });
  expect(lines(now.printed()).slice(1).map((line) => line.split('  ').slice(0, 3))).toEqual(expect.arrayContaining([['labels.region', 'europe', '-'], ['labels.stage', 'canary', 'production']]));
  const neither = environmentOf(bench);
  await showDiff(neither, 'berlin', { at: ['400d', '399d'], output: 'table' });
  expect(neither.complained()).toMatch(/^Nothing of cluster berlin is different between .*\nnothing is recorded of berlin as of .*\nnothing is recorded of berlin as of .*\n$/);
  await expect(showDiff(environmentOf(bench), 'berlin', { at: [], output: 'table' })).rejects.toThrow('--at: give it once');
  await expect(showDiff(environmentOf(bench), 'nowhere', { at: ['1d'], output: 'table' })).rejects.toThrow('cluster "nowhere": there is none of that name');
});

test('a cluster that is gone keeps its past, and under a new name it is linked to the old one by its uid', async () => {
  const bench = await createBench();
  await bench.join('berlin');
  await bench.startHub();
  const berlin = scriptedAgent('berlin', 1);
  berlin.publisher.set('ClusterReport', 'berlin', { ...reportOf(1), uid: 'uid-of-kube-system' });
  berlin.connect(bench);
  await bench.clock.advance(60_000);
  const known = bench.clock.now();
  await bench.clock.advance(1000);
  await bench.kubernetes.delete(Cluster, { name: 'berlin' }, {}, never);
  await bench.clock.advance(60_000);
  await bench.join('muenchen');
  const renamed = scriptedAgent('muenchen', 1);
  renamed.publisher.set('ClusterReport', 'muenchen', { ...reportOf(1), uid: 'uid-of-kube-system' });
  renamed.connect(bench);
  await bench.clock.advance(60_000);
  expect([...(await bench.records.statesAt(bench.clock.now())).keys()]).toEqual(['muenchen']);
  expect([...(await bench.records.statesAt(known)).keys()]).toEqual(['berlin']);
  const gone = environmentOf(bench);
  await showHistory(gone, 'berlin', { field: 'nodes', limit: '5', output: 'table' });
  expect(lines(gone.printed())[1]).toMatch(/ {2}nodes {2}\{"ready":1,"total":1\} {2}- {2}hub {2}- {2}the Cluster object was deleted$/);
  expect(gone.complained()).toMatch(/^The same cluster, by its uid, is known as muenchen since 20\S+: "isthmus fleet history muenchen"\.\n$/);
  const linked = environmentOf(bench);
  await showHistory(linked, 'muenchen', { limit: '5', output: 'json' });
  expect(linked.complained()).toContain('is known as berlin since');
});
