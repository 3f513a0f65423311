/** A whole hub over an API server, as processes that people start: what it weighs for each cluster, what a query takes as it is typed, and how soon it sees a change. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crdOf } from '../../../mesh/api/schema/crd.ts';
import { apiVersionOf, Cluster, HUB_RESOURCES, Inquiry } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { QueryAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { type HubProcess, startHub } from '../../embedded/hub-process.ts';
import { quantile } from '../kube/figures.ts';
import { caller } from '../kube/requests.ts';
import type { BenchServer } from '../kube/servers.ts';
import { type Baseline, fillClusters, kubectlGet, rounds } from './baselines.ts';
import type { Question } from './questions.ts';

export interface HubFigures {
  readonly residentBytesBefore: number;
  readonly residentBytes: number;
  /** Until the hub had judged and recorded every cluster. */
  readonly secondsToSettle: number;
  /** `isthmus fleet query`, and `kubectl get -l` of the same server, as they are typed. */
  readonly typed: readonly { readonly name: string; readonly isthmus: Baseline; readonly kubectl: Baseline | undefined }[];
  /** A person declares a property → an Inquiry finds it. */
  readonly seen: { readonly p50: number; readonly most: number };
}

const NAMESPACE = 'isthmus-system';
const MOST_SETTLING_MILLISECONDS = 300_000;
const SEEN_WITHIN_MILLISECONDS = 20_000;
const never = new AbortController().signal;

async function metric(hub: HubProcess, name: RegExp): Promise<number> {
  const { text } = await hub.get('/metrics');
  return Number(name.exec(text)?.[1] ?? Number.NaN);
}
const RESIDENT = /^process_resident_memory_bytes(?:\{[^}]*\})? ([\d.e+]+)$/m;
const WAITING = /^workqueue_depth\{[^}]*name="inventory"[^}]*\} ([\d.e+]+)$/m;

export async function measureHub(server: BenchServer, objects: readonly ClusterObject[], questions: readonly Question[], sizes: { readonly rounds: number; readonly writes: number }): Promise<HubFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-hub-'));
  const call = caller(server, 1);
  let hub: HubProcess | undefined;
  try {
    for (const definition of HUB_RESOURCES) await call({ method: 'POST', path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body: JSON.stringify(crdOf(definition)) });
    await call({ method: 'POST', path: '/api/v1/namespaces', body: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }) });
    hub = await startHub(folder, { kubeconfig: server.kubeconfigPath, flags: ['--log-level', 'error'] });
    const residentBytesBefore = await metric(hub, RESIDENT);
    const start = performance.now();
    await fillClusters(server, objects);
    await settled(hub);
    const secondsToSettle = (performance.now() - start) / 1000;
    const residentBytes = await metric(hub, RESIDENT);
    const typed: HubFigures['typed'][number][] = [];
    for (const { name, query, labels } of questions) {
      typed.push({ name, isthmus: await rounds(sizes.rounds, () => typedQuery(hub!, query)), kubectl: labels === undefined ? undefined : await kubectlGet(server, labels, sizes.rounds) });
    }
    return { residentBytesBefore, residentBytes, secondsToSettle, typed, seen: await changes(hub.client, objects, sizes.writes) };
  } finally {
    await call.close();
    await hub?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Its queue of clusters stays empty for a second. */
async function settled(hub: HubProcess): Promise<void> {
  const until = performance.now() + MOST_SETTLING_MILLISECONDS;
  for (let calm = 0; calm < 4 && performance.now() < until; await sleep(250)) calm = await metric(hub, WAITING) === 0 ? calm + 1 : 0;
}

async function typedQuery(hub: HubProcess, query: string): Promise<number> {
  const { status, stdout, stderr } = await hub.isthmus('fleet', 'query', query, '-o', 'name');
  if (status !== 0) throw new Error(`isthmus fleet query ${query}: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '').length;
}

async function ask(client: KubernetesClient, text: string): Promise<QueryAnswer> {
  const question = { apiVersion: apiVersionOf(Inquiry), kind: 'Inquiry', metadata: { name: '', generateName: 'bench-' }, spec: { query: { text } } } as InquiryObject;
  const { metadata: { name } } = await client.create<InquiryObject>(Inquiry, question, { fieldManager: 'bench' }, never);
  for (;;) {
    const status = (await client.get<InquiryObject>(Inquiry, { name }, never))?.status;
    if (status?.answer !== undefined || status?.error !== undefined) {
      await client.delete(Inquiry, { name }, {}, never);
      // A property that no cluster has yet is a key that the hub does not know.
      return status.answer === undefined ? { matched: 0 } as QueryAnswer : JSON.parse(status.answer) as QueryAnswer;
    }
  }
}

async function changes(client: KubernetesClient, objects: readonly ClusterObject[], writes: number): Promise<HubFigures['seen']> {
  const times: number[] = [];
  for (let write = 0; write < writes; write += 1) {
    const { name } = objects[write % objects.length]!.metadata;
    const start = performance.now();
    await client.patch(Cluster, { name }, { spec: { properties: { bench: `v${write}` } } }, { type: 'merge', fieldManager: 'bench' }, never);
    while ((await ask(client, `bench=v${write}`)).matched === 0) if (performance.now() - start > SEEN_WITHIN_MILLISECONDS) throw new Error(`the property of ${name} is not seen within ${SEEN_WITHIN_MILLISECONDS / 1000} s`);
    times.push(performance.now() - start);
  }
  return { p50: quantile(times, 0.5), most: quantile(times, 1) };
}
