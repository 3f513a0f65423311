import { describe, expect, it } from 'vitest';
import { ConfigMap, Secret } from '../../mesh/api/resources/core.ts';
import { configMap, me, type Open, read, refusal, signal, start } from './testing/api.ts';

describe('list and watch', () => {
  it('pages a snapshot, whatever happens meanwhile', async () => {
    const { client } = start();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.create(ConfigMap, configMap(name), me, signal);
    const first = await client.list<Open>(ConfigMap, { namespace: 'shop', limit: 2 }, signal);
    await client.delete(ConfigMap, { namespace: 'shop', name: 'c' }, {}, signal);
    await client.create(ConfigMap, configMap('bb'), me, signal);
    const second = await client.list<Open>(ConfigMap, { namespace: 'shop', limit: 9, continueToken: first.continueToken as string }, signal);
    expect([...first.items, ...second.items].map((item) => item.metadata.name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect([second.continueToken, second.resourceVersion]).toEqual([undefined, first.resourceVersion]);
  });

  it('selects by labels and fields', async () => {
    const { client } = start();
    for (const [name, labels] of [['a', { tier: 'web' }], ['b', { tier: 'db', old: '1' }], ['c', {}]] as const) {
      await client.create(ConfigMap, { ...configMap(name), metadata: { name, namespace: 'shop', labels } }, me, signal);
    }
    const names = async (options: object): Promise<string[]> => (await client.list<Open>(ConfigMap, options, signal)).items.map((item) => item.metadata.name);
    expect(await names({ labelSelector: 'tier in (web, db),!old' })).toEqual(['a']);
    expect(await names({ labelSelector: 'tier!=web' })).toEqual(['b', 'c']);
    expect(await names({ fieldSelector: 'metadata.name=b' })).toEqual(['b']);
    expect((await refusal(client.list(ConfigMap, { labelSelector: 'a==b==c' }, signal))).code).toBe(400);
    expect((await refusal(client.list(ConfigMap, { fieldSelector: 'data=x' }, signal))).message).toBe('"data" is not a known field selector: only "metadata.name", "metadata.namespace"');
  });

  it('watches from a version, through a selector, and answers 410 for a forgotten one', async () => {
    const { client, api } = start({ eventLogSize: 8 });
    const { resourceVersion } = await client.list(ConfigMap, {}, signal);
    await client.create(ConfigMap, { ...configMap('a'), metadata: { name: 'a', namespace: 'shop', labels: { on: 'yes' } } }, me, signal);
    await client.patch(ConfigMap, { namespace: 'shop', name: 'a' }, { data: { x: '1' } }, { ...me, type: 'merge' }, signal);
    await client.patch(ConfigMap, { namespace: 'shop', name: 'a' }, { metadata: { labels: { on: 'no' } } }, { ...me, type: 'merge' }, signal);
    expect(await read(api, ConfigMap, { resourceVersion, labelSelector: 'on=yes' }, 3)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    for (let index = 0; index < 20; index += 1) await client.create(ConfigMap, configMap(`n${index}`), me, signal);
    const error = await refusal(read(api, ConfigMap, { resourceVersion }, 1));
    expect([error.code, error.reason]).toEqual([410, 'Expired']);
  });

  it('tells a quiet watcher the version now and then', async () => {
    const { client, api } = start();
    const cancel = new AbortController();
    const events = client.watch(Secret, { resourceVersion: api.resourceVersion }, cancel.signal)[Symbol.asyncIterator]();
    const next = events.next();
    for (let index = 0; index < 70; index += 1) await client.create(ConfigMap, configMap(`n${index}`), me, signal);
    expect((await next).value).toMatchObject({ type: 'BOOKMARK' });
    cancel.abort();
    expect((await events.next()).done).toBe(true);
    expect(api.watcherCount).toBe(0);
  });
});
