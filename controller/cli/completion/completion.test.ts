import { describe, expect, test } from 'vitest';
import { apiVersionOf, Cluster, UpdateRun } from '../../../mesh/api/resources/index.ts';
import { COMMANDS } from '../commands.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { completeWords } from './index.ts';
import { SCRIPTS, SHELLS } from './scripts.ts';

async function withNames(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  for (const name of ['berlin', 'bern', 'oslo']) await environment.client.create(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name }, spec: {} } as never, { fieldManager: 'test' }, environment.signal);
  const spec = { strategyName: 'careful', planDigest: 'x', reason: 'test', requestedBy: 'ada', stop: false };
  await environment.client.create(UpdateRun, { apiVersion: apiVersionOf(UpdateRun), kind: 'UpdateRun', metadata: { name: 'europe-1' }, spec } as never, { fieldManager: 'test' }, environment.signal);
  return environment;
}

const words = async (typed: readonly string[], environment: TestEnvironment = testEnvironment()): Promise<string[]> =>
  (await completeWords(typed, () => environment)).split('\n').filter((line) => line !== '').map((line) => line.split('\t')[0]!);

describe('completion', () => {
  test('commands, their sub-commands, options and values come from the tree of commands', async () => {
    expect(await words([''])).toEqual([...COMMANDS.map(([name]) => name), 'completion']);
    expect(await words(['run', 's'])).toEqual(['simulate', 'status', 'stop']);
    expect(await words(['--kubeconfig', 'x', 'run', 'sim'])).toEqual(['simulate']);
    expect(await words(['run', 'simulate', '--fa'])).toEqual(['--fail', '--fail-percent']);
    expect(await words(['run', 'simulate', '--fail', 'x', '--fa'])).toEqual(['--fail-percent']);
    for (const command of ['simulate', 'diff', 'create']) expect(await words(['run', command, '--al'])).toEqual(['--all']);
    expect(await words(['run', 'simulate', '-o', ''])).toEqual(['table', 'wide', 'json', 'yaml', 'csv', 'svg', 'name']);
    expect(await words(['fleet', 'query', '--output=j'])).toEqual(['--output=json']);
    expect(await words(['fleet', 'query', '--output', '=', 'j'])).toEqual(['json']);
    expect(await words(['fleet', 'query', '--output', '='])).toContain('csv');
    expect(await words(['completion', ''])).toEqual([...SHELLS]);
    expect(await words(['nothing', 'of', 'the', 'kind'])).toEqual([]);
  });

  test('every command can be loaded, and each of its options completed', async () => {
    for (const [name] of COMMANDS) expect(await words([name, '--'])).toContain('--help');
  });

  test('names come from the hub\'s API: runs, clusters, and several of them after commas', async () => {
    const environment = await withNames();
    expect(await words(['run', 'status', ''], environment)).toEqual(['europe-1']);
    expect(await words(['run', 'diff', 'europe-1', 'b'], environment)).toEqual(['berlin', 'bern']);
    expect(await words(['run', 'simulate', '--fail', 'berlin,b'], environment)).toEqual(['berlin,bern']);
    expect(await words(['run', 'simulate', '--fail=o'], environment)).toEqual(['--fail=oslo']);
    expect(await words(['window', 'override', 'europe-1', '--clusters', ''], environment)).toEqual(['berlin', 'bern', 'oslo']);
    // Who joins has a name that nobody knows.
    expect(await words(['join', ''], environment)).toEqual([]);
  });

  test('a hub that cannot be asked gives no names, and nothing else either', async () => {
    const environment = { ...testEnvironment(), connect: () => Promise.reject(new Error('no kubeconfig')) };
    expect(await completeWords(['run', 'status', ''], () => environment)).toBe('');
  });

  test('names of files are the shell\'s business', async () => {
    expect(await completeWords(['run', 'simulate', '--picture', ''], () => testEnvironment())).toBe(':files\n');
    expect(await completeWords(['--kubeconfig', ''], () => testEnvironment())).toBe(':files\n');
    for (const end of [['install', ''], ['init', '--out', ''], ['sign', '--key', '']]) expect(await completeWords(['identity', 'root', ...end], () => testEnvironment())).toBe(':files\n');
  });
});

test('the scripts of all shells ask the same', () => {
  for (const shell of SHELLS) expect(SCRIPTS[shell]).toContain('completion words -- ');
});
