/** Twenty schedules of faults against one kube-apiserver; `FAULT_SEED=7 npm run test:faults` runs one of them again. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectedKubernetes, connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { type ApiServer, missingAssets, startApiServer } from '../apiserver.ts';
import { widgetDefinition } from '../contract/widget.ts';
import { runSeed, type SeedResult } from './run-seed.ts';
import { FAULT_KINDS, type Schedule, scheduleOf } from './schedule.ts';
import { seedsFrom } from './seeds.ts';

const missing = missingAssets();
if (missing !== undefined) console.log(`no real kube-apiserver: ${missing}`);
const seeds = seedsFrom(process.env['FAULT_SEED']);

describe.skipIf(missing !== undefined)('caches, loops and writers behind a proxy that breaks things', () => {
  let server: ApiServer | undefined;
  let direct: ConnectedKubernetes | undefined;
  const results: SeedResult[] = [];
  const complaints: string[] = [];
  const complain = (reason: unknown): void => { complaints.push(String(reason)); };
  beforeAll(async () => {
    process.on('unhandledRejection', complain);
    process.on('warning', complain);
    server = await startApiServer({ definitions: [widgetDefinition] });
    direct = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-faults-direct', metrics: fakeMetrics() });
  });
  afterAll(async () => {
    process.off('unhandledRejection', complain);
    process.off('warning', complain);
    await direct?.close();
    await server?.stop();
  });

  test.concurrent.each(seeds)('seed %i', async (seed) => {
    if (seeds.length < 5) console.log(JSON.stringify(scheduleOf(seed), null, 1));
    results.push(await runSeed(scheduleOf(seed), server!, direct!));
  });

  test.concurrent('a seed whose fault does not happen fails', async () => {
    const nothingHappens: Schedule = { seed: 0, clockRate: 1, streaming: true, pageSize: 500, phases: [{ faults: [{ kind: 'stale-list', every: 1, amount: 0 }], milliseconds: 100 }] };
    await expect(runSeed(nothingHappens, server!, direct!)).rejects.toThrow('stale-list did not strike');
  });

  test('no promise was left without its error, and every fault of the schedules really happened', () => {
    expect(complaints).toEqual([]);
    expect(results.map(({ seed }) => seed).sort((a, b) => a - b)).toEqual([...seeds]);
    const scheduled = new Set(seeds.flatMap((seed) => scheduleOf(seed).phases.flatMap(({ faults }) => faults.map(({ kind }) => kind))));
    const struck = FAULT_KINDS.map((kind) => [kind, results.reduce((sum, result) => sum + (result.struck.get(kind) ?? 0), 0)] as const);
    expect(struck.filter(([kind, count]) => scheduled.has(kind) && count === 0)).toEqual([]);
    const settled = results.flatMap(({ settledMilliseconds }) => settledMilliseconds).sort((a, b) => a - b);
    const at = (part: number): number => Math.round(settled[Math.min(settled.length - 1, Math.floor(settled.length * part))] ?? 0);
    console.log([
      `${results.length} seeds, ${settled.length} phases; ${results.reduce((sum, { events }) => sum + events, 0)} events, ${results.reduce((sum, { writes }) => sum + writes, 0)} writes through the proxy`,
      `well again after a fault: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, worst ${at(1)} ms; at most ${Math.max(...results.map(({ mostConnections }) => mostConnections))} connections of a client with 4 watches`,
      `faults: ${struck.map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
    ].join('\n'));
  });
});
