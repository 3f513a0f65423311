import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import type { JsonObject } from '../json.ts';
import type { PageEnd } from '../reads.ts';
import { configMap, me, start } from '../testing/api.ts';
import { sendList } from './respond.ts';
import { SLICE_STEPS, SlicedBody, Turns } from './turns.ts';

/** A response that takes what is written when `read` is called, and counts the pieces. */
function slowResponse(highWaterMark: number): { readonly response: ServerResponse; readonly text: () => string; readonly pieces: () => number; readonly read: () => void } {
  let pending: (() => void) | undefined;
  const chunks: string[] = [];
  const stream = new Writable({
    highWaterMark,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString());
      pending = done;
    },
  });
  const response = Object.assign(stream, { headersSent: false, writeHead() { response.headersSent = true; } }) as unknown as ServerResponse & { headersSent: boolean };
  return { response, text: () => chunks.join(''), pieces: () => chunks.length, read: () => pending?.() };
}
const settled = async (): Promise<void> => { for (let turn = 0; turn < 20; turn++) await Promise.resolve(); };

it('grants one slice for each turn of the loop, in the order of asking', async () => {
  const later: (() => void)[] = [];
  const turns = new Turns((run) => later.push(run));
  const granted: number[] = [];
  for (const caller of [1, 2, 3]) void turns.take().then(() => granted.push(caller));
  await settled();
  expect(granted).toEqual([1]);
  for (const expected of [[1, 2], [1, 2, 3], [1, 2, 3]]) {
    later.shift()?.();
    await settled();
    expect(granted).toEqual(expected);
  }
  expect([turns.granted, later.length]).toEqual([3, 0]);
  void turns.take().then(() => granted.push(4));
  await settled();
  expect(granted).toEqual([1, 2, 3, 4]);
});

it('makes a list in slices, the next only when the last was read, of the moment in which it was asked for', async () => {
  const { api } = start();
  const target = api.target('', 'v1', 'configmaps');
  const count = 4 * SLICE_STEPS + 1;
  for (let index = 0; index < count; index += 1) api.create(target, 'shop', configMap(`c${String(index).padStart(5, '0')}`), me);
  const { response, text, pieces, read } = slowResponse(1);
  const turns = new Turns((run) => run());
  const sending = sendList(new SlicedBody(response, turns, manualClock(0), {}), 'object', target, api.openList(target, { namespace: 'shop' }), 0, 'Metadata');
  for (let slice = 1; slice <= 4; slice += 1) {
    await settled();
    expect([pieces(), turns.granted]).toEqual([slice, slice]);
    api.create(target, 'shop', configMap(`d${slice}`), me);
    read();
  }
  await sending;
  read();
  expect(turns.granted).toBe(5);
  const list = JSON.parse(text()) as { items: JsonObject[]; metadata: JsonObject };
  expect([list.items.length, list.items[0]?.['kind'], list.metadata]).toEqual([count, undefined, { resourceVersion: expect.any(String) as string }]);
});

it('looks at no more when the reader has gone, and gives up one who never reads', async () => {
  const { api } = start();
  const target = api.target('', 'v1', 'configmaps');
  let looked = 0;
  function* endless(): Generator<JsonObject | undefined, PageEnd, undefined> {
    for (;;) {
      looked += 1;
      yield configMap('same') as unknown as JsonObject;
    }
  }
  const leaving = slowResponse(1);
  const clock = manualClock(0);
  const sending = sendList(new SlicedBody(leaving.response, new Turns((run) => run()), clock, {}), 'object', target, { resourceVersion: '1', objects: endless() }, 0, 'Metadata');
  await settled();
  leaving.response.destroy();
  await sending;
  expect(looked).toBe(SLICE_STEPS);
  const silent = slowResponse(1);
  const waiting = sendList(new SlicedBody(silent.response, new Turns((run) => run()), clock, {}), 'object', target, { resourceVersion: '1', objects: endless() }, 0, 'Metadata');
  await settled();
  await clock.advance(61_000);
  await waiting;
  expect([silent.response.destroyed, looked]).toEqual([true, 2 * SLICE_STEPS]);
});
