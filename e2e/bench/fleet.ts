/** Figures of the fleet inventory, each beside its baseline in the same run: queries beside kubectl and jq, the past beside a replay of its records. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Baseline, fillClusters, hasJq, jqScan, kubectlGet, listWithSelector, scriptScan } from './fleet/baselines.ts';
import type { SeenFigures } from './fleet/change-process.ts';
import { measureDrift } from './fleet/drift.ts';
import { type HubFigures, measureHub } from './fleet/hub.ts';
import { type HistoryFigures, measureHistory } from './fleet/history.ts';
import { clusters } from './fleet/objects.ts';
import type { ChangeFigures, MemoryFigures, QueryFigures, Spread } from './fleet/query-process.ts';
import { QUESTIONS } from './fleet/questions.ts';
import { startChild } from './kube/child.ts';
import { milliseconds, number, ratio, table } from './kube/figures.ts';
import { type BenchServer, embeddedServer, realServer } from './kube/servers.ts';
import { type Print, withServers } from './with-servers.ts';

export interface FleetBenchSizes {
  readonly clusters: number;
  /** Times each question is asked of the index; of kubectl and jq `slowRounds`. */
  readonly rounds: number;
  readonly slowRounds: number;
  readonly writes: number;
  readonly rows: number;
  readonly historyClusters: number;
  readonly historyQuestions: number;
  readonly fleetQuestions: number;
  readonly managedObjects: number;
  /** Declared properties that a whole hub must see. */
  readonly hubWrites: number;
  /** Of the questions, the first so many are typed; 0: no whole hub is measured. */
  readonly hubQuestions: number;
}

const FULL: FleetBenchSizes = { clusters: 10_000, rounds: 500, slowRounds: 5, writes: 300, rows: 10_000_000, historyClusters: 1000, historyQuestions: 300, fleetQuestions: 20, managedObjects: 1000, hubWrites: 30, hubQuestions: QUESTIONS.length };
const goal = (text: string, met: boolean): string => `  goal: ${text}: ${met ? 'met' : 'MISSED'}`;
const kibibytes = (bytes: number): string => `${number(bytes / 1024)} KiB`;
const spread = ({ p50, p99 }: Spread): string => `${number(p50)}, ${number(p99)} ms`;
const file = (name: string): string => join(import.meta.dirname, 'fleet', name);


interface ServerFigures { readonly server: string; readonly kubectl: ReadonlyMap<string, Baseline>; readonly list: ReadonlyMap<string, Baseline>; readonly seen: SeenFigures }

async function askServer(server: BenchServer, sizes: FleetBenchSizes, print: Print): Promise<ServerFigures> {
  try {
    print(`filling ${server.name} with ${sizes.clusters} Clusters`);
    await fillClusters(server, clusters(sizes.clusters));
    const [kubectl, list] = [new Map<string, Baseline>(), new Map<string, Baseline>()];
    for (const { name, labels } of QUESTIONS) {
      if (labels === undefined) continue;
      kubectl.set(name, await kubectlGet(server, labels, sizes.slowRounds));
      list.set(name, await listWithSelector(server, labels, sizes.slowRounds * 2));
    }
    const watcher = startChild(file('change-process.ts'), [server.kubeconfigPath]);
    try {
      await watcher.ask({ ask: 'sync' });
      return { server: server.name, kubectl, list, seen: await watcher.ask<SeenFigures>({ ask: 'change', writes: sizes.writes }) };
    } finally {
      await watcher.stop();
    }
  } finally {
    await server.stop();
  }
}

async function scans(sizes: FleetBenchSizes): Promise<{ readonly tool: string; readonly times: ReadonlyMap<string, Baseline> }> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-fleet-'));
  try {
    const path = join(folder, 'clusters.json');
    writeFileSync(path, JSON.stringify({ items: clusters(sizes.clusters) }));
    const jq = hasJq();
    const times = new Map<string, Baseline>();
    for (const question of QUESTIONS) times.set(question.name, await (jq ? jqScan : scriptScan)(path, question, Math.min(3, sizes.slowRounds)));
    return { tool: jq ? 'jq over a file' : 'node script over a file', times };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function queries(sizes: FleetBenchSizes, servers: readonly ServerFigures[], print: Print): Promise<void> {
  const child = startChild(file('query-process.ts'), []);
  try {
    const memory = await child.ask<MemoryFigures>({ ask: 'fill', count: sizes.clusters });
    const { tool, times } = await scans(sizes);
    print(`\n== one question to ${sizes.clusters} Clusters, ${sizes.rounds} times; baselines: the same objects asked otherwise (median)`);
    const found: { readonly name: string; readonly figures: QueryFigures }[] = [];
    const rows: (readonly string[])[] = [['', 'found', 'index', 'looked at', 'index p50, p99', 'as the hub answers', `${tool}`, ...servers.flatMap(({ server }) => [`kubectl get -l, ${server}`, 'GET ?labelSelector'])]];
    for (const { name, query } of QUESTIONS) {
      const figures = await child.ask<QueryFigures>({ ask: 'ask', text: query, rounds: sizes.rounds });
      found.push({ name, figures });
      const others = [times.get(name), ...servers.flatMap(({ kubectl, list }) => [kubectl.get(name), list.get(name)])];
      for (const other of others) if (other !== undefined && other.found !== figures.matched) throw new Error(`${name}: ${figures.matched} clusters are found, ${other.found} by the baseline`);
      rows.push([`  ${name}`, String(figures.matched), figures.usedIndex, String(figures.examined), spread(figures.run), spread(figures.answer), ...others.map((other) => (other === undefined ? '–' : `${milliseconds(other.p50)} (${ratio(other.p50, figures.run.p50)})`))]);
    }
    print(table(rows));
    print('  in brackets: how many times as long as the index takes (p50)');
    const worst = Math.max(...found.map(({ figures }) => figures.answer.p99));
    const indexed = found.filter(({ figures }) => figures.examined < sizes.clusters);
    const worstIndexed = Math.max(...indexed.map(({ figures }) => figures.run.p99));
    print(goal(`every answer of the hub p99 ≤ 10 ms (the longest here: ${milliseconds(worst)})`, worst <= 10));
    if (indexed.length > 0) print(goal(`indexed p99 ≤ 1 ms (${indexed.length} of ${found.length} questions; the longest here: ${milliseconds(worstIndexed)})`, worstIndexed <= 1));
    else print('  goal: indexed p99 ≤ 1 ms: MISSED (no question used an index)');
    print(`\n== the same questions by a scan that looks at every row; baseline of the index\n${table([['', 'scan p50, p99', 'scan/index (p50)'], ...found.map(({ name, figures }) => [`  ${name}`, spread(figures.scan), ratio(figures.scan.p50, figures.run.p50)])])}`);

    const change = await child.ask<ChangeFigures>({ ask: 'change', rounds: sizes.writes });
    print(`\n== one property changes until a query finds it; baseline: the watch event of the same write`);
    print(table([
      ['', 'property found p50, p99', 'watch event p50, p99', 'found/event (p50)'],
      ['  in the hub\'s memory alone', spread(change.put), '–', '–'],
      ...servers.map(({ server, seen }) => [`  written to ${server}`, spread(seen.seen), spread(seen.event), ratio(seen.seen.p50, seen.event.p50)]),
    ]));
    print(`\n== memory of the hub for each of ${memory.clusters} clusters; baseline: the parsed objects, as any informer holds them`);
    print(table([
      ['', 'for each cluster', 'of the objects'],
      ['  parsed Cluster objects', kibibytes(memory.objectsBytes / memory.clusters), '1.00 ×'],
      ['  rows and index beside them', kibibytes(memory.indexBytes / memory.clusters), ratio(memory.indexBytes, memory.objectsBytes)],
    ]));
    print(`  made in ${milliseconds(memory.indexMilliseconds)}`);
  } finally {
    await child.stop();
  }
}

function printHistory(sizes: FleetBenchSizes, figures: HistoryFigures, print: Print): void {
  const gibibytes = number(figures.bytes / 1024 ** 3);
  print(`\n== a moment a year ago, of ${figures.rows} history rows in two years (${sizes.historyClusters} clusters, ${gibibytes} GiB, made in ${number(figures.secondsToMake)} s); baseline: a replay of the rows from the first on`);
  print(table([
    ['', 'p50, p99', 'replay', 'replay/ours'],
    ['  one cluster', spread(figures.one), spread(figures.replayOne), ratio(figures.replayOne.p50, figures.one.p50)],
    [`  all ${sizes.historyClusters} clusters`, spread(figures.fleet), milliseconds(figures.replayFleet), ratio(figures.replayFleet, figures.fleet.p50)],
  ]));
  print(goal(`one cluster a year ago p99 ≤ 50 ms`, figures.one.p99 <= 50));
  print(goal(`${sizes.historyClusters} clusters a year ago p50 ≤ 50 ms`, figures.fleet.p50 <= 50));
}

function printDrift(sizes: FleetBenchSizes, print: Print): void {
  const { drifted, review, compare } = measureDrift(sizes.managedObjects, 9);
  print(`\n== a look at ${sizes.managedObjects} managed objects of one cluster, ${drifted} of them changed; baseline: util.isDeepStrictEqual of the same data, which tells that something differs and nothing else`);
  print(table([['', 'all objects', 'ours/baseline'], ['  drift: path, digests, who', milliseconds(review), ratio(review, compare)], ['  isDeepStrictEqual', milliseconds(compare), '1.00 ×']]));
}

function printHub(sizes: FleetBenchSizes, { residentBytesBefore, residentBytes, secondsToSettle, typed, seen }: HubFigures, print: Print): void {
  print(`\n== a whole hub over the embedded API with ${sizes.clusters} Clusters, ${number(secondsToSettle)} s after the first of them; baseline: kubectl get -l of the same server, both as they are typed (median, longest)`);
  print(table([
    ['', 'found', 'isthmus fleet query', 'kubectl get -l', 'isthmus/kubectl'],
    ...typed.map(({ name, isthmus, kubectl }) => [`  ${name}`, String(isthmus.found), `${number(isthmus.p50)}, ${number(isthmus.most)} ms`, kubectl === undefined ? '–' : `${number(kubectl.p50)}, ${number(kubectl.most)} ms`, kubectl === undefined ? '–' : ratio(isthmus.p50, kubectl.p50)]),
  ]));
  print(`  a person declares a property, until an Inquiry finds it: ${milliseconds(seen.p50)}, longest ${milliseconds(seen.most)} of ${sizes.hubWrites}`);
  print(`  resident memory: ${number(residentBytes / 1024 ** 2)} MiB, ${number(residentBytesBefore / 1024 ** 2)} MiB of them without any cluster: ${kibibytes((residentBytes - residentBytesBefore) / sizes.clusters)} for each cluster, cache, index, history and what is not collected yet`);
}

export async function hubFigures(sizes: FleetBenchSizes, print: Print): Promise<void> {
  const server = await embeddedServer(false);
  try {
    printHub(sizes, await measureHub(server, clusters(sizes.clusters), QUESTIONS.slice(0, sizes.hubQuestions), { rounds: sizes.slowRounds, writes: sizes.hubWrites }), print);
  } finally {
    await server.stop();
  }
}

/** Without a real kube-apiserver where `real` is false. */
export async function fleetFigures(sizes: FleetBenchSizes, real: boolean, print: Print): Promise<void> {
  const servers = [await askServer(await embeddedServer(false), sizes, print)];
  if (real) servers.push(await askServer(await realServer(false), sizes, print));
  await queries(sizes, servers, print);
  printDrift(sizes, print);
  if (sizes.hubQuestions > 0) await hubFigures(sizes, print);
  print(`\nmaking ${sizes.rows} rows of history`);
  printHistory(sizes, await measureHistory({ rows: sizes.rows, clusters: sizes.historyClusters, questions: sizes.historyQuestions, fleetQuestions: sizes.fleetQuestions }), print);
}

export async function bench(): Promise<void> {
  const { values } = parseArgs({ args: process.argv.slice(3), options: { rows: { type: 'string' }, clusters: { type: 'string' } } });
  const [rows, count] = [Number(values.rows ?? FULL.rows), Number(values.clusters ?? FULL.clusters)];
  if (!Number.isSafeInteger(rows) || rows < 100_000 || rows > 50_000_000 || !Number.isSafeInteger(count) || count < 100 || count > 50_000) throw new Error('--rows takes 100000 to 50000000, --clusters 100 to 50000');
  await withServers((hasReal, print) => fleetFigures({ ...FULL, clusters: count, rows }, hasReal, print));
}
