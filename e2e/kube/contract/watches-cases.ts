/** Watches over bare HTTPS: where they begin, what they say of objects and of themselves, and what is refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerEvent, ServerSubject } from './subject.ts';

const NAMESPACE = 'reads-watches';
const PATH = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const INITIAL = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
const END = { 'k8s.io/initial-events-end': 'true' };
const FUTURE = '999999999';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';

/** Bookmarks of one that only watches come when the server likes. */
const changes = (events: readonly ServerEvent[]): string[] => events.filter(({ type }) => type !== 'BOOKMARK').map(({ type, object }) => `${type} ${object.metadata.name as string}`);

export function watchesCases(subject: () => ServerSubject): void {
  const watch = (query: string, count: number, milliseconds = 5_000, accept?: string): Promise<readonly ServerEvent[]> => subject().events(`${PATH}?${query}`, { count, milliseconds }, accept === undefined ? {} : { accept });
  const create = async (name: string, labels: Record<string, string>): Promise<string> => (await subject().ask('POST', PATH, { body: { metadata: { name, labels } } })).body.metadata.resourceVersion as string;
  const merge = async (name: string, body: object): Promise<Answer> => subject().ask('PATCH', `${PATH}/${name}`, { type: 'application/merge-patch+json', body });
  const current = async (): Promise<string> => (await subject().ask('GET', `${PATH}?limit=1`)).body.metadata.resourceVersion as string;

  describe('watches', () => {
    beforeAll(async () => {
      await subject().ask('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
      for (const name of ['a', 'b']) await create(name, { group: 'first' });
    });

    test('from nothing and from "0" with what there is, from a version with what came after', async () => {
      for (const query of ['watch=1', 'watch=true&resourceVersion=0', 'watch=yes&resourceVersion=']) expect(changes(await watch(`${query}&labelSelector=group=first`, 2)), query).toEqual(['ADDED a', 'ADDED b']);
      const before = await current();
      await create('later', { group: 'later' });
      const [event] = await watch(`watch=1&resourceVersion=${before}&labelSelector=group`, 1);
      expect(event).toMatchObject({ type: 'ADDED', object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'later', labels: { group: 'later' } } } });
    });

    test('a streaming list ends with a bookmark, and goes on', async () => {
      for (const version of ['', '&resourceVersion=', '&resourceVersion=0', `&resourceVersion=${await current()}`]) {
        const events = await watch(`${INITIAL}${version}&labelSelector=group=first`, 3);
        expect([events.length, changes(events)], version).toEqual([3, ['ADDED a', 'ADDED b']]);
        expect(events[2]).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { annotations: END } } });
        expect(Number(events[2]?.object.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(events[1]?.object.metadata.resourceVersion));
      }
      const going = watch(`${INITIAL}&labelSelector=group=going`, 2);
      await sleep(300);
      await create('going', { group: 'going' });
      expect((await going).map(({ type }) => type)).toEqual(['BOOKMARK', 'ADDED']);
    });

    test('a streaming list for which nobody wants bookmarks has none; without initial events it is empty', async () => {
      expect(await watch('watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1&labelSelector=group=first', 3)).toHaveLength(2);
      for (const version of ['', '&resourceVersion=0']) expect(await watch(`watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=1&labelSelector=group=first${version}`, 1)).toEqual([]);
    });

    test('wrong combinations are 422, and the cause names the field', async () => {
      const refusal = async (query: string): Promise<unknown> => {
        const { code, body } = await subject().ask('GET', `${PATH}?watch=1&timeoutSeconds=1&${query}`);
        return [code, body.reason, (body.details.causes as { reason: string; field: string; message: string }[]).map((cause) => `${cause.field} ${cause.message}`)];
      };
      const required = 'resourceVersionMatch Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
      const alone = 'resourceVersionMatch Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
      const unknown = 'resourceVersionMatch Unsupported value: "Exact": supported values: "NotOlderThan"';
      expect(await refusal('sendInitialEvents=true')).toEqual([422, 'Invalid', [required]]);
      expect(await refusal('sendInitialEvents=false')).toEqual([422, 'Invalid', [required]]);
      expect(await refusal('sendInitialEvents=true&resourceVersionMatch=Exact')).toEqual([422, 'Invalid', [required, unknown]]);
      expect(await refusal('resourceVersionMatch=NotOlderThan')).toEqual([422, 'Invalid', [alone]]);
      expect(await refusal(`resourceVersionMatch=Exact&resourceVersion=${await current()}`)).toEqual([422, 'Invalid', [alone, unknown]]);
      expect(await refusal('continue=abc')).toEqual([422, 'Invalid', ['resourceVersionMatch Forbidden: resourceVersionMatch is forbidden when continue is provided']]);
      for (const query of ['labelSelector=a%3D%3D%3D', 'fieldSelector=foo%3Dbar', 'timeoutSeconds=soon']) expect((await subject().ask('GET', `${PATH}?watch=1&${query}`)).body, query).toMatchObject({ code: 400, reason: 'BadRequest' });
    });

    test('a version to come: a streaming list fails in the stream, a plain watch waits', async () => {
      const [failed, waited] = await Promise.all([watch(`${INITIAL}&resourceVersion=${FUTURE}`, 1, 10_000), watch(`watch=1&resourceVersion=${FUTURE}&timeoutSeconds=1`, 1)]);
      expect(failed).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', status: 'Failure', code: 504, reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 } } }]);
      expect(waited).toEqual([]);
    });

    test('an object that stops matching is deleted as it last matched, with the version of the change', async () => {
      const before = await current();
      await create('turning', { on: 'yes', step: '1' });
      await merge('turning', { metadata: { labels: { step: '2' } } });
      const left = await merge('turning', { metadata: { labels: { on: 'no', step: '3' } } });
      await merge('turning', { metadata: { labels: { on: 'yes', step: '4' } } });
      const gone = await subject().ask('DELETE', `${PATH}/turning`);
      expect(gone.code).toBe(200);
      const events = await watch(`watch=1&resourceVersion=${before}&labelSelector=on=yes`, 5);
      expect(events.map(({ type, object }) => `${type} ${object.metadata.labels.step as string}`)).toEqual(['ADDED 1', 'MODIFIED 2', 'DELETED 2', 'ADDED 4', 'DELETED 4']);
      expect(events[2]?.object.metadata.resourceVersion).toBe(left.body.metadata.resourceVersion);
      expect(Number(events[4]?.object.metadata.resourceVersion)).toBeGreaterThan(Number(events[3]?.object.metadata.resourceVersion));
    });

    test('one object by its name', async () => {
      const before = await current();
      for (const name of ['one', 'other']) await create(name, {});
      await merge('one', { data: { v: '2' } });
      expect(changes(await watch(`watch=1&resourceVersion=${before}&fieldSelector=metadata.name%3Done`, 2))).toEqual(['ADDED one', 'MODIFIED one']);
      expect(changes(await watch(`watch=1&fieldSelector=metadata.name%3Dother`, 1))).toEqual(['ADDED other']);
      // The path of an object knows no watch.
      expect((await subject().ask('GET', `${PATH}/one?watch=1&timeoutSeconds=1`)).body).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'one' } });
    });

    test('timeoutSeconds ends it without a word; a bookmark is only for who asks', async () => {
      const started = performance.now();
      expect(await watch(`watch=1&timeoutSeconds=1&resourceVersion=${await current()}`, 1, 8_000)).toEqual([]);
      expect(performance.now() - started).toBeLessThan(7_000);
    });

    test('as a table: columns once, a row for each event', async () => {
      const events = await watch(`${INITIAL}&labelSelector=group=first`, 3, 5_000, TABLE);
      expect(events.map(({ type, object }) => [type, object.kind, object.apiVersion, object.columnDefinitions?.map((column: { name: string }) => column.name) ?? null, object.rows[0].cells.slice(0, 2)])).toEqual([
        ['ADDED', 'Table', 'meta.k8s.io/v1', ['Name', 'Data', 'Age'], ['a', 0]], ['ADDED', 'Table', 'meta.k8s.io/v1', null, ['b', 0]], ['BOOKMARK', 'Table', 'meta.k8s.io/v1', null, ['', 0]],
      ]);
      expect(events[0]?.object.rows[0].object).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'a' } });
      expect(events[2]?.object.rows[0].object.metadata.annotations).toEqual(END);
      expect(events[2]?.object.metadata.resourceVersion).toBe(events[2]?.object.rows[0].object.metadata.resourceVersion);
      const [bare] = await watch('watch=1&labelSelector=group=first&includeObject=None', 1, 5_000, TABLE);
      expect(bare?.object.rows[0].object ?? null).toBeNull();
      const [whole] = await watch('watch=1&labelSelector=group=first&includeObject=Object', 1, 5_000, TABLE);
      expect(whole?.object.rows[0].object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } });
    });

    test('as metadata alone', async () => {
      const events = await watch(`${INITIAL}&labelSelector=group=first`, 3, 5_000, METADATA);
      expect(events.map(({ type, object }) => [type, object.kind, object.apiVersion, object.metadata.name ?? '', object.data])).toEqual([
        ['ADDED', 'PartialObjectMetadata', 'meta.k8s.io/v1', 'a', undefined], ['ADDED', 'PartialObjectMetadata', 'meta.k8s.io/v1', 'b', undefined], ['BOOKMARK', 'PartialObjectMetadata', 'meta.k8s.io/v1', '', undefined],
      ]);
      expect(events[2]?.object.metadata.annotations).toEqual(END);
    });

    test('changes of a hundred objects arrive once each, in the order of their versions', async () => {
      const before = await current();
      const watching = watch(`watch=1&resourceVersion=${before}&labelSelector=many`, 200, 15_000);
      const one = async (index: number): Promise<void> => {
        await create(`many-${index}`, { many: 'yes' });
        await merge(`many-${index}`, { data: { v: '2' } });
      };
      for (let from = 0; from < 100; from += 10) await Promise.all(Array.from({ length: 10 }, (_, index) => one(from + index)));
      const events = (await watching).filter(({ type }) => type !== 'BOOKMARK');
      const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
      expect(events).toHaveLength(200);
      expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
      expect(new Set(changes(events)).size).toBe(200);
    });
  });
}
