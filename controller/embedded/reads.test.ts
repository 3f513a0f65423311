import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigMap, Secret } from '../../mesh/api/resources/core.ts';
import type { Delivery } from './events.ts';
import { statusOf } from './problems.ts';
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

  it('says 410 to a page whose version is forgotten, with a token that goes on with what there is now', async () => {
    const { client, api } = start({ eventLogSize: 8 });
    for (const name of ['a', 'b', 'c', 'd']) await client.create(ConfigMap, configMap(name), me, signal);
    const first = await client.list<Open>(ConfigMap, { namespace: 'shop', limit: 2 }, signal);
    await client.delete(ConfigMap, { namespace: 'shop', name: 'c' }, {}, signal);
    for (let index = 0; index < 20; index += 1) await client.create(ConfigMap, configMap(`e${index}`), me, signal);
    expect(await refusal(client.list(ConfigMap, { resourceVersion: first.resourceVersion, resourceVersionMatch: 'Exact' }, signal))).toMatchObject({ code: 410, message: 'The resourceVersion for the provided list is too old.' });
    const error = await refusal(client.list(ConfigMap, { namespace: 'shop', continueToken: first.continueToken as string }, signal));
    expect([error.code, error.reason]).toEqual([410, 'Expired']);
    const token = ((statusOf(error).body as Open).metadata as { continue?: string }).continue as string;
    const rest = await client.list<Open>(ConfigMap, { namespace: 'shop', limit: 2, continueToken: token }, signal);
    expect([rest.items.map((item) => item.metadata.name), rest.resourceVersion]).toEqual([['d', 'e0'], api.resourceVersion]);
  });

  it('reads a watch piece by piece while writes go on, and misses nothing', () => {
    fc.assert(fc.property(fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), on: fc.constantFrom('yes', 'no', undefined), read: fc.nat(4) }), { maxLength: 40 }), fc.boolean(), (steps, initial) => {
      const { api } = start();
      const target = api.target('', 'v1', 'configmaps');
      const label = (on: string): Open => ({ ...configMap(''), metadata: { namespace: 'shop', labels: { on } } } as unknown as Open);
      const put = (name: string, on: string): void => {
        const body = { ...label(on), metadata: { name, namespace: 'shop', labels: { on } } };
        if (api.list(target, { fieldSelector: `metadata.name=${name}` }).items.length === 0) api.create(target, 'shop', body, me);
        else api.update(target, 'shop', name, body, me);
      };
      put('a', 'yes');
      put('b', 'no');
      const seen = new Set<string>();
      const deliver = (delivery: Delivery): 'more' => {
        if (delivery.type === 'BOOKMARK') return 'more';
        const { name } = delivery.object['metadata'] as { name: string };
        expect(seen.has(name), `${delivery.type} ${name}`).toBe(delivery.type !== 'ADDED');
        if (delivery.type === 'DELETED') seen.delete(name);
        else seen.add(name);
        return 'more';
      };
      if (!initial) seen.add('a');
      const watch = api.openWatch(target, { namespace: 'shop', labelSelector: 'on=yes', ...(initial ? {} : { resourceVersion: api.resourceVersion }) });
      let more = true;
      for (const { name, on, read: most } of steps) {
        if (on !== undefined) put(name, on);
        else if (api.list(target, { fieldSelector: `metadata.name=${name}` }).items.length > 0) api.delete(target, 'shop', name, {});
        if (most > 0) more = watch.advance(most, deliver);
      }
      while (watch.advance(3, deliver) || more) more = false;
      const stop = watch.follow({ deliver, end: () => {} });
      put('c', 'yes');
      put('d', 'yes');
      put('d', 'no');
      stop();
      expect([...seen].toSorted()).toEqual(api.list(target, { namespace: 'shop', labelSelector: 'on=yes' }).items.map((item) => (item['metadata'] as { name: string }).name));
    }));
  });
});
