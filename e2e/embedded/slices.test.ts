/** Ten thousand objects listed, watched, selected and deleted while others wait for an answer: how long the event loop is held is printed, what must come of it is held. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';

const COUNT = 10_000;
const PATH = '/api/v1/namespaces/many/configmaps';

let child: ChildProcess;
let lines: Interface;
let agent: Agent;
let server: { url: string; token: string; caPem: string };
const line = async (): Promise<unknown> => JSON.parse((await once(lines, 'line') as [string])[0]) as unknown;

beforeAll(async () => {
  child = spawn(process.execPath, [join(import.meta.dirname, 'slices-process.ts'), String(COUNT)], { stdio: ['pipe', 'pipe', 'inherit'] });
  lines = createInterface({ input: child.stdout! });
  server = await line() as typeof server;
  agent = new Agent({ connect: { ca: server.caPem }, connections: 20 });
}, 180_000);
afterAll(async () => {
  const exited = once(child, 'exit');
  child.stdin!.end();
  child.kill('SIGTERM');
  await exited;
  await agent.destroy();
});

const get = (path: string, accept = 'application/json', signal?: AbortSignal): ReturnType<typeof request> =>
  request(server.url + path, { dispatcher: agent, headers: { authorization: `Bearer ${server.token}`, accept }, ...(signal === undefined ? {} : { signal }) });
// oxlint-disable-next-line typescript/no-explicit-any -- tests reach into answers of many shapes
const json = async (path: string, accept?: string): Promise<any> => (await get(path, accept)).body.json();

/** Since the last call. */
async function held(): Promise<{ readonly longestMilliseconds: number; readonly computedMilliseconds: number; readonly watchers: number }> {
  child.stdin!.write('\n');
  return await line() as { longestMilliseconds: number; computedMilliseconds: number; watchers: number };
}
async function measured<T>(what: string, work: () => Promise<T>): Promise<T> {
  await held();
  const result = await work();
  const { longestMilliseconds, computedMilliseconds } = await held();
  console.log(`${what}: event loop held for at most ${longestMilliseconds} ms, of its own computing in one turn at most ${computedMilliseconds} ms`);
  return result;
}

/** Events until the one that ends the beginning. */
async function initialEvents(query: string): Promise<number> {
  const abort = new AbortController();
  const answer = await get(`${PATH}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=1${query}`, 'application/json', abort.signal);
  let [count, rest] = [0, ''];
  for await (const chunk of answer.body) {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    count += parts.length;
    if (parts.some((part) => part.startsWith('{"type":"BOOKMARK"'))) break;
  }
  abort.abort();
  return count - 1;
}

test('a list of all, a table of all, a selection, pages', async () => {
  await measured(`list of ${COUNT}, cold`, () => json(PATH));
  const list = await measured(`list of ${COUNT}`, () => json(PATH));
  expect([list.items.length, list.items[COUNT - 1].metadata.name]).toEqual([COUNT, `object-00${COUNT - 1}`]);
  expect((await measured(`table of ${COUNT}`, () => json(PATH, 'application/json;as=Table;v=v1;g=meta.k8s.io'))).rows).toHaveLength(COUNT);
  expect((await measured(`selection of a tenth of ${COUNT}`, () => json(`${PATH}?labelSelector=last%3D3`))).items).toHaveLength(COUNT / 10);
  expect((await measured(`selection of none of ${COUNT}`, () => json(`${PATH}?fieldSelector=metadata.name%3Dnone`))).items).toHaveLength(0);
  expect((await measured('a namespace of three beside them', () => json('/api/v1/namespaces/few/configmaps'))).items).toHaveLength(3);
  const page = await measured('a page of 500', () => json(`${PATH}?limit=500`));
  expect([page.items.length, page.metadata.remainingItemCount]).toEqual([500, COUNT - 500]);
});

test('the initial events of watches, and many lists at once', async () => {
  expect(await measured(`initial events of ${COUNT}`, () => initialEvents(''))).toBe(COUNT);
  expect(await measured(`initial events of a tenth of ${COUNT}`, () => initialEvents('&labelSelector=last%3D3'))).toBe(COUNT / 10);
  const counts = await measured(`ten lists of ${COUNT} at once`, () => Promise.all(Array.from({ length: 10 }, async () => (await json(PATH)).items.length as number)));
  expect(counts).toEqual(Array.from({ length: 10 }, () => COUNT));
});

test('a list is of one moment, and others are answered before it ends', async () => {
  const abort = new AbortController();
  const slow = await get(PATH, 'application/json', abort.signal);
  // Nothing of the body is read: the server has to wait, and has not made the rest.
  const name = 'object-009999';
  const changed = await request(`${server.url}${PATH}/${name}`, { dispatcher: agent, method: 'PATCH', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/merge-patch+json' }, body: JSON.stringify({ data: { late: 'yes' } }) });
  expect(((await changed.body.json()) as { data: Record<string, string> }).data['late']).toBe('yes');
  const list = await slow.body.json() as { items: { metadata: { name: string }; data: Record<string, string> }[] };
  expect(list.items).toHaveLength(COUNT);
  expect(list.items.at(-1)).toMatchObject({ metadata: { name } });
  expect(list.items.at(-1)?.data['late']).toBeUndefined();
  expect((await json(`${PATH}/${name}`)).data.late).toBe('yes');
});

test('a reader who goes away stops it', async () => {
  for (let round = 0; round < 5; round++) {
    const abort = new AbortController();
    const streaming = await get(`${PATH}?watch=1`, 'application/json', abort.signal);
    for await (const _ of streaming.body) break;
    abort.abort();
  }
  let watchers = 5;
  for (let attempt = 0; attempt < 100 && watchers > 0; attempt++) ({ watchers } = await held());
  expect(watchers).toBe(0);
});

const post = (path: string, body: object): ReturnType<typeof request> => request(server.url + path, { dispatcher: agent, method: 'POST', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
const remove = (path: string, body?: object): ReturnType<typeof request> =>
  request(server.url + path, { dispatcher: agent, method: 'DELETE', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
/** What is left, as others see it while `work` goes on: looked at until it is over and nothing is left. */
async function left(path: string, work: Promise<unknown>): Promise<readonly number[]> {
  const seen: number[] = [];
  let over = false;
  void work.finally(() => { over = true; });
  for (;;) {
    const ended = over;
    const { items, metadata } = await json(`${path}?limit=1`);
    seen.push((items as readonly unknown[]).length + ((metadata.remainingItemCount as number | undefined) ?? 0));
    if (ended && seen.at(-1) === 0) return seen;
  }
}

test('a collection is deleted in slices, and others see how it goes', async () => {
  await measured('a dry run of deleting a tenth of the collection', async () => { expect((await (await remove(`${PATH}?labelSelector=last%3D3&dryRun=All`)).body.json() as { items: unknown[] }).items).toHaveLength(COUNT / 10); });
  expect((await json(PATH)).items).toHaveLength(COUNT);
  const deleted = remove(PATH).then(async (answer) => await answer.body.json() as { kind: string; items: { metadata: { name: string } }[] });
  const seen = await measured(`deleting a collection of ${COUNT}`, () => left(PATH, deleted));
  const { kind, items } = await deleted;
  expect([kind, items.length, items.at(-1)?.metadata.name]).toEqual(['ConfigMapList', COUNT, `object-00${COUNT - 1}`]);
  expect(seen).toEqual(seen.toSorted((a, b) => b - a));
  expect(seen.some((count) => count > 0 && count < COUNT)).toBe(true);
});

test('a namespace is emptied in slices, and goes when nothing is left', async () => {
  const path = '/api/v1/namespaces/more/configmaps';
  const seen = await measured(`deleting a namespace with ${COUNT}`, () => left(path, remove('/api/v1/namespaces/more').then(async (answer) => {
    const answered = await answer.body.json() as { status: { phase: string } };
    expect(answered.status.phase).toBe('Terminating');
    expect((await post(path, { metadata: { name: 'late' } })).statusCode).toBe(403);
  })));
  expect(seen.some((count) => count > 0 && count < COUNT)).toBe(true);
  for (let attempt = 0; attempt < 500 && (await json('/api/v1/namespaces/more')).code !== 404; attempt++);
  expect((await json('/api/v1/namespaces/more')).code).toBe(404);
});
