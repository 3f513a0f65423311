import { describe, expect, it } from 'vitest';
import { ConfigMap, Secret } from '../../mesh/api/resources/core.ts';
import { memoryObjectStore } from './store.ts';
import { configMap, me, read, refusal, signal, start } from './testing/api.ts';

describe('store', () => {
  it('goes on counting after a restart', async () => {
    const objects = memoryObjectStore();
    const first = start({ objects });
    const made = await first.client.create(ConfigMap, configMap('a', { k: 'v' }), me, signal);
    first.api.close();
    const second = start({ objects });
    expect(await second.client.get(ConfigMap, { namespace: 'shop', name: 'a' }, signal)).toEqual(made);
    expect(Number((await second.client.create(ConfigMap, configMap('b'), me, signal)).metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    expect((await refusal(read(second.api, ConfigMap, { resourceVersion: '1' }, 1))).code).toBe(410);
  });

  it('changes nothing that it cannot store', async () => {
    const objects = memoryObjectStore();
    let full = false;
    const { client, api } = start({ objects: { ...objects, commit: (...write) => { if (full) throw new Error('disk full'); objects.commit(...write); } } });
    const version = api.resourceVersion;
    full = true;
    await expect(client.create(ConfigMap, configMap('a'), me, signal)).rejects.toThrow('disk full');
    expect([api.resourceVersion, await client.get(ConfigMap, { namespace: 'shop', name: 'a' }, signal)]).toEqual([version, undefined]);
    full = false;
    await client.create(ConfigMap, configMap('a'), me, signal);
  });
});

it('gives the same bytes for the same clock and random', async () => {
  const run = async (): Promise<string> => {
    const { client } = start();
    await client.create(ConfigMap, configMap('a'), me, signal);
    await client.patch(Secret, { namespace: 'shop', name: 's' }, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { z: '', a: '' } }, { type: 'apply', fieldManager: 'm' }, signal);
    return JSON.stringify([await client.list(ConfigMap, {}, signal), await client.list(Secret, {}, signal)]);
  };
  expect(await run()).toBe(await run());
});
