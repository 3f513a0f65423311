/** What an agent does not bring, and how it says so. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import { configMap, content, manifest } from '../../../mesh/bundle/testing/contents.ts';
import { KubernetesError, type KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { delivery } from './testing/scene.ts';
import { dataOf, release, started, values } from './testing/steps.ts';

const never = new AbortController().signal;

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

  test('what the API server refuses is refused for good only when it is so again after 30 seconds', async () => {
    const scene = started();
    scene.assign([content([{ name: 'a', manifests: [manifest('Widget', 'one', 'shop', 'example.org/v1')] }])]);
    expect(await scene.settle(3000)).not.toHaveProperty('refused');
    await scene.clock.advance(40_000);
    expect(scene.outcome()).toMatchObject({ refused: true, message: expect.stringContaining('does not serve Widget') });
    scene.assign([content()]);
    expect(scene.outcome()).not.toHaveProperty('refused');
    expect(await scene.settle()).toMatchObject({ settled: true });
    expect(scene.outcome()).not.toHaveProperty('refused');
  });

  test.each([
    ['the agent\'s version, of an agent whose Deployment is not there', content([{ name: 'agent', agentVersion: { version: '1.1.0' } }]), 'Deployment isthmus-system/isthmus-agent: is not there'],
    ['a namespace that is missing', content([{ name: 'a', manifests: [manifest('ConfigMap', 'one', '')] }]), 'ConfigMap one: metadata.namespace is missing'],
  ])('for good: %s', async (_name, bundle, sentence) => {
    const scene = started();
    scene.assign([bundle]);
    expect((await scene.settle(3000)).message).toContain(sentence);
    await scene.clock.advance(40_000);
    expect(scene.outcome()).toMatchObject({ refused: true, message: expect.stringContaining(sentence) });
  });

  test('what waits for a person or another package is not refused for good', async () => {
    const scene = started();
    scene.assign([content(undefined, '1.0.0', 'first')]);
    expect(await scene.settle()).toMatchObject({ settled: true });
    scene.assign([content(undefined, '1.0.0', 'first'), content(undefined, '1.0.0', 'second')]);
    await scene.clock.advance(100_000);
    expect(scene.outcome()).not.toHaveProperty('refused');
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
