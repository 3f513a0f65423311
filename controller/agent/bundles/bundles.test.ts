/** How an agent brings a package: in order, and takes it away again. */
import { describe, expect, test } from 'vitest';
import { ConfigMap, Deployment } from '../../../mesh/api/resources/core.ts';
import { configMap, content } from '../../../mesh/bundle/testing/contents.ts';
import type { BundleContent } from '../../../mesh/model/bundle.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { Job } from './hook.ts';
import { delivery, HelmRelease } from './testing/scene.ts';
import { dataOf, deployment, hook, release, started, values } from './testing/steps.ts';

const never = new AbortController().signal;

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

  test.each([
    ['was not told its Deployment', { deployment: undefined }, 'was not told its Deployment (--deployment), so it cannot become 1.1.0'],
    ['has none', {}, 'Deployment isthmus-system/isthmus-agent: is not there'],
  ])('an agent that %s refuses before anything is changed', async (_name, config, sentence) => {
    const scene = started(config as never);
    scene.assign([content([{ name: 'rest', manifests: [configMap('settings')] }, { name: 'agent', agentVersion: { version: '1.1.0' } }])]);
    expect((await scene.settle(2000)).message).toContain(sentence);
    expect(scene.writes).toEqual([]);
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

test('what one package gives up another takes, in one assignment', async () => {
  const scene = started();
  const with_ = (name: string, version: string, ...maps: readonly string[]) => content([{ name: 'app', manifests: maps.map((map) => configMap(map)) }], version, name);
  scene.assign([with_('b', '1.0.0', 'mine', 'shared'), with_('a', '1.0.0', 'other')]);
  expect(await scene.settle()).toMatchObject({ settled: true });
  scene.assign([with_('b', '2.0.0', 'mine'), with_('a', '2.0.0', 'other', 'shared')]);
  expect(await scene.settle(5000)).toMatchObject({ settled: true });
  expect((await scene.read(ConfigMap, 'shared'))?.metadata.labels).toEqual({ 'isthmus.dev/package': 'a' });
});
