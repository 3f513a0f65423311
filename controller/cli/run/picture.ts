/** A simulated run as a picture: a lane for each stage, closed windows shaded, and the blast radius under it. The same run gives the same bytes. */
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import type { SimulatedCluster, SimulatedStage, Simulation } from '../../../mesh/model/simulation.ts';
import { timeText } from '../window/show.ts';
import type { Foreseen } from './foresee.ts';
import { assumedText, endText, sampled } from './simulate-text.ts';

const WIDTH = 960;
const LEFT = 150;
const RIGHT = 24;
const TOP = 78;
const LANE = 52;
const GAP = 12;
const CURVE = 110;
const COLUMNS = 240;
/** More clusters than this are drawn as one area. */
const MOST_BARS = 200;
const NAME_CHARACTERS = 20;
/** What takes seconds in a picture of days is seen nonetheless. */
const LEAST_BAR = 2;
const MOST_TICKS = 7;
const STEPS = [1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 432_000, 604_800, 1_209_600, 2_592_000].map(seconds);

const COLOURS: Readonly<Partial<Record<SimulatedCluster['phase'], string>>> = { Done: '#2f855a', Failed: '#c53030', RollbackFailed: '#822727', RolledBack: '#b7791f', RollingBack: '#b7791f' };
const IN_FLIGHT = '#2b6cb0';

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll(/[^\P{Cc}\t\n\r]/gu, '');
const short = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
const rounded = (value: number): string => String(Math.round(value * 10) / 10);

interface Scale {
  readonly from: Instant;
  readonly until: Instant;
  x(at: Instant): number;
}

const text = (x: number, y: number, words: string, more = ''): string => `<text x="${rounded(x)}" y="${rounded(y)}"${more}>${escaped(words)}</text>`;
const rect = (x: number, y: number, width: number, height: number, more: string, title = ''): string =>
  `<rect x="${rounded(x)}" y="${rounded(y)}" width="${rounded(Math.max(width, 0.5))}" height="${rounded(Math.max(height, 0.5))}" ${more}${title === '' ? '/>' : `><title>${escaped(title)}</title></rect>`}`;

function ticks({ from, until, x }: Scale, bottom: number): string[] {
  const step = STEPS.find((size) => (until - from) / size <= MOST_TICKS) ?? STEPS.at(-1)!;
  const marks: string[] = [];
  const isShort = step < seconds(86_400);
  for (let at = Math.ceil(from / step) * step; at <= until; at += step) {
    marks.push(`<line x1="${rounded(x(at))}" y1="${TOP - 6}" x2="${rounded(x(at))}" y2="${rounded(bottom)}" class="tick"/>`);
    const label = isShort ? timeText(at).slice(11, step < seconds(60) ? 19 : 16) : timeText(at).slice(0, 10);
    marks.push(text(x(at), bottom + 14, label, ' text-anchor="middle" class="small"'));
  }
  return marks;
}

/** Steps: a value holds from its column to the next that differs. */
function area(values: readonly number[], most: number, left: number, width: number, bottom: number, height: number): string {
  const steps = values.flatMap((value, column) => {
    if (column > 0 && values[column - 1] === value) return [];
    return [`H${rounded(left + (width * column) / values.length)}V${rounded(bottom - (most === 0 ? 0 : (value / most) * height))}`];
  });
  return `M${rounded(left)},${rounded(bottom)}${steps.join('')}H${rounded(left + width)}V${rounded(bottom)}Z`;
}

interface Span { readonly cluster: string; readonly phase: SimulatedCluster['phase']; readonly begins: Instant; readonly ends: Instant }

/** In flight with what is new, and again on the way back. */
function spansOf({ cluster, phase, assignedAt, finishedAt, rolledBackAt, doneAt }: SimulatedCluster, until: Instant): Span[] {
  if (rolledBackAt === undefined) return [{ cluster, phase, begins: assignedAt!, ends: finishedAt ?? until }];
  return [{ cluster, phase: doneAt === undefined ? 'Failed' : 'Done', begins: assignedAt!, ends: doneAt ?? rolledBackAt }, { cluster, phase, begins: rolledBackAt, ends: finishedAt ?? until }];
}

/** Bars for clusters, each in the first row that is free; or one area of how many are in flight. */
function lane(clusters: readonly SimulatedCluster[], top: number, { from, until, x }: Scale): string[] {
  const touched = clusters.filter(({ assignedAt }) => assignedAt !== null).flatMap((one) => spansOf(one, until)).sort((a, b) => a.begins - b.begins);
  if (touched.length > MOST_BARS) {
    const moves = touched.flatMap(({ begins, ends }) => [{ at: begins, by: 1 }, { at: ends, by: -1 }]).sort((a, b) => a.at - b.at || a.by - b.by);
    let inFlight = 0;
    const points = moves.map(({ at, by }) => ({ at, inFlight: (inFlight += by), failed: 0, unavailable: 0, changed: 0 }));
    const values = sampled(points, from, until, COLUMNS, (point) => point.inFlight);
    const most = Math.max(...values);
    return [`<path d="${area(values, most, LEFT, WIDTH - LEFT - RIGHT, top + LANE, LANE)}" fill="${IN_FLIGHT}"><title>${most} at once at most</title></path>`];
  }
  const rows: Instant[] = [];
  const placed = touched.map((one) => {
    const free = rows.findIndex((end) => end <= one.begins);
    const row = free < 0 ? rows.length : free;
    rows[row] = one.ends;
    return { one, row };
  });
  const height = LANE / Math.max(3, rows.length);
  return placed.map(({ one: { begins, ends, phase, cluster }, row }) =>
    rect(x(begins), top + row * height, Math.max(LEAST_BAR, x(ends) - x(begins)), height - (height > 3 ? 1 : 0), `fill="${COLOURS[phase] ?? IN_FLIGHT}"`, `${cluster}: ${phase}, ${timeText(begins)} to ${timeText(ends)}`));
}

function stageLane(simulation: Simulation, stage: SimulatedStage, top: number, scale: Scale): string[] {
  const closings = simulation.closings.filter((closing) => closing.stage === stage.name);
  return [
    rect(LEFT, top, WIDTH - LEFT - RIGHT, LANE, 'class="lane"'),
    ...closings.map(({ from, to, reason, clusters }) => rect(scale.x(from), top, scale.x(to ?? scale.until) - scale.x(from), LANE, 'fill="url(#closed)"', `${clusters} wait: ${reason}`)),
    ...lane(simulation.clusters.filter((cluster) => cluster.stage === stage.number), top, scale),
    text(LEFT - 10, top + 22, short(stage.name, NAME_CHARACTERS), ' text-anchor="end" class="name"'),
    text(LEFT - 10, top + 38, `${stage.clusters} ${stage.clusters === 1 ? 'cluster' : 'clusters'}`, ' text-anchor="end" class="small"'),
  ];
}

function curves({ radius, peak }: Simulation, top: number, { from, until }: Scale, total: number): string[] {
  const width = WIDTH - LEFT - RIGHT;
  const changed = sampled(radius, from, until, COLUMNS, (point) => point.changed);
  const [unavailable, failed] = [sampled(radius, from, until, COLUMNS, (point) => point.unavailable), sampled(radius, from, until, COLUMNS, (point) => point.failed)];
  const most = Math.max(1, peak.unavailable);
  return [
    rect(LEFT, top, width, CURVE, 'class="lane"'),
    `<path d="${area(changed, Math.max(1, total), LEFT, width, top + CURVE, CURVE)}" fill="#bee3f8"/>`,
    `<path d="${area(unavailable, most, LEFT, width, top + CURVE, CURVE)}" fill="#dd6b20" fill-opacity="0.75"/>`,
    ...(peak.failed === 0 ? [] : [`<path d="${area(failed, most, LEFT, width, top + CURVE, CURVE)}" fill="#c53030"/>`]),
    text(LEFT - 10, top + 22, 'blast radius', ' text-anchor="end" class="name"'),
    text(LEFT - 10, top + 40, `unavailable ≤ ${peak.unavailable}`, ' text-anchor="end" class="small" fill="#9c4221"'),
    text(LEFT - 10, top + 56, `failed ≤ ${peak.failed}`, ' text-anchor="end" class="small" fill="#c53030"'),
    text(LEFT - 10, top + 72, `changed ≤ ${peak.changed} of ${total}`, ' text-anchor="end" class="small" fill="#2b6cb0"'),
  ];
}

/** SVG 1.1, valid by itself. `title` says of which run. */
export function picture(title: string, { about, simulation }: Foreseen): string {
  const { from, stages, clusters } = simulation;
  const until = Math.max(simulation.until, from + seconds(1));
  const width = WIDTH - LEFT - RIGHT;
  const scale: Scale = { from, until, x: (at) => LEFT + (Math.min(Math.max(at, from), until) - from) / (until - from) * width };
  const curveTop = TOP + stages.length * (LANE + GAP);
  const bottom = curveTop + CURVE;
  const height = bottom + 56;
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`, `<desc>${escaped(endText(simulation))}</desc>`,
    '<defs><pattern id="closed" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="8" height="8" fill="#edf2f7"/><line x1="0" y1="0" x2="0" y2="8" stroke="#a0aec0" stroke-width="3"/></pattern></defs>',
    '<style>.lane{fill:#f7fafc;stroke:#cbd5e0}.tick{stroke:#e2e8f0}.name{font-weight:600}.small{font-size:11px}</style>',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(16, 24, short(`${title}: ${about.brings}`, 120), ' font-size="15" class="name"'), text(16, 42, short(endText(simulation), 140), ' class="small"'), text(16, 58, short(`assumed: ${assumedText(simulation)}`, 150), ' class="small"'),
    ...ticks(scale, bottom), ...stages.flatMap((stage, index) => stageLane(simulation, stage, TOP + index * (LANE + GAP), scale)), ...curves(simulation, curveTop, scale, clusters.length),
    text(LEFT, bottom + 34, `${timeText(from)} to ${timeText(until)} (UTC). Green: done; red: failed; brown: went back; blue: in flight; hatched: windows are closed to clusters whose turn it is.`, ' class="small"'), '</svg>',
  ].join('\n')}\n`;
}
