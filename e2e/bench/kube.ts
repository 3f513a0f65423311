/** Figures of the Kubernetes substrate, each beside its baseline in the same run: our cache beside client-node's informer, the embedded API beside kube-apiserver with etcd. */
import { type Amplification, measureAmplification, WRITING } from './kube/amplification.ts';
import { measureSync } from './kube/disk.ts';
import { mebibytes, milliseconds, number, ratio, table } from './kube/figures.ts';
import { fill, type ListFigures, measureLists } from './kube/lists.ts';
import { measureMix, type MixResult, VERBS, WRITES } from './kube/mix.ts';
import { measureReflectors, type ReflectorFigures } from './kube/reflector.ts';
import { type BenchServer, embeddedServer, realServer } from './kube/servers.ts';
import { measureWatchDelay, type WatchDelay } from './kube/watch-delay.ts';
import { type Print, withServers } from './with-servers.ts';

export interface KubeBenchSizes {
  readonly objects: number;
  readonly reads: number;
  readonly breaks: number;
  readonly updatesPerSecond: number;
  readonly updateSeconds: number;
  readonly callers: readonly number[];
  readonly secondsEach: number;
  readonly watchWrites: number;
  readonly listSeconds: number;
}

const FULL: KubeBenchSizes = { objects: 10_000, reads: 200, breaks: 2, updatesPerSecond: 1000, updateSeconds: 3, callers: [1, 16], secondsEach: 0.7, watchWrites: 200, listSeconds: 1 };
const PAGE = 500;
const goal = (text: string, met: boolean): string => `  goal: ${text}: ${met ? 'met' : 'MISSED'}`;


async function using<T>(server: BenchServer, work: (server: BenchServer) => Promise<T>): Promise<T> {
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

/** 10,000 objects and changes of them, through our cache and through the informer. */
async function caches(server: BenchServer, sizes: KubeBenchSizes, print: Print): Promise<ListFigures> {
  const names = await fill(server, sizes.objects);
  const found = await measureReflectors(server, {
    names: names.slice(0, sizes.reads), breaks: sizes.breaks, updates: { perSecond: sizes.updatesPerSecond, seconds: sizes.updateSeconds },
  });
  const [ours, informer] = found as [ReflectorFigures, ReflectorFigures];
  const opened = ({ connections }: ReflectorFigures): number => connections.sync + connections.reads;
  const row = (what: string, read: (one: ReflectorFigures) => number, show: (value: number) => string): readonly string[] => [`  ${what}`, show(read(ours)), show(read(informer)), ratio(read(ours), read(informer))];
  print(`\n== ${ours.sync.objects} ConfigMaps of 1.6 KiB, ${server.name}; baseline: informer of @kubernetes/client-node, each in a process of its own`);
  print(table([
    ['', 'our cache', 'informer', 'ours/informer'],
    row('time to synced', (one) => one.sync.milliseconds, milliseconds),
    row('longest event-loop delay while syncing', (one) => one.sync.mostLoopDelayMilliseconds, milliseconds),
    row('heap after collection', (one) => one.sync.heapBytes, mebibytes),
    row('TLS connections, list and watch', (one) => one.connections.sync, String),
    row(`TLS connections, ${sizes.reads} reads one after another`, (one) => one.connections.reads, String),
    row(`TLS connections, all broken ${sizes.breaks} times`, (one) => one.connections.breaks, String),
  ]));
  print(goal('heap ≤ 1/2 of the informer\'s', ours.sync.heapBytes <= informer.sync.heapBytes / 2));
  print(goal('connections (list, watch, reads) ≤ 1/50 of the informer\'s', opened(ours) <= opened(informer) / 50));
  const change = (what: string, read: (one: NonNullable<ReflectorFigures['changes']>) => number): readonly string[] =>
    row(what, (one) => (one.changes === undefined ? Number.NaN : read(one.changes)), milliseconds);
  const rate = (one: ReflectorFigures): string => number((one.changes?.writer.writes ?? 0) / (one.changes?.writer.seconds ?? 1));
  print(`\n== ${sizes.updatesPerSecond} updates/s asked of ${server.name} for ${sizes.updateSeconds} s: ${rate(ours)}/s reached with our cache, ${rate(informer)}/s with the informer; ${ours.changes?.events} and ${informer.changes?.events} events handled`);
  print(table([
    ['', 'our cache', 'informer', 'ours/informer'],
    change('write sent to handler, p50', (one) => one.delays.p50), change('write sent to handler, p99', (one) => one.delays.p99),
    change('event-loop delay, p50', (one) => one.loop.p50), change('event-loop delay, p99', (one) => one.loop.p99), change('event-loop delay, longest', (one) => one.loop.most),
  ]));
  return measureLists(server, { total: sizes.objects + 1, pageSize: PAGE, seconds: sizes.listSeconds });
}

interface Speed { readonly mix: MixResult; readonly watch: WatchDelay }

/** Of each server; they run at the same time and are asked in turn. */
async function speedsOf(servers: readonly BenchServer[], sizes: KubeBenchSizes): Promise<readonly Speed[]> {
  const watches: WatchDelay[] = [];
  for (const server of servers) watches.push(await measureWatchDelay(server, sizes.watchWrites));
  const mixes = await measureMix(servers, { callers: sizes.callers, secondsEach: sizes.secondsEach, objects: Math.min(sizes.objects, 500), pageSize: 100 });
  return watches.map((watch, index) => ({ watch, mix: mixes[index] as MixResult }));
}

function printSpeed(title: string, sizes: KubeBenchSizes, embedded: Speed, real: Speed | undefined, least: number, print: Print): void {
  print(`\n== ${title}`);
  const rows = sizes.callers.flatMap((callers) => VERBS.map((verb) => {
    const [ours = Number.NaN, theirs = Number.NaN] = [embedded.mix[verb][callers], real?.mix[verb][callers]];
    return [`  ${verb}, ${callers} at a time`, `${number(ours)}/s`, `${number(theirs)}/s`, ratio(ours, theirs)];
  }));
  print(table([
    ['', 'embedded', 'kube-apiserver', 'embedded/kube-apiserver'], ...rows,
    ['  write to watch event, p50', milliseconds(embedded.watch.p50), milliseconds(real?.watch.p50 ?? Number.NaN), ratio(embedded.watch.p50, real?.watch.p50 ?? Number.NaN)],
    ['  write to watch event, p99', milliseconds(embedded.watch.p99), milliseconds(real?.watch.p99 ?? Number.NaN), ratio(embedded.watch.p99, real?.watch.p99 ?? Number.NaN)],
  ]));
  if (real === undefined) return;
  const worst = Math.min(...sizes.callers.flatMap((callers) => WRITES.map((verb) => (embedded.mix[verb][callers] ?? 0) / (real.mix[verb][callers] ?? 1))));
  print(goal(`every kind of write at least ${least} × kube-apiserver's (the least here: ${number(worst)} ×)`, worst >= least));
}

function printLists(sizes: KubeBenchSizes, embedded: ListFigures, real: ListFigures | undefined, print: Print): void {
  print(`\n== one tiny object is read every 5 ms while another caller lists ${sizes.objects} objects, median of three rounds of ${sizes.listSeconds} s; baseline: the same while nobody lists`);
  const row = (what: string, read: (figures: ListFigures) => number): readonly string[] => [`  ${what}`, milliseconds(read(embedded)), real === undefined ? '–' : milliseconds(read(real))];
  const probe = (what: string, read: (figures: ListFigures) => { readonly p50: number; readonly p99: number; readonly most: number }): (readonly string[])[] =>
    [row(`${what}, p50`, (one) => read(one).p50), row(`${what}, p99`, (one) => read(one).p99), row(`${what}, longest`, (one) => read(one).most)];
  print(table([
    ['', 'embedded', 'kube-apiserver'],
    ...probe('nobody lists', (one) => one.quiet), ...probe('listed at once', (one) => one.whole), ...probe(`listed by ${PAGE}`, (one) => one.paged),
    row('a list at once takes', (one) => one.whole.listMilliseconds), row(`a list by ${PAGE} takes`, (one) => one.paged.listMilliseconds),
  ]));
  print(goal('a list blocks the embedded API for no more than 50 ms (longest read)', Math.max(embedded.whole.most, embedded.paged.most) <= 50));
}

async function printAmplification(print: Print): Promise<readonly Amplification[]> {
  print('\n== requests of hub and three agents for one change of a person\'s (virtual time: the same on every machine); baseline: objects that had to change');
  const found = await measureAmplification();
  const rows = found.map(({ change, requests, changedObjects }) => {
    const writes = WRITING.reduce((sum, verb) => sum + (requests[verb] ?? 0), 0);
    return [`  ${change}`, ...[...WRITING, 'get', 'list', 'watch'].map((verb) => String(requests[verb] ?? 0)), String(changedObjects), changedObjects === 0 ? (writes === 0 ? '1' : '∞') : number(writes / changedObjects)];
  });
  print(table([['', ...WRITING, 'get', 'list', 'watch', 'objects', 'writes/object'], ...rows]));
  return found;
}

/** Everything but what needs a real server where `real` is false. */
export async function kubeFigures(sizes: KubeBenchSizes, real: boolean, print: Print): Promise<readonly Amplification[]> {
  const sync = measureSync(200);
  const realLists = real ? await using(await realServer(false), (server) => caches(server, sizes, print)) : undefined;
  const embeddedLists = await using(await embeddedServer(false), (server) => caches(server, sizes, print));
  printLists(sizes, embeddedLists, realLists, print);
  const speeds = async (durable: boolean): Promise<readonly [Speed, Speed | undefined]> => {
    const [ours, theirs] = await using(await embeddedServer(durable), async (embedded) => (real
      ? using(await realServer(durable), (server) => speedsOf([embedded, server], sizes))
      : speedsOf([embedded], sizes)));
    return [ours as Speed, theirs];
  };
  printSpeed('embedded API in memory; baseline: kube-apiserver with etcd that does not sync; same client, ConfigMaps of 1.6 KiB, pages of 100 of 500', sizes, ...await speeds(false), 2, print);
  printSpeed(`embedded API in SQLite with full sync; baseline: kube-apiserver with etcd that syncs; a synced write of 4 KiB takes ${milliseconds(sync)} here`, sizes, ...await speeds(true), 0.5, print);
  return printAmplification(print);
}

export async function bench(): Promise<void> {
  await withServers(async (hasReal, print) => { await kubeFigures(FULL, hasReal, print); });
}
