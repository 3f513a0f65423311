/** Figures of staged updates, each beside its baseline in the same run: decisions, a month in virtual time, whole runs over whole agents. */
import { measureDecide, measureSimulate } from './updates/engine.ts';
import { measureRuns } from './updates/runs.ts';
import { milliseconds, number, ratio, table } from './kube/figures.ts';
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
  print(`\n== ${sizes.runs} runs of a bundle, 3 stages, no soak, over ${runs.agents} whole agents in one process and a hub with its embedded API in another; baseline: the same object written to each cluster, with nothing around it`);
  print(table([
    ['', 'p50', 'p90', 'plain writes', 'run/writes'],
    ['  UpdateRun made → Completed', milliseconds(runs.p50), milliseconds(runs.p90), milliseconds(runs.plainWrites), ratio(runs.p50, runs.plainWrites)],
  ]));
  print(`  KubeFleet published ${KUBEFLEET_SECONDS} s for 3 stages over 100 clusters, on far larger machines and through real API servers: another measurement, not a comparison`);
  print(goal(`3 stages over ${runs.agents} agents p90 ≤ 5 s`, runs.p90 <= 5000));
  print(`  journal: ${number(runs.journalBytesPerCluster)} bytes for each cluster of a run; UpdateRun object: ${runs.runObjectBytes} bytes`);
  print(goal('UpdateRun object ≤ 100 KiB (its size does not grow with clusters)', runs.runObjectBytes <= MOST_OBJECT_BYTES));
}

export const bench = (): Promise<void> => withServers((_hasReal, print) => updatesFigures(FULL, print));
