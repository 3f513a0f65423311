/** The agent is killed before and after each of its writes: the end is the same, nothing is orphaned, no hook runs twice. */
import { describe, expect, test } from 'vitest';
import { ConfigMap, Deployment, Namespace } from '../../../mesh/api/resources/core.ts';
import { configMap, content, manifest } from '../../../mesh/bundle/testing/contents.ts';
import type { BundleContent } from '../../../mesh/model/bundle.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { readInventory } from '../state/inventory-schema.ts';
import { Job } from './hook.ts';
import { createScene, type Death, HelmRelease, type Scene } from './testing/scene.ts';
import { deployment, hook, release, values } from './testing/steps.ts';

const never = new AbortController().signal;
const KINDS: readonly ResourceKind[] = [ConfigMap, Deployment, HelmRelease, Job, Namespace];

const first = content([hook('before', 60, 'before'), { name: 'app', manifests: [configMap('settings', { a: '1' }), configMap('old'), deployment('shop')] }, values({ a: 1, b: 1 }), hook('after', 60, 'after')]);
const second = content([{ name: 'base', manifests: [{ ...manifest('Namespace', 'extra', '') }, { ...configMap('inside'), metadata: { name: 'inside', namespace: 'extra' } }] },
  hook('before', 60, 'before'), { name: 'app', manifests: [configMap('settings', { a: '2' }), configMap('new')] }, values({ a: 2 })], '2.0.0');

/** What stands, without what only time and order decide. */
async function standing(scene: Scene): Promise<string> {
  const all: string[] = [];
  for (const kind of KINDS) {
    for (const object of (await scene.kubernetes.list<KubernetesObject & { readonly spec?: unknown; readonly data?: Readonly<Record<string, string>> }>(kind, {}, never)).items) {
      const { metadata: { namespace = '', name, labels, annotations }, spec, data } = object;
      const shown = data?.['inventory'] === undefined ? data : { ...data, inventory: JSON.stringify({ ...JSON.parse(data['inventory']), hooks: '' }) };
      all.push(`${kind.kind} ${namespace}/${name} ${JSON.stringify({ labels, annotations, spec, data: shown })}`);
    }
  }
  return all.sort().join('\n');
}

/** Objects with our label that no inventory names. */
async function orphans(scene: Scene): Promise<readonly string[]> {
  const named = new Set(readInventory((await scene.inventory('shop'))?.data?.['inventory'])?.objects.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`));
  const all = await Promise.all(KINDS.map(async (kind) => (await scene.kubernetes.list(kind, { labelSelector: 'isthmus.dev/package=shop' }, never)).items.map(({ metadata: { namespace = '', name } }) => `${kind.kind} ${namespace}/${name}`)));
  return all.flat().filter((one) => !named.has(one));
}

interface Walk { readonly from?: BundleContent; /** Begun, and given up for `to` before it was done. */ readonly half?: BundleContent; readonly to: readonly BundleContent[] }

/** The last step of a walk is taken by an agent that dies once. */
async function walked({ from, half, to }: Walk, death: Death | undefined, forget: boolean): Promise<{ readonly died: boolean; readonly end: string; /** How many ever were. */ readonly jobs: number }> {
  const scene = createScene();
  await release(scene);
  let generation = 0;
  if (from !== undefined) {
    scene.start();
    scene.assign([from], { generation: ++generation });
    await scene.settle();
    await scene.stop();
  }
  if (half !== undefined) {
    scene.start();
    scene.healthy = ({ kind }) => kind !== 'HelmRelease';
    scene.assign([half], { generation: ++generation });
    await scene.settle(8000);
    scene.healthy = () => true;
    await scene.stop();
  }
  generation++;
  scene.start({}, death);
  scene.assign(to, { generation });
  await scene.settle(30_000);
  const { died } = scene;
  if (died) {
    expect(await orphans(scene)).toEqual([]);
    await scene.stop(forget);
    scene.start();
    scene.assign(to, { generation });
    await scene.settle();
  }
  expect(scene.outcome()).toMatchObject({ settled: true });
  await scene.clock.advance(120_000);
  expect(scene.outcome()).toMatchObject({ settled: true });
  expect(await orphans(scene)).toEqual([]);
  await scene.stop();
  return { died, end: await standing(scene), jobs: scene.jobs.size };
}

const WALKS: readonly (readonly [string, Walk])[] = [
  ['a first version', { to: [first] }],
  ['a new version', { from: first, to: [second] }],
  ['the way back from half of a new version', { from: first, half: second, to: [first] }],
  ['a package taken away', { from: first, to: [] }],
];

describe.each(WALKS)('%s', (_name, walk) => {
  test('ends the same wherever the agent dies', { timeout: 300_000 }, async () => {
    const whole = await walked(walk, undefined, false);
    let deaths = 0;
    for (const when of ['before', 'after'] as const) {
      for (const forget of [false, true]) {
        for (let at = 0; ; at++) {
          const { died, end, jobs } = await walked(walk, { at, when }, forget);
          if (!died) break;
          deaths++;
          expect(end, `died ${when} write ${at}`).toBe(whole.end);
          expect(jobs, `died ${when} write ${at}`).toBe(whole.jobs);
        }
      }
    }
    expect(deaths).toBeGreaterThan(24);
  });
});
