/** Writes of one turn: kept together, answered after, refused together. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EmbeddedApi } from '../api.ts';
import type { JsonObject } from '../json.ts';
import { memoryObjectStore, type ObjectStore, ObjectStoreUnavailable } from '../store.ts';
import { configMap, start } from '../testing/api.ts';
import { WriteGroups } from './write-groups.ts';

/** An API on a store that may be full, with turns that end when a test says so. */
function fixture() {
  const kept = memoryObjectStore();
  const commits: string[][] = [];
  const disk = { full: false };
  const objects: ObjectStore = {
    ...kept,
    commit(version, writes) {
      if (disk.full) throw new ObjectStoreUnavailable('user', 'the disk is full');
      commits.push(writes.map(({ key }) => key));
      kept.commit(version, writes);
    },
  };
  const { api } = start({ objects, definitions: [] });
  const due: (() => void)[] = [];
  const groups = new WriteGroups(api, (run) => due.push(run));
  const target = api.target('', 'v1', 'configmaps');
  const as = { fieldManager: 'test' };
  commits.length = 0;
  return {
    api, kept, commits, disk, target,
    endTurn: () => { for (const run of due.splice(0)) run(); },
    create: (name: string, owner?: JsonObject) => groups.run(() => api.create(target, 'shop', { ...configMap(name), metadata: { name, ...(owner === undefined ? {} : { ownerReferences: [owner] }) } }, as)),
    update: (name: string, value: string) => groups.run(() => api.update(target, 'shop', name, configMap(name, { value }), as)),
    remove: (name: string) => groups.run(() => api.delete(target, 'shop', name, {})),
  };
}

const everything = (api: EmbeddedApi): string => JSON.stringify(['configmaps', 'namespaces'].map((plural) => api.list(api.target('', 'v1', plural), {})));
const outcomes = async (promises: readonly Promise<unknown>[]): Promise<readonly string[]> =>
  (await Promise.allSettled(promises)).map((one) => (one.status === 'fulfilled' ? 'kept' : (one.reason as { reason?: string }).reason ?? (one.reason as Error).message));

/** What somebody knows who only watches. */
function watched(api: EmbeddedApi): ReadonlyMap<string, string> {
  const objects = new Map<string, string>();
  api.watch(api.target('', 'v1', 'configmaps'), {}, {
    deliver(delivery) {
      if (delivery.type === 'BOOKMARK') return;
      const { name } = delivery.object['metadata'] as { name: string };
      if (delivery.type === 'DELETED') objects.delete(name);
      else objects.set(name, JSON.stringify(delivery.object));
    },
    end() {},
  });
  return objects;
}

describe('writes of one turn', () => {
  it('are one commit, in order, and each is answered by itself', async () => {
    const { api, commits, create, endTurn } = fixture();
    const seen = watched(api);
    const writes = [create('a'), create('b'), create('a'), create('c')];
    expect([commits, [...seen.keys()]]).toEqual([[], []]);
    endTurn();
    expect(await outcomes(writes)).toEqual(['kept', 'kept', 'AlreadyExists', 'kept']);
    expect(commits).toEqual([['/configmaps/shop/a', '/configmaps/shop/b', '/configmaps/shop/c']]);
    expect([...seen.keys()]).toEqual(['a', 'b', 'c']);
  });

  it('are all refused where they cannot be kept, also what failed for something that was not kept', async () => {
    const { api, create, disk, endTurn } = fixture();
    const seen = watched(api);
    const before = everything(api);
    disk.full = true;
    const refused = [create('a'), create('a')];
    endTurn();
    expect(await outcomes(refused)).toEqual(['the disk is full', 'the disk is full']);
    expect([everything(api), seen.size]).toEqual([before, 0]);
    disk.full = false;
    const again = create('a');
    endTurn();
    expect(await outcomes([again])).toEqual(['kept']);
  });

  it('are spread over turns where there are many', async () => {
    const { commits, create, endTurn } = fixture();
    const writes = Array.from({ length: 150 }, (_, index) => create(`many-${index}`));
    for (let turn = 0; turn < 3; turn += 1) endTurn();
    expect(commits.map((keys) => keys.length)).toEqual([64, 64, 22]);
    expect(new Set(await outcomes(writes))).toEqual(new Set(['kept']));
  });

  it('leave the API as one that starts from the store, and watchers as those who list', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const write = fc.oneof(
      fc.record({ verb: fc.constant('create' as const), name, owner: fc.option(name, { nil: undefined }) }),
      fc.record({ verb: fc.constant('update' as const), name, value: fc.string({ maxLength: 3 }) }),
      fc.record({ verb: fc.constant('remove' as const), name }),
    );
    await fc.assert(fc.asyncProperty(fc.array(fc.record({ writes: fc.array(write, { maxLength: 6 }), full: fc.boolean() }), { maxLength: 8 }), async (turns) => {
      const { api, kept, disk, target, create, update, remove, endTurn } = fixture();
      const seen = watched(api);
      const ownerOf = (owner: string): JsonObject => {
        const found = api.list(target, { fieldSelector: `metadata.name=${owner}` }).items[0]?.['metadata'] as JsonObject | undefined;
        return { apiVersion: 'v1', kind: 'ConfigMap', name: owner, uid: found?.['uid'] ?? 'nobody' };
      };
      for (const { writes, full } of turns) {
        disk.full = full;
        const done = writes.map((each) => (each.verb === 'create' ? create(each.name, each.owner === undefined ? undefined : ownerOf(each.owner))
          : each.verb === 'update' ? update(each.name, each.value) : remove(each.name)));
        endTurn();
        await outcomes(done);
        const fresh = start({ objects: kept, definitions: [] }).api;
        expect(everything(api)).toBe(everything(fresh));
        expect([...seen].sort()).toEqual(api.list(target, {}).items.map((item) => [(item['metadata'] as { name: string }).name, JSON.stringify(item)]));
      }
    }), { numRuns: 40 });
  });
});
