/** Whole runs: a hub with its embedded API as people start it, and whole agents beside it. From the moment the UpdateRun is made until its status says that it has ended. */
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { askWhoAmI } from '../../../controller/runtime/who.ts';
import { createJoinToken } from '../../../controller/runtime/new-join-token.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Bundle, Cluster, JoinToken, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { type HubProcess, startHub, temporaryFolder } from '../../embedded/hub-process.ts';
import { startChild } from '../kube/child.ts';
import { quantile } from '../kube/figures.ts';

export interface RunFigures {
  readonly agents: number;
  /** Of each run, in milliseconds, in their order. */
  readonly times: readonly number[];
  readonly p50: number;
  readonly p90: number;
  /** Of a run, in milliseconds of a processor; median. */
  readonly processor: { readonly hub: number; readonly agents: number };
  /** How often agents asked each other while runs went on. */
  readonly asked: { readonly answered: number; readonly unanswered: number };
  /** One server-side apply of the same object in each cluster's API, with nothing around it; median. */
  readonly plainWrites: number;
  /** In the records: rows of the journal, with their keys, of one run for each of its clusters. */
  readonly journalBytesPerCluster: number;
  readonly runObjectBytes: number;
}

const LONGEST_MILLISECONDS = 300_000;
const never = new AbortController().signal;
const by = { fieldManager: 'bench' };
const object = (kind: { readonly kind: string; readonly group: string; readonly version: string }, name: string, spec: object): KubernetesObject => ({ apiVersion: apiVersionOf(kind as never), kind: kind.kind, metadata: { name }, spec }) as KubernetesObject;

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const giveUpAt = performance.now() + LONGEST_MILLISECONDS; performance.now() < giveUpAt; await sleep(20)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`not within ${LONGEST_MILLISECONDS / 1000} s: ${what}`);
}

const strategy = (agents: number) => ({
  stages: ['canary', 'early', 'rest'].map((wave) => ({ name: wave, clusters: { labels: { wave } }, maxConcurrency: agents, soakSeconds: 0 })), progressDeadlineSeconds: 60,
});
const waveOf = (index: number, agents: number): string => (index === 0 ? 'canary' : index < agents / 10 ? 'early' : 'rest');

async function makeBundle(client: KubernetesClient, number: number): Promise<string> {
  const name = `config-${number}`;
  const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'shop', name: 'by-bundle' }, data: { value: String(number) } };
  await client.create(Bundle, object(Bundle, name, { package: 'config', version: `1.0.${number}`, parts: [{ name: 'settings', manifests: [manifest] }] }), by, never);
  await until(`Bundle ${name} is judged`, async () => ((await client.get<KubernetesObject & { readonly status?: { readonly digest?: string } }>(Bundle, { name }, never))?.status?.digest === undefined ? undefined : true));
  return name;
}

async function runOnce(client: KubernetesClient, requestedBy: string, number: number): Promise<number> {
  const bundle = await makeBundle(client, number);
  const name = `bench-${number}`;
  const begin = performance.now();
  await client.create(UpdateRun, object(UpdateRun, name, { strategyName: 'bench', bundle: { name: bundle, clusters: {}, all: true }, reason: 'measured', requestedBy, stop: false }), by, never);
  const run = await until(`run ${name} ends`, async () => {
    const found = await client.get<UpdateRunObject>(UpdateRun, { name }, never);
    return found?.status !== undefined && FINAL_RUN_PHASES.includes(found.status.phase) ? found : undefined;
  });
  if (run.status?.phase !== 'Completed') throw new Error(`run ${name} ended as ${run.status?.phase}: ${run.status?.message}`);
  return performance.now() - begin;
}

function journalBytes(dataDir: string, run: string): number {
  const database = new DatabaseSync(join(dataDir, 'records.sqlite'), { readOnly: true });
  try {
    const { bytes } = database.prepare('select sum(length(run) + length(cluster) + length(event) + length(message) + 16) as bytes from journal where run = ?').get(run) as { bytes: number };
    return bytes;
  } finally {
    database.close();
  }
}

interface AgentsUsage { readonly processorMilliseconds: number; readonly answered: number; readonly unanswered: number }

/** What a Prometheus reads of the hub's process. */
async function hubProcessorMilliseconds(hub: HubProcess): Promise<number> {
  const seconds = /^process_cpu_seconds_total(?:{[^}]*})? ([0-9.e+-]+)/m.exec((await hub.get('/metrics')).text)?.[1];
  if (seconds === undefined) throw new Error('the hub does not tell process_cpu_seconds_total');
  return Number(seconds) * 1000;
}

/** `askEachOther` false: agents as they are, but for the way to each other. */
export async function measureRuns(agents: number, runs: number, { askEachOther = true } = {}): Promise<RunFigures> {
  const folder = temporaryFolder();
  const child = startChild(join(import.meta.dirname, 'agents-process.ts'), []);
  let hub: Awaited<ReturnType<typeof startHub>> | undefined;
  try {
    hub = await startHub(folder.path, { flags: ['--log-level', 'error'] });
    const { client } = hub;
    const trust = await until('the hub has published its trust', async () => (await client.get<ConfigMapObject>(ConfigMap, { namespace: 'isthmus-system', name: 'isthmus-trust' }, never))?.data);
    const tokens: Record<string, string> = {};
    for (let index = 0; index < agents; index += 1) {
      const cluster = `cluster-${index}`;
      const made = createJoinToken({ cluster, hubAddress: trust['hubAddress']!, trustDomain: trust['trustDomain']!, bundlePem: trust['bundle.pem']! }, { random: systemRandom, digest: sha256Hex, now: Date.now() });
      await client.create(Cluster, { ...object(Cluster, cluster, {}), metadata: { name: cluster, labels: { wave: waveOf(index, agents) } } }, by, never);
      await client.create(JoinToken, made.object, by, never);
      tokens[cluster] = made.text;
    }
    await child.ask({ ask: 'start', tokens, askEachOther });
    await until('all agents are ready', async () => {
      const ready = (await client.list<ClusterObject>(Cluster, {}, never)).items.filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'));
      return ready.length === agents ? true : undefined;
    });
    await client.create(UpdateStrategy, object(UpdateStrategy, 'bench', strategy(agents)), by, never);
    const { name: me } = await askWhoAmI(client, 'bench', never);
    const times: number[] = [];
    const processor = { hub: [] as number[], agents: [] as number[] };
    const asked = { answered: 0, unanswered: 0 };
    for (let number = 1; number <= runs; number += 1) {
      const [hubBefore, before] = [await hubProcessorMilliseconds(hub), await child.ask<AgentsUsage>({ ask: 'usage' })];
      times.push(await runOnce(client, me, number));
      const [hubAfter, after] = [await hubProcessorMilliseconds(hub), await child.ask<AgentsUsage>({ ask: 'usage' })];
      processor.hub.push(hubAfter - hubBefore);
      processor.agents.push(after.processorMilliseconds - before.processorMilliseconds);
      asked.answered += after.answered - before.answered;
      asked.unanswered += after.unanswered - before.unanswered;
    }
    if (await child.ask<number>({ ask: 'have', name: 'by-bundle', value: String(runs) }) !== agents) throw new Error('not every cluster has what the last run brought');
    const plain: number[] = [];
    for (let number = 0; number < runs; number += 1) plain.push(await child.ask<number>({ ask: 'writeAll', name: 'plain', data: { value: String(number) } }));
    const runObjectBytes = JSON.stringify(await client.get(UpdateRun, { name: `bench-${runs}` }, never)).length;
    const { dataDir } = hub;
    await hub.stop();
    hub = undefined;
    return {
      agents, times, p50: quantile(times, 0.5), p90: quantile(times, 0.9), processor: { hub: quantile(processor.hub, 0.5), agents: quantile(processor.agents, 0.5) }, asked,
      plainWrites: quantile(plain, 0.5), journalBytesPerCluster: journalBytes(dataDir, `bench-${runs}`) / agents, runObjectBytes,
    };
  } finally {
    await child.stop();
    await hub?.stop();
    folder.remove();
  }
}
