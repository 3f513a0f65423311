/** What else can be asked of the same objects: `kubectl get -l` of an API server, a list with a label selector, and jq over a file. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { crdOf } from '../../../mesh/api/schema/crd.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { quantile } from '../kube/figures.ts';
import { type Caller, caller, inParallel } from '../kube/requests.ts';
import type { BenchServer } from '../kube/servers.ts';
import type { Question } from './questions.ts';

const run = promisify(execFile);
const CLUSTERS = `/apis/${Cluster.group}/${Cluster.version}/${Cluster.plural}`;
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const SERVED_WITHIN_MILLISECONDS = 20_000;
const MOST_OUTPUT = 64 * 1024 * 1024;

export interface Baseline { readonly found: number; readonly p50: number; readonly most: number }

/** Median and longest of a few rounds. `work` gives how many clusters it found. */
export async function rounds(count: number, work: () => Promise<number>): Promise<Baseline> {
  const times: number[] = [];
  let found = 0;
  for (let index = 0; index < count; index += 1) {
    const start = performance.now();
    found = await work();
    times.push(performance.now() - start);
  }
  return { found, p50: quantile(times, 0.5), most: quantile(times, 1) };
}

/** Makes the kind, where it is not there, and the objects, status and all. */
export async function fillClusters(server: BenchServer, objects: readonly ClusterObject[]): Promise<void> {
  const call = caller(server, 16);
  try {
    if (!await isServed(call)) await call({ method: 'POST', path: DEFINITIONS, body: JSON.stringify(crdOf(Cluster)) });
    await served(call);
    await inParallel(objects.length, 16, async (index) => {
      const { status, ...object } = objects[index]!;
      await call({ method: 'POST', path: CLUSTERS, body: JSON.stringify(object) });
      await call({ method: 'PATCH', path: `${CLUSTERS}/${object.metadata.name}/status`, type: 'application/merge-patch+json', body: JSON.stringify({ status }) });
    });
  } finally {
    await call.close();
  }
}

const isServed = (call: Caller): Promise<boolean> => call({ method: 'GET', path: `${CLUSTERS}?limit=1` }).then(() => true, () => false);

async function served(call: Caller): Promise<void> {
  const until = performance.now() + SERVED_WITHIN_MILLISECONDS;
  while (!await isServed(call)) if (performance.now() > until) throw new Error(`${CLUSTERS} is not served`);
}

/** As a person types it, the start of kubectl included. */
export const kubectlGet = (server: BenchServer, labels: string, count: number): Promise<Baseline> => rounds(count, async () => {
  const { stdout } = await run('kubectl', ['--kubeconfig', server.kubeconfigPath, 'get', `${Cluster.plural}.${Cluster.group}`, '-l', labels, '--no-headers'], { maxBuffer: MOST_OUTPUT });
  return stdout.split('\n').filter((line) => line !== '').length;
});

/** The request alone, on a connection that is open. */
export async function listWithSelector(server: BenchServer, labels: string, count: number): Promise<Baseline> {
  const call = caller(server, 1);
  try {
    await call({ method: 'GET', path: `${CLUSTERS}?limit=1` });
    return await rounds(count, async () => (JSON.parse(await call({ method: 'GET', path: `${CLUSTERS}?labelSelector=${encodeURIComponent(labels)}` })) as { items: unknown[] }).items.length);
  } finally {
    await call.close();
  }
}

export function hasJq(): boolean {
  try {
    execFileSync('jq', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Over a file with the whole list, as `kubectl get clusters -o json` saves it. */
export const jqScan = (file: string, { jq }: Question, count: number): Promise<Baseline> => rounds(count, async () => {
  const { stdout } = await run('jq', ['-r', `.items[] | select(${jq}) | .metadata.name`, file], { maxBuffer: MOST_OUTPUT });
  return stdout.split('\n').filter((line) => line !== '').length;
});

/** Where there is no jq: a Node process that reads, parses and filters the same file. */
export const scriptScan = (file: string, { script }: Question, count: number): Promise<Baseline> => rounds(count, async () => {
  const source = `const { items } = JSON.parse(require('node:fs').readFileSync(process.argv[1], 'utf8')); for (const c of items) if (${script}) console.log(c.metadata.name);`;
  const { stdout } = await run(process.execPath, ['-e', source, file], { maxBuffer: MOST_OUTPUT });
  return stdout.split('\n').filter((line) => line !== '').length;
});
