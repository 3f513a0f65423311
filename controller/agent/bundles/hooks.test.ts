/** Hooks run once for each assignment. */
import { describe, expect, test } from 'vitest';
import { configMap, content } from '../../../mesh/bundle/testing/contents.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { Job } from './hook.ts';
import type { Scene } from './testing/scene.ts';
import { dataOf, hook, started } from './testing/steps.ts';

const never = new AbortController().signal;

describe('hooks', () => {
  test('that fail are not run again in their assignment, and are in the next', async () => {
    const scene = started();
    scene.healthy = ({ kind }) => kind !== 'Job';
    scene.assign([content([hook('migrate', 20)])]);
    expect((await scene.settle(60_000)).message).toMatch(/part 1 of 1 \(hook\): Job shop\/migrate-[0-9a-f]{10}: failed: it has not completed within 20 s; nothing of it is in place; the run rolls back or fixes forward/);
    expect(scene.jobs.size).toBe(1);
    await scene.stop();
    scene.start();
    scene.healthy = () => true;
    await scene.settle(60_000);
    expect(scene.jobs.size).toBe(1);
    scene.assign([content([hook('migrate', 20)])]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(scene.jobs.size).toBe(2);
    scene.assign([content([hook('migrate', 20)])]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(scene.jobs.size).toBe(2);
  });
});

describe('a hook that', () => {
  const jobs = async (scene: Scene) => (await scene.kubernetes.list(Job, { namespace: 'shop' }, never)).items;
  async function running(): Promise<Scene> {
    const scene = started();
    scene.healthy = ({ kind }) => kind !== 'Job';
    scene.assign([content([hook(), { name: 'app', manifests: [configMap('settings')] }])]);
    expect((await scene.settle(3000)).message).toMatch(/^package shop 1\.0\.0: part 1 of 2 \(hook\): Job shop\/migrate-[0-9a-f]{10}: runs; nothing of it is in place$/);
    return scene;
  }
  test('fails says why, and stays for whoever reads its log', async () => {
    const scene = await running();
    const [job] = await jobs(scene);
    const failure = { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
    await scene.kubernetes.patch(Job, { namespace: 'shop', name: job!.metadata.name }, { status: { conditions: [failure] } }, { type: 'merge', subresource: 'status', fieldManager: 'played' }, never);
    expect((await scene.settle(5000)).message).toContain('failed: BackoffLimitExceeded: Job has reached the specified backoff limit; nothing of it is in place; the run rolls back or fixes forward');
    expect(await jobs(scene)).toHaveLength(1);
    expect(await dataOf(scene)).toBeUndefined();
    // It runs no more in this assignment: whoever waits for it need not.
    expect(scene.outcome()).toMatchObject({ refused: true });
  });
  test('somebody deletes is not run again in its assignment', async () => {
    const scene = await running();
    const [job] = await jobs(scene);
    await scene.kubernetes.delete(Job, { namespace: 'shop', name: job!.metadata.name }, {}, never);
    expect((await scene.settle(10_000)).message).toContain('was deleted by someone before it was seen to end, and is not run again in this assignment; retry the run');
    expect(scene.outcome()).toMatchObject({ refused: true });
    expect(scene.jobs.size).toBe(1);
  });
  test('the server does not take is refused with the rule to add, and nothing is changed', async () => {
    const scene = started();
    scene.refuse = ({ text }) => { if (text.startsWith('create Job')) throw new KubernetesError(403, 'Forbidden', 'jobs.batch is forbidden'); };
    scene.assign([content([{ name: 'app', manifests: [configMap('settings')] }, hook()])]);
    expect((await scene.settle(2000)).message).toContain('bundles.rules: {apiGroups: ["batch"], resources: [jobs], verbs: [get, create, delete]}');
    expect(scene.writes).toEqual([]);
    await scene.clock.advance(40_000);
    expect(scene.outcome()).toMatchObject({ refused: true, message: expect.stringContaining('refused before anything was changed: Job shop/migrate-') });
  });
});

describe('hooks of a version that is given up', () => {
  test('are ended before anything of another one begins', async () => {
    const scene = started();
    scene.assign([content()]);
    await scene.settle();
    scene.healthy = ({ kind }) => kind !== 'Job';
    scene.assign([content([hook('slow', 600), { name: 'app', manifests: [configMap('settings', { a: '2' })] }], '2.0.0')]);
    expect((await scene.settle(5000)).message).toContain('part 1 of 2 (hook): Job shop/slow-');
    scene.assign([content()]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect((await scene.kubernetes.list(Job, {}, never)).items).toEqual([]);
    const [ended, applied] = ['delete Job shop/slow-', 'apply ConfigMap shop/settings'].map((text) => scene.writes.findLastIndex((write) => write.startsWith(text)));
    expect(ended).toBeGreaterThan(applied!);
  });
});
