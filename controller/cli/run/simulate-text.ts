/** A simulated run for people to read: stage by stage, what keeps it waiting, how much of the fleet it touches when. */
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import type { RadiusPoint, SimulatedCluster, SimulatedStage, Simulation } from '../../../mesh/model/simulation.ts';
import { age, aligned } from '../output/index.ts';
import { timeText } from '../window/show.ts';
import type { Foreseen } from './foresee.ts';
import { listed } from '../../../mesh/model/listed.ts';

const MOST_WAITS = 12;
const MOST_ROWS = 50;
const TIMELINE_COLUMNS = 60;
const BARS = ' ▁▂▃▄▅▆▇█';

const spanText = (from: Instant, to: Instant): string => age(from, to);
const at = (instant: Instant | null): string => (instant === null ? '-' : timeText(instant));

/** `9 Done, 1 Failed`. */
const tallyText = (tally: SimulatedStage['tally']): string => Object.entries(tally).map(([phase, count]) => `${count} ${phase}`).join(', ');

export function assumedText({ assumptions: { secondsToHealthy, failing, failingPercent = {}, away, secondsToApproval, gatesPass } }: Simulation): string {
  const some = (names: readonly string[]): string => listed(names, 5);
  return [
    `a cluster is healthy ${secondsToHealthy} s after it was given its state`,
    ...(failing.length === 0 ? [] : [`${some(failing)} never`]),
    ...Object.entries(failingPercent).map(([stage, percent]) => `${percent} % of stage ${stage} never`),
    ...(away.length === 0 ? [] : [`${some(away)} away`]),
    secondsToApproval === null ? 'nobody approves' : secondsToApproval === 0 ? 'people approve at once' : `people approve after ${spanText(0, seconds(secondsToApproval))}`,
    gatesPass ? 'other gates pass' : 'other gates fail',
  ].join('; ');
}

export function endText({ end, phase, from, until, finishedAt, message }: Simulation): string {
  if (finishedAt !== null) return `${phase} at ${timeText(finishedAt)}, ${spanText(from, finishedAt)} after it begins: ${message}`;
  if (end === 'Waits') return `${phase}, and waits from ${timeText(until)} on until somebody does something: ${message}`;
  return `${phase} still at ${timeText(until)}, when it was looked no further: ${message}`;
}

/** What follows once too many have failed. */
export const stoppedText = ({ onFailure }: Simulation): string =>
  ({ Pause: 'it pauses', Stop: 'it stops', RollBackCluster: 'it stops; clusters that fail go back', RollBackStage: 'the stage goes back', RollBackRun: 'all of it goes back' })[onFailure];

/** One value for each of so many equal spans: the worst of the span. */
function sampled(radius: readonly RadiusPoint[], from: Instant, until: Instant, columns: number, valueOf: (point: RadiusPoint) => number): number[] {
  const values: number[] = [];
  const span = Math.max(1, until - from);
  let place = 0;
  let now = 0;
  for (let column = 0; column < columns; column += 1) {
    const ends = from + (span * (column + 1)) / columns;
    let worst = now;
    while (place < radius.length && (radius[place]!.at < ends || column === columns - 1)) {
      now = valueOf(radius[place]!);
      worst = Math.max(worst, now);
      place += 1;
    }
    values.push(worst);
  }
  return values;
}

const bars = (values: readonly number[], most: number): string => values.map((value) => BARS[value === 0 || most === 0 ? 0 : Math.max(1, Math.round((value / most) * (BARS.length - 1)))]).join('');

/** A line of time for each stage, and one for how much is touched. */
function timeline(simulation: Simulation): string {
  const { from, until, stages, radius, peak, clusters } = simulation;
  if (until === from || stages.length === 0) return '';
  const column = (instant: Instant): number => Math.max(0, Math.min(TIMELINE_COLUMNS - 1, Math.floor(((instant - from) / (until - from)) * TIMELINE_COLUMNS)));
  const rows = stages.map(({ name, number, beginsAt, endsAt }) => {
    const cells = Array.from({ length: TIMELINE_COLUMNS }, () => ' ');
    if (beginsAt !== null) cells.fill('·', column(beginsAt), column(endsAt ?? until) + 1);
    const touched = clusters.filter(({ stage, assignedAt }) => stage === number && assignedAt !== null);
    for (const { assignedAt, finishedAt, rolledBackAt, doneAt } of touched) cells.fill('━', column(assignedAt!), column(doneAt ?? rolledBackAt ?? finishedAt ?? until) + 1);
    for (const { finishedAt, rolledBackAt } of touched) if (rolledBackAt !== undefined) cells.fill('←', column(rolledBackAt), column(finishedAt ?? until) + 1);
    return [name, `│${cells.join('')}│`];
  });
  const line = (name: string, valueOf: (point: RadiusPoint) => number, most: number): string[] => [name, `│${bars(sampled(radius, from, until, TIMELINE_COLUMNS, valueOf), most)}│ at most ${most}`];
  rows.push(line('unavailable', (point) => point.unavailable, peak.unavailable), line('changed', (point) => point.changed, peak.changed));
  const scale = ['', ` ${timeText(from)}${timeText(until).padStart(TIMELINE_COLUMNS - timeText(from).length)}`];
  return aligned([scale, ...rows]).text;
}

const clusterCells = ({ cluster, phase, assignedAt, healthyAt, finishedAt, message }: SimulatedCluster, stage: string): string[] => [cluster, stage, phase, at(assignedAt), at(healthyAt), at(finishedAt), message];

export function clusterTable({ clusters, stages }: Simulation): { readonly headings: readonly string[]; readonly rows: readonly (readonly string[])[] } {
  const names = new Map(stages.map(({ name, number }) => [number, name]));
  return { headings: ['CLUSTER', 'STAGE', 'PHASE', 'BEGINS', 'HEALTHY', 'ENDS', 'MESSAGE'], rows: clusters.map((row) => clusterCells(row, names.get(row.stage) ?? '')) };
}

function stageTable({ stages }: Simulation): { readonly headings: readonly string[]; readonly rows: readonly (readonly string[])[] } {
  return {
    headings: ['STAGE', 'BEGINS', 'ENDS', 'TAKES', 'CLUSTERS', 'AT-ONCE', 'WORST', 'OUTCOME'],
    rows: stages.map(({ name, beginsAt, endsAt, clusters, maxConcurrency, worstFailures, tally }) =>
      [name, at(beginsAt), at(endsAt), beginsAt === null || endsAt === null ? '-' : spanText(beginsAt, endsAt), String(clusters), String(maxConcurrency), String(worstFailures), tallyText(tally)]),
  };
}

function waitLines({ waits }: Simulation): string[] {
  const worthy = waits.filter(({ from, to }) => to === null || to - from >= seconds(1));
  const lines = worthy.slice(0, MOST_WAITS).map(({ stage, reason, from, to }) => `  ${stage}: from ${timeText(from)} ${to === null ? 'on' : `for ${spanText(from, to)}`}: ${reason.replaceAll(/(:\d\d)\.000Z/g, '$1Z')}`);
  return lines.length === 0 ? [] : ['waits:', ...lines, ...(worthy.length > MOST_WAITS ? [`  and ${worthy.length - MOST_WAITS} times more`] : [])];
}

/** `title` says of which run. */
export function simulationText(title: string, { about, simulation }: Foreseen, wide: boolean): string {
  if (simulation.clusters.length === 0) return `${title}: nothing to do: ${about.brings}\n`;
  const { peak, worstFailures } = simulation;
  const cells = clusterTable(simulation);
  return [
    `${title}: ${about.brings}`, `  assumed: ${assumedText(simulation)}`, ...about.notes.map((note) => `  note: ${note}`), ...about.warnings.map((warning) => `  warning: ${warning}`), '',
    aligned([stageTable(simulation).headings, ...stageTable(simulation).rows]).text.trimEnd(), '', ...waitLines(simulation),
    `ends: ${endText(simulation)}`,
    `blast radius: at most ${peak.unavailable} unavailable and ${peak.inFlight} in flight at once, ${peak.failed} failed, ${peak.changed} of ${simulation.clusters.length} changed`,
    `worst case: ${worstFailures} of ${simulation.clusters.length} clusters can fail before ${stoppedText(simulation)}`, '',
    timeline(simulation).trimEnd(),
    ...(wide ? ['', aligned([cells.headings, ...cells.rows.slice(0, MOST_ROWS)]).text.trimEnd(), ...(cells.rows.length > MOST_ROWS ? [`… and ${cells.rows.length - MOST_ROWS} more; -o json has them all`] : [])] : []),
  ].join('\n').trimEnd() + '\n';
}
