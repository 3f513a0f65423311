/** The same faults over and over: nothing may pile up. And a machine whose clock jumps. */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { type ApiServer, missingAssets, startApiServer } from '../apiserver.ts';
import { widgetDefinition } from '../contract/widget.ts';
import type { Fault, FaultKind } from './schedule.ts';
import { createWorld, type World } from './world.ts';

const missing = missingAssets();
if (missing !== undefined) console.log(`no real kube-apiserver: ${missing}`);
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const HOUR = 3_600_000;

describe.skipIf(missing !== undefined)('again and again', () => {
  let server: ApiServer | undefined;
  let direct: ConnectedKubernetes | undefined;
  const complaints: string[] = [];
  const complain = (reason: unknown): void => { complaints.push(String(reason)); };
  beforeAll(async () => {
    process.on('unhandledRejection', complain);
    process.on('warning', complain);
    server = await startApiServer({ definitions: [widgetDefinition] });
    direct = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-faults-direct', metrics: fakeMetrics() });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    expect(complaints).toEqual([]);
  });
  afterAll(async () => {
    process.off('unhandledRejection', complain);
    process.off('warning', complain);
    await direct?.close();
    await server?.stop();
  });

  async function round(world: World, what: string, kinds: readonly FaultKind[], milliseconds: number, meanwhile: () => void = () => undefined): Promise<number> {
    const writing = new AbortController();
    const written = world.write(writing.signal);
    await sleep(300);
    world.proxy.begin(kinds.map((kind): Fault => ({ kind, every: 3, amount: 0.3 })), '');
    meanwhile();
    await sleep(milliseconds);
    world.proxy.end();
    writing.abort();
    await written;
    return await world.settle(what);
  }

  test('twelve rounds of faults leave no connection, timer, listener or memory behind', async () => {
    const world = await createWorld({ server: server!, direct: direct!, name: 'rounds', seed: 1, clock: systemClock, pageSize: 50, configMaps: 80, widgets: 320, pauseMilliseconds: 8 });
    const kinds: readonly FaultKind[][] = [
      ['reset-mid-event', 'unavailable', 'answer-lost', 'idle-close', 'watch-closed'],
      ['truncated-list', 'gone-in-stream', 'garbage-answer'],
      ['never-answered', 'silent-accept', 'garbage-in-stream', 'refused', 'certificate-rotated'],
    ];
    const resources: Record<string, number>[] = [];
    const heapMegabytes: number[] = [];
    const listeners: number[] = [];
    for (let turn = 0; turn < 12; turn++) {
      await round(world, `round ${turn + 1}`, kinds[turn % kinds.length]!, 600, () => { if (turn % kinds.length === 1) world.proxy.provoke('expire-watches'); });
      // What was given up before the fault ended is still being closed.
      await sleep(300);
      collectGarbage();
      heapMegabytes.push(process.memoryUsage().heapUsed / 1e6);
      listeners.push(world.abortListeners());
      const counts: Record<string, number> = {};
      for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
      resources.push(counts);
    }
    console.log([
      `heap by round, MB: ${heapMegabytes.map((megabytes) => megabytes.toFixed(1)).join(' ')}`,
      `abort listeners: ${listeners.join(' ')}`,
      `resources after the third round ${JSON.stringify(resources[2])}, after the last ${JSON.stringify(resources.at(-1))}`,
      `struck: ${[...world.proxy.struck].map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
    ].join('\n'));
    for (const kind of kinds.flat()) expect(world.proxy.struck.get(kind) ?? 0, kind).toBeGreaterThan(0);
    const lowest = (values: readonly number[]): number => Math.min(...values);
    expect(lowest(heapMegabytes.slice(-3)) - lowest(heapMegabytes.slice(1, 4))).toBeLessThan(4);
    expect(lowest(listeners.slice(-3))).toBeLessThanOrEqual(lowest(listeners.slice(0, 3)) + 2);
    // Two ends of each connection are in this process, the proxy's and the client's, and the proxy's to the server.
    const count = (name: string, of: readonly Record<string, number>[]): number => lowest(of.map((counts) => counts[name] ?? 0));
    for (const name of new Set(resources.flatMap((counts) => Object.keys(counts)))) {
      expect(count(name, resources.slice(-3)), name).toBeLessThanOrEqual(count(name, resources.slice(0, 3)) + 12);
    }
    await world.stop();
  });

  test("the machine's clock jumps by hours, forward and back, while connections break", async () => {
    const realNow = Date.now.bind(Date);
    let offset = 0;
    vi.spyOn(Date, 'now').mockImplementation(() => realNow() + offset);
    const world = await createWorld({ server: server!, direct: direct!, name: 'skew', seed: 2, clock: systemClock, pageSize: 50, configMaps: 30, widgets: 60, pauseMilliseconds: 10 });
    const settled: number[] = [];
    for (const hours of [5, -9, 0.2, -0.01, 24 * 400, -24 * 400]) {
      settled.push(Math.round(await round(world, `clock moved by ${hours} h`, ['reset-mid-event', 'unavailable', 'gone-in-stream'], 500, () => { offset += hours * HOUR; })));
    }
    console.log(`after jumps of the clock: well again after ${settled.join(', ')} ms`);
    await world.stop();
  });
});
