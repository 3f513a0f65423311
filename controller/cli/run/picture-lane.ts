/** One stage in a picture of a run: its clusters over time, what kept it waiting, and what it is bounded by. */
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import type { SimulatedCluster, SimulatedStage, Simulation } from '../../../mesh/model/simulation.ts';
import { age } from '../output/index.ts';
import { timeText } from '../window/show.ts';
import { area, fitting, LEAST_BAR, LEFT, MARGIN, type Point, PLOT, rect, type Scale, text } from './picture-parts.ts';

/** Bars lower than this cannot be told apart: one area is drawn of all. */
const LEAST_ROW = 2;
const ROWS_OF_FEW = 3;
const LABEL_HEIGHT = 15;
const LEAST_LABEL = 60;

const CLASSES: Readonly<Partial<Record<SimulatedCluster['phase'], string>>> = { Done: 'done', Failed: 'failed', RollbackFailed: 'broken', RolledBack: 'back', RollingBack: 'back' };

interface Span { readonly cluster: string; readonly phase: SimulatedCluster['phase']; readonly begins: Instant; readonly ends: Instant; readonly drawn: string }

/** In flight with what is new, and again on the way back. */
function spansOf({ cluster, phase, assignedAt, finishedAt, rolledBackAt, doneAt }: SimulatedCluster, until: Instant): Span[] {
  if (rolledBackAt === undefined) return [{ cluster, phase, begins: assignedAt!, ends: finishedAt ?? until, drawn: CLASSES[phase] ?? 'flight' }];
  return [
    { cluster, phase, begins: assignedAt!, ends: doneAt ?? rolledBackAt, drawn: doneAt === undefined ? 'failed' : 'done' },
    { cluster, phase, begins: rolledBackAt, ends: finishedAt ?? until, drawn: CLASSES[phase] ?? 'back' },
  ];
}

/** Each span in the first row that is free, and how many rows there are. */
function placed(spans: readonly Span[]): { readonly rows: number; readonly placed: readonly { readonly span: Span; readonly row: number }[] } {
  const rows: Instant[] = [];
  const all = spans.map((span) => {
    const free = rows.findIndex((end) => end <= span.begins);
    const row = free < 0 ? rows.length : free;
    rows[row] = span.ends;
    return { span, row };
  });
  return { rows: rows.length, placed: all };
}

/** How many there are at once. */
function atOnce(spans: readonly Span[]): Point[] {
  const moves = spans.flatMap(({ begins, ends }) => [{ at: begins, by: 1 }, { at: ends, by: -1 }]).sort((a, b) => a.at - b.at || a.by - b.by);
  let value = 0;
  return moves.map(({ at, by }) => ({ at, value: (value += by) }));
}

/** Marks where clusters failed, or came back broken, one for each dot of the screen. */
function marks(spans: readonly Span[], top: number, { x }: Scale): string[] {
  const seen = new Map<string, { readonly x: number; readonly drawn: string; count: number }>();
  for (const { ends, drawn } of spans) {
    if (drawn !== 'failed' && drawn !== 'broken') continue;
    const place = Math.round(x(ends) / LEAST_BAR) * LEAST_BAR;
    const one = seen.get(`${place} ${drawn}`) ?? { x: place, drawn, count: 0 };
    one.count += 1;
    seen.set(`${place} ${drawn}`, one);
  }
  return [...seen.values()].map((one) => rect(one.x - LEAST_BAR, top, LEAST_BAR * 2, 7, `class="${one.drawn}"`, `${one.count} failed`));
}

interface Drawn { readonly parts: readonly string[]; readonly isFree: (from: Instant, to: Instant) => boolean }

/** Few as bars that name them, many as one area. `mostBars`: of this lane. */
function clustersOf(clusters: readonly SimulatedCluster[], top: number, height: number, scale: Scale, mostBars: number): Drawn {
  const spans = clusters.filter(({ assignedAt }) => assignedAt !== null).flatMap((one) => spansOf(one, scale.until)).sort((a, b) => a.begins - b.begins);
  const isFree = (from: Instant, to: Instant): boolean => !spans.some(({ begins, ends }) => begins < to && ends > from);
  const { rows, placed: bars } = spans.length > mostBars ? { rows: Infinity, placed: [] } : placed(spans);
  if (height / rows < LEAST_ROW) {
    const [there, back] = [atOnce(spans.filter(({ drawn }) => drawn !== 'back' && drawn !== 'broken')), atOnce(spans.filter(({ drawn }) => drawn === 'back' || drawn === 'broken'))];
    const most = Math.max(1, ...there.map(({ value }) => value), ...back.map(({ value }) => value));
    const paths = [[there, 'flight'] as const, [back, 'back'] as const].filter(([points]) => points.length > 0).map(([points, drawn]) => `<path d="${area(points, most, scale, top + height, height - 8)}" class="${drawn}"><title>at most ${most} at once</title></path>`);
    return { parts: [...paths, ...marks(spans, top, scale)], isFree };
  }
  const rowHeight = height / Math.max(ROWS_OF_FEW, rows);
  const parts = bars.map(({ span: { cluster, phase, begins, ends, drawn }, row }) =>
    rect(scale.x(begins), top + row * rowHeight + 0.5, Math.max(LEAST_BAR, scale.x(ends) - scale.x(begins)), rowHeight - 1, `class="${drawn}"`, `${cluster}: ${phase}, ${timeText(begins)} to ${timeText(ends)}`));
  return { parts, isFree };
}

/** Words on what is closed or held, where nothing else is drawn and there is room. */
function label(words: string, from: Instant, to: Instant, top: number, height: number, scale: Scale, isFree: Drawn['isFree']): string[] {
  const room = scale.x(to) - scale.x(from) - 8;
  if (room < LEAST_LABEL || !isFree(from, to)) return [];
  const shown = fitting(words, room, 11);
  const [middle, width] = [top + height / 2, Math.min(room, shown.length * 6.9)];
  return [rect(scale.x(from) + 4, middle - LABEL_HEIGHT / 2, width, LABEL_HEIGHT, 'class="page" fill-opacity="0.85" rx="2"'), text(scale.x(from) + 7, middle + 4, fitting(words, room - 6, 11), ' class="small"')];
}

/** The windows, without for whom and until when: that is to be seen. */
const windowName = (reason: string): string => reason.replace(/; (?:opens at|it does not open).*$/, '').replace(/ for [^;]*(?=;|$)/, '');

export function stageLane(simulation: Simulation, stage: SimulatedStage, top: number, height: number, scale: Scale, mostBars: number): string[] {
  const closings = simulation.closings.filter((closing) => closing.stage === stage.name).map((one) => ({ ...one, to: one.to ?? scale.until, says: one.to === null ? `${windowName(one.reason)}; does not open` : windowName(one.reason) }));
  const gates = simulation.waits.filter((wait) => wait.stage === stage.name && wait.reason.startsWith('gate ')).map((one) => ({ ...one, to: one.to ?? scale.until }));
  const clusters = clustersOf(simulation.clusters.filter((cluster) => cluster.stage === stage.number), top, height, scale, mostBars);
  const soak = stage.soakSeconds === 0 ? '' : `, soak ${age(0, seconds(stage.soakSeconds))}`;
  const room = LEFT - MARGIN - 10;
  const lines = [
    `${stage.clusters} ${stage.clusters === 1 ? 'cluster' : 'clusters'}, ${stage.maxConcurrency} at once${soak}`,
    Object.entries(stage.tally).map(([phase, count]) => `${count} ${phase}`).join(', '),
  ];
  return [
    rect(LEFT, top, PLOT, height, 'class="lane"'),
    ...gates.map(({ from, to, reason }) => rect(scale.x(from), top, scale.x(to) - scale.x(from), height, 'class="held"', reason)),
    ...closings.map(({ from, to, reason, clusters: waiting }) => rect(scale.x(from), top, scale.x(to) - scale.x(from), height, 'fill="url(#closed)"', `${waiting} wait: ${reason}`)),
    ...clusters.parts,
    ...gates.flatMap(({ from, to, reason }) => label(reason, from, to, top, height, scale, clusters.isFree)),
    ...closings.flatMap(({ from, to, says }) => label(says, from, to, top, height, scale, clusters.isFree)),
    text(MARGIN, top + 14, fitting(stage.name, room, 13, true), ' class="name"'),
    ...lines.map((line, index) => text(MARGIN, top + 29 + index * 14, fitting(line, room, 11), ' class="small faint"')),
  ];
}
