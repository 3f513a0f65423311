/** Figures of the whole thread, three embedded clusters on this machine, beside the time that one write and its watch event take in the same run. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { NO_ETCD } from '../../controller/demo/steps/03-plan.ts';
import { Mesh, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import { ConfigMap, Secret, type SecretObject } from '../../mesh/api/resources/core.ts';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';
import { runDemo } from '../../controller/demo/demo.ts';
import { eventually } from '../../controller/demo/eventually.ts';
import { apply } from '../../controller/demo/objects.ts';
import type { Walk } from '../../controller/demo/walk.ts';

const entry = resolve(import.meta.dirname, '../../controller/cli/main.ts');
const BASELINE_WRITES = 30;
const COLD_STARTS = 5;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Median of: one server-side apply, until a watch that was open before shows it. */
async function writeToWatchEvent(client: KubernetesClient, signal: AbortSignal): Promise<number> {
  const reference = { namespace: 'shop', name: 'bench-baseline' };
  const put = (value: number) => client.patch(ConfigMap, reference, {
    apiVersion: 'v1', kind: 'ConfigMap', metadata: reference, data: { value: String(value) },
  }, { type: 'apply', fieldManager: 'bench' }, signal);
  const first = await put(-1);
  const stop = new AbortController();
  const events = client.watch(ConfigMap, { namespace: 'shop', resourceVersion: first.metadata.resourceVersion ?? '' }, stop.signal)[Symbol.asyncIterator]();
  const times: number[] = [];
  for (let index = 0; index < BASELINE_WRITES; index += 1) {
    const next = events.next();
    const start = performance.now();
    await put(index);
    await next;
    times.push(performance.now() - start);
  }
  stop.abort();
  await client.delete(ConfigMap, reference, {}, signal);
  return median(times);
}

/** A Mesh edit that adds virginia again, with nothing to wait for, until the last of the three clusters has its Secret. */
async function meshEdit(walk: Walk): Promise<number> {
  const { api } = walk.fleet.hub;
  await apply(api, UpdateStrategy, 'at-once', { stages: [{ name: 'all', clusters: {}, maxConcurrency: 10, soakSeconds: 0 }], progressDeadlineSeconds: 30 }, walk.signal);
  const edit = (exclude: string) => apply(api, Mesh, 'atlantic', { clusters: { exclude_labels: { region: exclude } }, strategy: 'at-once', skips: NO_ETCD }, walk.signal);
  const peers = async (cluster: string): Promise<string> =>
    Object.keys((await walk.cluster(cluster).api.get<SecretObject>(Secret, { namespace: 'kube-system', name: 'cilium-clustermesh' }, walk.signal))?.data ?? {}).sort().join();
  await edit('us');
  await eventually('virginia has left', 20_000, async () => await peers('berlin') === 'oslo' && await peers('oslo') === 'berlin' && await peers('virginia') === '');
  const start = performance.now();
  await edit('nowhere');
  await eventually('virginia is back', 20_000, async () => await peers('berlin') === 'oslo,virginia' && await peers('oslo') === 'berlin,virginia' && await peers('virginia') === 'berlin,oslo');
  return performance.now() - start;
}

const residentMebibytes = (pid: number): number => Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).trim()) / 1024);

function coldStart(parameters: readonly string[]): number {
  return median(Array.from({ length: COLD_STARTS }, () => {
    const start = performance.now();
    execFileSync(process.execPath, [...parameters], { stdio: 'ignore' });
    return performance.now() - start;
  }));
}

export async function bench(): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const rows: (readonly [string, number])[] = [];
  let baseline = Number.NaN;
  let memory: (readonly [string, number])[] = [];
  const result = await runDemo({
    entry, signal: stop.signal, say: (text) => process.stderr.write(`${text}\n`),
    afterWalk: async (walk) => {
      rows.push(['Mesh edit to last Secret written (3 clusters, no soak)', await meshEdit(walk)]);
      baseline = await writeToWatchEvent(walk.cluster('berlin').api, walk.signal);
      memory = [['hub with embedded API', residentMebibytes(walk.fleet.hub.process.pid)], ...walk.fleet.clusters.map((cluster) => [`agent ${cluster.name}`, residentMebibytes(cluster.agent?.pid ?? 0)] as const)];
    },
  });
  if (!result.ok) {
    process.stderr.write('bench: the walk did not hold; no figures\n');
    process.exitCode = 1;
    return;
  }
  for (const [name, values] of Object.entries(result.measurements)) rows.push([`${name} (median of ${values.length})`, median(values)]);
  const print = (text: string): void => { process.stdout.write(`${text}\n`); };
  print(`baseline: one write until its watch event, embedded API, median of ${BASELINE_WRITES}: ${baseline.toFixed(1)} ms`);
  for (const [name, milliseconds] of rows) print(`${name}: ${milliseconds.toFixed(0)} ms = ${(milliseconds / baseline).toFixed(1)} × baseline`);
  for (const [name, mebibytes] of memory) print(`resident memory, ${name}: ${mebibytes} MiB`);
  const bare = coldStart(['-e', '0']);
  const help = coldStart([entry, '--help']);
  print(`baseline: bare node, cold start, median of ${COLD_STARTS}: ${bare.toFixed(0)} ms`);
  print(`isthmus --help, cold start: ${help.toFixed(0)} ms = ${(help / bare).toFixed(1)} × baseline`);
}
