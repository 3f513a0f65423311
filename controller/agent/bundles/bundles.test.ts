/** How an agent brings a package: in order, refused as a whole, looked after, taken away. */
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, Deployment } from '../../../mesh/api/resources/core.ts';
import { configMap, content, manifest } from '../../../mesh/bundle/testing/contents.ts';
import type { BundleContent, BundlePart } from '../../../mesh/model/bundle.ts';
import { KubernetesError, type KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { Job } from './hook.ts';
import { createScene, delivery, HelmRelease, type Scene } from './testing/scene.ts';

const never = new AbortController().signal;
const scenes: Scene[] = [];
afterEach(async () => { for (const scene of scenes.splice(0)) await scene.stop(); });

function started(...config: Parameters<Scene['start']>): Scene {
  const scene = createScene();
  scenes.push(scene);
  scene.start(...config);
  return scene;
}

const deployment = (name: string) => ({ ...manifest('Deployment', name, 'shop', 'apps/v1'), spec: { replicas: 1 } });
const hook = (name = 'migrate', timeoutSeconds = 60): BundlePart => ({ name: 'hook', hook: { job: { ...manifest('Job', name, 'shop', 'batch/v1'), spec: { ttlSecondsAfterFinished: 0 } }, timeoutSeconds } });
const values = (given: Readonly<Record<string, unknown>>): BundlePart => ({ name: 'release', values: { target: 'HelmRelease', namespace: 'kube-system', name: 'cilium', values: given } });
const release = (scene: Scene, spec = {}): Promise<KubernetesObject> => scene.kubernetes.create(HelmRelease, { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', metadata: { namespace: 'kube-system', name: 'cilium' }, spec: { interval: '5m', ...spec } } as KubernetesObject, { fieldManager: 'flux' }, never);
const edit = (scene: Scene, data: Readonly<Record<string, string | null>>, name = 'settings'): Promise<KubernetesObject> => scene.kubernetes.patch(ConfigMap, { namespace: 'shop', name }, { data }, { type: 'merge', fieldManager: 'kubectl-edit' }, never);
const dataOf = async (scene: Scene, name = 'settings') => (await scene.read<ConfigMapObject>(ConfigMap, name))?.data;

describe('parts', () => {
  test('come in order, each only when the one before it is healthy', async () => {
    const scene = started();
    await release(scene);
    scene.healthy = ({ kind }) => kind !== 'Deployment';
    scene.assign([content([{ name: 'app', manifests: [configMap('settings'), deployment('shop')] }, values({ hubble: { enabled: true } }), hook(), { name: 'last', manifests: [configMap('last')] }])]);
    expect((await scene.settle(10_000)).message).toBe('package shop 1.0.0: part 1 of 4 (app): Deployment shop/shop: its controller has not looked at it yet; nothing of it is in place');
    expect(await scene.read(ConfigMap, 'last')).toBeUndefined();
    expect((await scene.read<KubernetesObject & { spec: object }>(HelmRelease, 'cilium', 'kube-system'))?.spec).toEqual({ interval: '5m' });
    scene.healthy = () => true;
    expect(await scene.settle()).toEqual({ settled: true, inPlace: true, message: '', drift: [] });
    expect((await scene.read<KubernetesObject & { spec: object }>(HelmRelease, 'cilium', 'kube-system'))?.spec).toEqual({ interval: '5m', values: { hubble: { enabled: true } } });
    expect((await scene.read(ConfigMap, 'settings'))?.metadata.labels).toEqual({ 'isthmus.dev/package': 'shop' });
    expect((await scene.inventory('shop'))?.data).toMatchObject({ phase: 'Applied', parts: '4 of 4', version: '1.0.0' });
    expect(scene.writes.filter((write) => write.startsWith('create Job'))).toHaveLength(1);
    expect((await scene.kubernetes.list<KubernetesObject & { spec: object }>(Job, { namespace: 'shop' }, never)).items[0]?.spec).toEqual({ activeDeadlineSeconds: 60 });
  });

  test('of what is not assigned nothing is brought; what is no longer assigned goes, and fields of others come back', async () => {
    const scene = started();
    await release(scene, { values: { theirs: 1 } });
    scene.assign([], { deliver: [delivery(content())] });
    expect(await scene.settle(3000)).toMatchObject({ settled: true });
    expect(scene.writes).toEqual([]);
    scene.assign([content([{ name: 'app', manifests: [configMap('settings')] }, values({ ours: 2 }), hook()])]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    scene.assign([]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(await scene.read(ConfigMap, 'settings')).toBeUndefined();
    expect((await scene.kubernetes.list(Job, {}, never)).items).toEqual([]);
    expect(await scene.inventory('shop')).toBeUndefined();
    expect((await scene.read<KubernetesObject & { spec: { values: object } }>(HelmRelease, 'cilium', 'kube-system'))?.spec.values).toEqual({ theirs: 1 });
  });

  test('a new version takes away what only the old one had; what was there before us stays', async () => {
    const scene = started();
    await scene.kubernetes.create(ConfigMap, { ...configMap('theirs', { x: '1' }) } as unknown as KubernetesObject, { fieldManager: 'helm' }, never);
    scene.assign([content([{ name: 'app', manifests: [configMap('settings'), configMap('old'), configMap('theirs', { ours: '2' })] }])]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    scene.assign([content([{ name: 'app', manifests: [configMap('settings', { a: 'c' })] }], '2.0.0')]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(await scene.read(ConfigMap, 'old')).toBeUndefined();
    expect(await dataOf(scene, 'theirs')).toEqual({ x: '1' });
    expect((await scene.read(ConfigMap, 'theirs'))?.metadata.labels).toBeUndefined();
    expect(await dataOf(scene)).toEqual({ a: 'c' });
  });

  test('the agent itself takes another version, and the part is done when that version reports', async () => {
    const scene = started();
    await scene.kubernetes.create(Deployment, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'isthmus-system', name: 'isthmus-agent' }, spec: { template: { spec: { containers: [{ name: 'agent', image: 'registry:5000/isthmus:1.0.0' }] } } } } as KubernetesObject, { fieldManager: 'helm' }, never);
    scene.assign([content([{ name: 'agent', agentVersion: { version: '1.1.0' } }, { name: 'rest', manifests: [configMap('settings')] }])]);
    expect((await scene.settle(5000)).message).toContain('an agent of version 1.1.0 has not started yet; this is 1.0.0');
    expect((await scene.read<KubernetesObject & { spec: { template: { spec: { containers: { image: string }[] } } } }>(Deployment, 'isthmus-agent', 'isthmus-system'))?.spec.template.spec.containers[0]?.image).toBe('registry:5000/isthmus:1.1.0');
    expect(await scene.read(ConfigMap, 'settings')).toBeUndefined();
    await scene.stop();
    scene.start({ version: '1.1.0' });
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(scene.writes.filter((write) => write.startsWith('json Deployment'))).toHaveLength(1);
  });

  test('a rule of the bundle holds a part back, and an error of the rule as well', async () => {
    const scene = started();
    const rule = (cel: string): BundleContent => ({ ...content([{ name: 'app', manifests: [configMap('settings', { size: '3' })] }]), health: [{ apiVersion: 'v1', kind: 'ConfigMap', cel }] });
    scene.assign([rule('int(self.data.size) > 3')]);
    expect((await scene.settle(3000)).message).toContain('its health rule is not true: int(self.data.size) > 3');
    scene.assign([rule('self.data.missing == "1"')]);
    expect((await scene.settle(3000)).message).toMatch(/ConfigMap shop\/settings: its health rule .*missing/);
    scene.assign([rule('self.data.size == "3"')]);
    expect(await scene.settle()).toMatchObject({ settled: true });
  });
});

describe('what is refused', () => {
  test('before anything was changed: named object, field and value', async () => {
    const scene = started();
    await release(scene);
    scene.assign([content([{ name: 'app', manifests: [configMap('settings')] }, { name: 'release', patch: { object: { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', namespace: 'kube-system', name: 'cilium' }, fields: { spec: { suspend: 'soon' } } } }])]);
    const { message, settled } = await scene.settle(3000);
    expect(settled).toBe(false);
    expect(message).toContain('refused before anything was changed: HelmRelease kube-system/cilium: refused:');
    expect(message).toContain('.spec.suspend: expected boolean, got string');
    expect(scene.writes).toEqual([]);
  });

  test.each([
    ['an object that is not there', content([values({ a: 1 })]), 'HelmRelease kube-system/cilium: is not there, and only fields of it are given; make it first, or take the part out'],
    ['a kind that is not served', content([{ name: 'a', manifests: [manifest('Widget', 'one', 'shop', 'example.org/v1')] }]), 'this cluster does not serve Widget in example.org/v1'],
    ['a namespace that is missing', content([{ name: 'a', manifests: [manifest('ConfigMap', 'one', '')] }]), 'ConfigMap one: metadata.namespace is missing'],
    ['the agent\'s own namespace', content([{ name: 'a', manifests: [manifest('ConfigMap', 'one', 'isthmus-system')] }]), 'is in the agent\'s own namespace'],
  ])('%s', async (_name, bundle, sentence) => {
    const scene = started();
    scene.assign([bundle]);
    expect((await scene.settle(2000)).message).toContain(sentence);
    expect(scene.writes).toEqual([]);
  });

  test('midway: the state has a name, and the earlier version is the way back', async () => {
    const scene = started();
    const first = content([{ name: 'one', manifests: [configMap('settings', { a: '1' })] }, { name: 'two', manifests: [configMap('more', { a: '1' })] }]);
    scene.assign([first]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    scene.refuse = ({ text, dryRun }) => { if (!dryRun && text.endsWith('shop/extra')) throw new KubernetesError(403, 'Forbidden', 'configmaps "extra" is forbidden'); };
    scene.assign([content([{ name: 'one', manifests: [configMap('settings', { a: '2' }), configMap('new')] }, { name: 'two', manifests: [configMap('extra')] }], '2.0.0')]);
    const { message } = await scene.settle(5000);
    expect(message).toContain('package shop 2.0.0: part 2 of 2 (two): ConfigMap shop/extra: this agent has not the right; the cluster\'s owner grants it in the agent chart\'s values, bundles.rules: {apiGroups: [""], resources: [configmaps], verbs: [get, create, patch, delete]}');
    expect(message).toContain('; part 1 is in place; the run rolls back or fixes forward');
    expect(await dataOf(scene)).toEqual({ a: '2' });
    expect(await dataOf(scene, 'more')).toEqual({ a: '1' });
    scene.assign([first]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect([await dataOf(scene), await dataOf(scene, 'more'), await dataOf(scene, 'new')]).toEqual([{ a: '1' }, { a: '1' }, undefined]);
  });

  test('an object that Isthmus itself has made, whatever the bundle calls it', async () => {
    const scene = started();
    await scene.kubernetes.create(ConfigMap, { ...configMap('derived'), metadata: { namespace: 'shop', name: 'derived', labels: { 'app.kubernetes.io/managed-by': 'isthmus-agent' } } } as unknown as KubernetesObject, { fieldManager: 'isthmus-agent' }, never);
    for (const part of [{ name: 'a', manifests: [configMap('derived')] }, { name: 'a', patch: { object: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'derived' }, fields: { data: { a: 'c' } } } }]) {
      scene.assign([content([part])]);
      expect((await scene.settle(2000)).message).toContain('ConfigMap shop/derived: is made by Isthmus itself');
    }
    expect(scene.writes).toEqual([]);
  });

  test('an object of another package', async () => {
    const scene = started();
    scene.assign([content(undefined, '1.0.0', 'first')]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    scene.assign([content(undefined, '1.0.0', 'first'), content(undefined, '1.0.0', 'second')]);
    expect((await scene.settle(3000)).message).toContain('ConfigMap shop/settings is part of package first already');
  });

  test('secrets are not quoted', async () => {
    const scene = started();
    scene.refuse = ({ text }) => { if (text.includes('Secret')) throw new KubernetesError(422, 'Invalid', 'data: Invalid value: "hunter2"', [{ field: 'data', message: 'Invalid value: "hunter2"' }]); };
    scene.assign([content([{ name: 'a', manifests: [{ ...manifest('Secret', 'one'), data: {} }] }])]);
    const { message } = await scene.settle(2000);
    expect(message).toContain('Secret shop/one: refused: Invalid (data)');
    expect(message).not.toContain('hunter2');
  });
});

describe('signatures', () => {
  const pair = () => { const { privateKey, publicKey } = generateKeyPairSync('ed25519'); return { pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }; };
  const ann = pair();
  const other = pair();
  const bundle = content();
  test.each([
    ['none', {}, {}, 'it is not signed'],
    ['by a key that is not pinned', { other: other.pem }, {}, 'key "other" is not pinned'],
    ['by another key of the same name', { ann: other.pem }, {}, 'the signature by "ann" is not of this content'],
    ['by a key that expired', { ann: ann.pem }, { notAfter: '2029-01-01T00:00:00Z' }, 'expired at 2029-01-01'],
    ['by a key that is revoked', { ann: ann.pem }, { revoked: true }, 'key "ann" is revoked'],
  ])('%s: nothing is brought', async (_name, keys, more, sentence) => {
    const scene = started({ bundleKeys: () => ({ threshold: 1, keys: [{ keyid: 'ann', publicKeyPem: ann.publicKeyPem, ...more }] }) });
    scene.assign([bundle], { deliver: [delivery(bundle, keys)] });
    expect((await scene.settle(2000)).message).toContain(sentence);
    expect(scene.writes).toEqual([]);
  });
  test('a key that expires or is revoked later takes nothing away, and a content that was changed is not used', async () => {
    let more = {};
    const scene = started({ bundleKeys: () => ({ threshold: 1, keys: [{ keyid: 'ann', publicKeyPem: ann.publicKeyPem, ...more }] }) });
    scene.assign([bundle], { deliver: [delivery(bundle, { ann: ann.pem })] });
    expect(await scene.settle()).toMatchObject({ settled: true });
    more = { notAfter: '2030-01-01T00:00:00Z' };
    await scene.clock.advance(120_000);
    expect(scene.outcome()).toMatchObject({ settled: true });
    more = { revoked: true };
    await scene.clock.advance(120_000);
    expect(scene.outcome()).toMatchObject({ settled: false, message: expect.stringMatching(/key "ann" is revoked; it stays as it is, and is not looked after$/) });
    expect(await dataOf(scene)).toEqual({ a: 'b' });
    more = {};
    const next = content(undefined, '2.0.0');
    scene.assign([next], { deliver: [{ ...delivery(next, { ann: ann.pem }), content: delivery(bundle).content }] });
    expect((await scene.settle(2000)).message).toContain('it was changed on its way');
    expect(await dataOf(scene)).toEqual({ a: 'b' });
  });
});

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

test('what one package gives up another takes, in one assignment', async () => {
  const scene = started();
  const with_ = (name: string, version: string, ...maps: readonly string[]) => content([{ name: 'app', manifests: maps.map((map) => configMap(map)) }], version, name);
  scene.assign([with_('b', '1.0.0', 'mine', 'shared'), with_('a', '1.0.0', 'other')]);
  expect(await scene.settle()).toMatchObject({ settled: true });
  scene.assign([with_('b', '2.0.0', 'mine'), with_('a', '2.0.0', 'other', 'shared')]);
  expect(await scene.settle(5000)).toMatchObject({ settled: true });
  expect((await scene.read(ConfigMap, 'shared'))?.metadata.labels).toEqual({ 'isthmus.dev/package': 'a' });
});

describe('changes by others', () => {
  const bundle = (a: string, version: string): BundleContent => content([{ name: 'app', manifests: [configMap('settings', { a, b: '1' })] }], version);
  test('are drift, stay through a new version, and are decided on', async () => {
    const scene = started();
    scene.assign([bundle('1', '1.0.0')]);
    await scene.settle();
    await edit(scene, { a: 'mine' });
    await scene.clock.advance(31_000);
    expect(scene.outcome()).toMatchObject({ settled: false, inPlace: true, drift: [{ object: 'ConfigMap shop/settings', path: '.data.a', expected: '1', actual: 'mine', manager: 'kubectl-edit' }] });
    scene.assign([bundle('2', '2.0.0')]);
    expect((await scene.settle(3000)).message).toContain('refused before anything was changed: ConfigMap shop/settings .data.a is changed (by kubectl-edit)');
    expect(await dataOf(scene)).toEqual({ a: 'mine', b: '1' });
    const decision = { object: 'ConfigMap shop/settings', path: '.data.a', actual: 'mine', decision: 'one' } as const;
    scene.assign([bundle('2', '2.0.0')], { overrides: [{ ...decision, action: 'keep' }] });
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(await dataOf(scene)).toEqual({ a: 'mine', b: '1' });
    scene.assign([bundle('2', '2.0.0')], { overrides: [{ ...decision, action: 'overwrite' }] });
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(await dataOf(scene)).toEqual({ a: '2', b: '1' });
    await edit(scene, { a: 'mine' });
    await scene.clock.advance(31_000);
    expect(scene.outcome().drift).toHaveLength(1);
  });

  test('that were accepted stay, through a new version as well: changed, removed and deleted', async () => {
    const scene = started();
    const bundles = (a: string, version: string) => content([{ name: 'app', manifests: [configMap('settings', { a, b: a, c: a }), configMap('gone', { a })] }], version);
    scene.assign([bundles('1', '1.0.0')]);
    await scene.settle();
    await edit(scene, { a: 'mine', b: null });
    await scene.kubernetes.delete(ConfigMap, { namespace: 'shop', name: 'gone' }, {}, never);
    await scene.clock.advance(31_000);
    const drift = scene.outcome().drift;
    expect(drift.map(({ object, path }) => `${object} ${path}`)).toEqual(['ConfigMap shop/settings .data.a', 'ConfigMap shop/settings .data.b', 'ConfigMap shop/gone ']);
    const overrides = drift.map(({ object, path, actual }) => ({ object, path, actual, action: 'keep' as const, decision: 'one' }));
    for (const bundle of [bundles('1', '1.0.0'), bundles('2', '2.0.0')]) {
      scene.assign([bundle], { overrides });
      expect(await scene.settle()).toMatchObject({ settled: true });
    }
    await scene.clock.advance(61_000);
    expect(scene.outcome()).toMatchObject({ settled: true, drift: [] });
    expect([await dataOf(scene), await dataOf(scene, 'gone')]).toEqual([{ a: 'mine', c: '2' }, undefined]);
  });

  test('are not decided on by a bundle', async () => {
    const scene = started();
    scene.assign([content([{ name: 'app', manifests: [{ ...configMap('settings'), metadata: { namespace: 'shop', name: 'settings', annotations: { 'isthmus.dev/drift': 'revert', 'isthmus.dev/changed-by': 'ann', team: 'shop' } } }] }])]);
    await scene.settle();
    expect(Object.keys((await scene.read(ConfigMap, 'settings'))?.metadata.annotations ?? {}).sort()).toEqual(['isthmus.dev/bundle', 'team']);
    await edit(scene, { a: 'mine' });
    await scene.clock.advance(61_000);
    expect(await dataOf(scene)).toEqual({ a: 'mine' });
  });

  test('are not what the server writes in another form, and it is asked once about that', async () => {
    const scene = started();
    let asked = 0;
    scene.refuse = ({ text }) => { if (text === 'apply Secret shop/token') asked++; };
    scene.assign([content([{ name: 'app', manifests: [{ ...manifest('Secret', 'token'), stringData: { token: 'x' } }] }])]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    await scene.clock.advance(600_000);
    expect(scene.outcome()).toMatchObject({ settled: true, drift: [] });
    expect(asked).toBeLessThan(5);
  });

  test('what they removed or deleted is not put back, also not by a new version; an annotation gives it to us', async () => {
    const scene = started();
    scene.assign([bundle('1', '1.0.0')]);
    await scene.settle();
    await edit(scene, { b: null });
    await scene.clock.advance(31_000);
    expect(scene.outcome().drift).toMatchObject([{ path: '.data.b', expected: '1', actual: 'absent', manager: 'unknown' }]);
    await scene.stop();
    scene.start();
    scene.assign([bundle('2', '2.0.0')]);
    await scene.settle(3000);
    expect(await dataOf(scene)).toEqual({ a: '1' });
    await scene.kubernetes.patch(ConfigMap, { namespace: 'shop', name: 'settings' }, { metadata: { annotations: { 'isthmus.dev/drift': 'revert' } } }, { type: 'merge', fieldManager: 'kubectl-annotate' }, never);
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(await dataOf(scene)).toEqual({ a: '2', b: '1' });
    await scene.kubernetes.delete(ConfigMap, { namespace: 'shop', name: 'settings' }, {}, never);
    await scene.clock.advance(31_000);
    expect(scene.outcome()).toMatchObject({ settled: false, drift: [{ path: '', actual: 'absent' }] });
    scene.assign([bundle('3', '3.0.0')]);
    await scene.settle(3000);
    expect(await dataOf(scene)).toBeUndefined();
    scene.assign([bundle('3', '3.0.0')], { overrides: [{ object: 'ConfigMap shop/settings', path: '', actual: 'absent', decision: 'two', action: 'overwrite' }] });
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(await dataOf(scene)).toEqual({ a: '3', b: '1' });
  });
});
