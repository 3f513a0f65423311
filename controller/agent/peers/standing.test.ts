import { expect, test } from 'vitest';
import { ConfigMap, Secret } from '../../../mesh/api/resources/core.ts';
import { adoptionOf } from '../../../mesh/cilium/adopt.ts';
import { renderPeering } from '../../../mesh/cilium/peering.ts';
import type { StandingObject } from '../../../mesh/model/standing.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { assign, base64, make, peering } from '../testing/scene.ts';
import { testWorlds } from '../testing/worlds.ts';

const { started } = testWorlds();
const HELM = { labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations: { 'meta.helm.sh/release-name': 'cilium', 'meta.helm.sh/release-namespace': 'kube-system' } };

test('what Helm made is told by what it means and by digests, whole, and nothing of its text leaves the cluster', async () => {
  const world = await started();
  const peers = Array.from({ length: 20 }, (_, index) => `peer-${index}`);
  for (const { kind, namespace, name, data } of renderPeering(peering(peers))) {
    const texts: Readonly<Record<string, string>> = { ...data, ...(name === 'cilium-kvstoremesh' ? { 'peer-1.etcd-client.key': 'a private key' } : {}) };
    await make(world, kind === 'Secret' ? Secret : ConfigMap, { apiVersion: 'v1', kind, metadata: { namespace, name, ...HELM }, data: kind === 'Secret' ? Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, base64(text)])) : texts }, 'helm');
  }
  world.hub.set('Question', 'q', { id: 'q', dnsName: '', dnsType: '', standing: true });
  await world.clock.advance(50);
  const { records } = world.heard('Answer', 'q')!;
  expect(records.length).toBeGreaterThan(5);
  expect(Math.max(...records.map((record) => record.length))).toBeLessThan(8192);
  expect(records.join('')).not.toContain('a private key');
  const parts = records.map((record) => JSON.parse(record) as StandingObject);
  const whole = [...new Set(parts.map(({ object }) => object))].map((object): StandingObject => ({ ...parts.find((part) => part.object === object)!, entries: parts.filter((part) => part.object === object).flatMap(({ entries }) => entries) }));
  expect(whole.map(({ object, ours, owner, managers }) => [object, ours, owner, managers])).toEqual(['Secret kube-system/cilium-clustermesh', 'Secret kube-system/cilium-kvstoremesh', 'ConfigMap kube-system/clustermesh-remote-users'].map((object) => [object, false, 'Helm kube-system/cilium', ['helm']]));
  expect(adoptionOf(peering(peers), whole, sha256Hex).map(({ verdict, differences }) => [verdict, ...differences])).toEqual([['Equal'], ['Different', 'peer peer-1 has a certificate of its own there (peer-1.etcd-client.key)'], ['Equal']]);

  world.hub.remove('Question', 'q');
  await world.clock.advance(50);
  expect(world.heard('Answer', 'q')).toBeUndefined();
});

test('what is ours is told so, and where nothing stands nothing is told', async () => {
  const world = await started();
  const ask = async (id: string) => {
    world.hub.set('Question', id, { id, dnsName: '', dnsType: '', standing: true });
    await world.clock.advance(50);
    return world.heard('Answer', id)!.records.map((record) => (JSON.parse(record) as StandingObject).ours);
  };
  expect(await ask('before')).toEqual([]);
  await assign(world, { peering: peering(['oslo']) });
  expect(await ask('after')).toEqual([true, true, true]);
});
