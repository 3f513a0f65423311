/** Figures of staged updates, each beside its baseline in the same run: decisions, a month in virtual time, whole runs over whole agents. */
import { measureDecide, measureSimulate } from './updates/engine.ts';
import { measureRuns, type RunFigures } from './updates/runs.ts';
import { milliseconds, number, quantile, ratio, table } from './kube/figures.ts';
import { type Print, withServers } from './with-servers.ts';

export interface UpdatesBenchSizes {
  readonly clusters: number;
  /** The twin counts everything anew whenever it asks: it gets fewer. */
  readonly twinClusters: number;
  readonly days: number;
  readonly agents: number;
  readonly runs: number;
}

const FULL: UpdatesBenchSizes = { clusters: 10_000, twinClusters: 500, days: 30, agents: 100, runs: 10 };
const MOST_OBJECT_BYTES = 100 * 1024;
/** Its publication: 3 stages over 100 clusters without soak, p90; hub of 32 processors, twenty hosts of 16 beside it (R2, "Scale numbers"). */
const KUBEFLEET_SECONDS = 96;
const goal = (text: string, met: boolean): string => `  goal: ${text}: ${met ? 'met' : 'MISSED'}`;

export async function updatesFigures(sizes: UpdatesBenchSizes, print: Print): Promise<void> {
  const small = measureDecide(sizes.twinClusters, 3);
  const large = measureDecide(sizes.clusters, 0);
  print(`\n== one decision, while cluster after cluster of 4 stages reports; baseline: a twin that counts everything anew, at ${sizes.twinClusters} clusters`);
  print(table([
    ['', 'decisions', 'p50', 'p99', 'longest', 'twin p50', 'twin/ours'],
    [`  ${sizes.twinClusters} clusters`, String(small.decisions), milliseconds(small.p50), milliseconds(small.p99), milliseconds(small.most), milliseconds(small.twinP50), ratio(small.twinP50, small.p50)],
    [`  ${sizes.clusters} clusters`, String(large.decisions), milliseconds(large.p50), milliseconds(large.p99), milliseconds(large.most), '–', '–'],
  ]));
  print(goal(`a decision on ${sizes.clusters} clusters p50 ≤ 5 ms`, large.p50 <= 5));

  const month = measureSimulate(sizes.clusters, sizes.days, 20);
  const days = month.seconds / 86_400;
  print(`\n== ${sizes.clusters} clusters in virtual time, weekends closed, 2 % of the last stage fail; baseline: the same engine asked once for each second of it`);
  print(table([
    ['', 'days', 'takes', 'as a clock would', 'clock/ours'],
    [`  ${month.simulation.phase}`, number(days), milliseconds(month.milliseconds), `${number(month.stepMilliseconds * month.seconds / 1000)} s`, ratio(month.stepMilliseconds * month.seconds, month.milliseconds)],
  ]));
  print(goal(`${sizes.clusters} clusters, ${sizes.days} days ≤ 5 s`, month.milliseconds <= 5000));

  const runs = await measureRuns(sizes.agents, sizes.runs);
  const apart = await measureRuns(sizes.agents, sizes.runs, { askEachOther: false });
  const row = (name: string, { times, p50, p90, processor, plainWrites }: RunFigures): string[] =>
    [`  ${name}`, milliseconds(p50), milliseconds(p90), milliseconds(quantile(times, 1)), milliseconds(processor.hub), milliseconds(processor.agents), milliseconds(plainWrites), ratio(p50, plainWrites)];
  print(`\n== ${sizes.runs} runs of a bundle, 3 stages, no soak, over ${runs.agents} whole agents in one process and a hub with its embedded API in another; baselines: agents that do not ask each other, and the same object written to each cluster, with nothing around it`);
  print(table([
    ['', 'p50', 'p90', 'longest', 'hub, processor', 'agents, processor', 'plain writes', 'run/writes'],
    row('UpdateRun made → Completed', runs),
    row('agents that do not ask each other', apart),
  ]));
  print(`  each run: ${runs.times.map(milliseconds).join(', ')}; where agents do not ask each other: ${apart.times.map(milliseconds).join(', ')}`);
  print(`  while runs went on, agents asked each other ${runs.asked.answered + runs.asked.unanswered} times, ${runs.asked.unanswered} of them in vain; in one process, which they are not in clusters of their own`);
  print(`  KubeFleet published ${KUBEFLEET_SECONDS} s for 3 stages over 100 clusters, on far larger machines and through real API servers: another measurement, not a comparison`);
  print(goal(`3 stages over ${runs.agents} agents p90 ≤ 5 s`, runs.p90 <= 5000));
  print(`  journal: ${number(runs.journalBytesPerCluster)} bytes for each cluster of a run; UpdateRun object: ${runs.runObjectBytes} bytes`);
  print(goal('UpdateRun object ≤ 100 KiB (its size does not grow with clusters)', runs.runObjectBytes <= MOST_OBJECT_BYTES));
}

export const bench = (): Promise<void> => withServers((_hasReal, print) => updatesFigures(FULL, print));
