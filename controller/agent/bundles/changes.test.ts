/** What others changed of what a bundle brought. */
import { describe, expect, test } from 'vitest';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import { configMap, content, manifest } from '../../../mesh/bundle/testing/contents.ts';
import type { BundleContent } from '../../../mesh/model/bundle.ts';
import { dataOf, edit, started } from './testing/steps.ts';

const never = new AbortController().signal;

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

  test('given up soon after they were made, they are seen to be soon after that', async () => {
    const scene = started();
    scene.assign([bundle('1', '1.0.0')]);
    await scene.settle();
    await edit(scene, { a: 'mine' });
    await scene.clock.advance(3000);
    expect(scene.outcome()).toMatchObject({ settled: false, drift: [{ path: '.data.a' }] });
    await scene.kubernetes.patch(ConfigMap, { namespace: 'shop', name: 'settings' }, { metadata: { annotations: { 'isthmus.dev/drift': 'revert' } } }, { type: 'merge', fieldManager: 'kubectl-annotate' }, never);
    await scene.clock.advance(4000);
    expect(scene.outcome()).toMatchObject({ settled: true, drift: [] });
    expect(await dataOf(scene)).toMatchObject({ a: '1' });
  });
});
