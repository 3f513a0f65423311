/** What a picture of a run is drawn with: measures, colours for light and dark, text that fits, the axis of time. */
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import { timeText } from '../window/show.ts';

export const WIDTH = 1160;
export const LEFT = 264;
const RIGHT = 40;
export const MARGIN = 20;
export const PLOT = WIDTH - LEFT - RIGHT;
/** What takes seconds in a picture of days is seen nonetheless. */
export const LEAST_BAR = 2;
const MOST_TICKS = 9;
const STEPS = [1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 432_000, 604_800, 1_209_600, 2_592_000].map(seconds);
/** Of a wide sans-serif font, in widths of its size: text is cut before it is too long in any. */
const LETTER = 0.59;
const BOLD_LETTER = 0.7;

type Colours = Readonly<Record<'page' | 'text' | 'faint' | 'lane' | 'edge' | 'closed' | 'stripe' | 'held' | 'flight' | 'done' | 'failed' | 'broken' | 'back' | 'unavailable' | 'changed', string>>;
const LIGHT: Colours = { page: '#ffffff', text: '#1a202c', faint: '#4a5568', lane: '#f7fafc', edge: '#cbd5e0', closed: '#edf2f7', stripe: '#a0aec0', held: '#e9d8fd', flight: '#2b6cb0', done: '#2f855a', failed: '#c53030', broken: '#702459', back: '#b7791f', unavailable: '#dd6b20', changed: '#63b3ed' };
const DARK: Colours = { page: '#171923', text: '#edf2f7', faint: '#a0aec0', lane: '#1f2532', edge: '#3b4558', closed: '#2d3748', stripe: '#5b6880', held: '#443266', flight: '#4299e1', done: '#48bb78', failed: '#fc5c5c', broken: '#d53f8c', back: '#ecc94b', unavailable: '#ed8936', changed: '#2b6cb0' };

const rules = ({ page, text, faint, lane, edge, closed, stripe, held, ...fills }: Colours): string => [
  `.page{fill:${page}}`, `text{fill:${text}}`, `.faint{fill:${faint}}`, `.lane{fill:${lane};stroke:${edge}}`, `.tick{stroke:${edge}}`, `.axis{stroke:${faint}}`, `.ground{fill:${closed}}`, `.stripe{stroke:${stripe};stroke-width:3}`, `.held{fill:${held}}`,
  ...Object.entries(fills).map(([name, colour]) => `.${name}{fill:${colour}}`),
].join('');

/** Light by itself; dark where whoever shows it asks for that. */
export const STYLE = `<style>${rules(LIGHT)}.name{font-weight:600}.small{font-size:11px}@media (prefers-color-scheme: dark){${rules(DARK)}}</style>`;
export const CLOSED = '<defs><pattern id="closed" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="8" height="8" class="ground"/><line x1="0" y1="0" x2="0" y2="8" class="stripe"/></pattern></defs>';

export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll(/[^\P{Cc}\t\n\r]/gu, '');
const rounded = (value: number): string => String(Math.round(value * 10) / 10);
const short = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1)).trimEnd()}…`);

/** As many letters as fit into so much width. */
export const fitting = (words: string, width: number, size: number, bold = false): string => short(words, Math.floor(width / (size * (bold ? BOLD_LETTER : LETTER))));

/** Broken between words into at most so many lines, each cut to what fits. */
export function wrapped(words: string, width: number, size: number, mostLines: number, bold = false): string[] {
  const most = Math.floor(width / (size * (bold ? BOLD_LETTER : LETTER)));
  const lines: string[] = [];
  for (const word of words.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const kept = lines.slice(0, mostLines);
  if (lines.length > mostLines) kept[mostLines - 1] = `${kept[mostLines - 1]!} …`;
  return kept.map((line) => short(line, most));
}

export const text = (x: number, y: number, words: string, more = ''): string => `<text x="${rounded(x)}" y="${rounded(y)}"${more}>${escaped(words)}</text>`;
export const rect = (x: number, y: number, width: number, height: number, more: string, title = ''): string =>
  `<rect x="${rounded(x)}" y="${rounded(y)}" width="${rounded(Math.max(width, 0.5))}" height="${rounded(Math.max(height, 0.5))}" ${more}${title === '' ? '/>' : `><title>${escaped(title)}</title></rect>`}`;

export interface Scale {
  readonly from: Instant;
  readonly until: Instant;
  x(at: Instant): number;
}

export const scaleOf = (from: Instant, until: Instant): Scale => ({ from, until, x: (at) => LEFT + ((Math.min(Math.max(at, from), until) - from) / (until - from)) * PLOT });

/** Lines from `top` to `bottom`, times under them, and each date where it begins. */
export function ticks({ from, until, x }: Scale, top: number, bottom: number): { readonly lines: readonly string[]; readonly labels: readonly string[] } {
  const step = STEPS.find((size) => (until - from) / size <= MOST_TICKS) ?? STEPS.at(-1)!;
  const [lines, labels]: [string[], string[]] = [[], [text(MARGIN, bottom + 16, 'UTC', ' class="small name"')]];
  const isShort = step < seconds(86_400);
  let dateBefore = '';
  for (let at = Math.ceil(from / step) * step; at <= until; at += step) {
    const [date = '', time = ''] = timeText(at).split('T');
    lines.push(`<line x1="${rounded(x(at))}" y1="${rounded(top)}" x2="${rounded(x(at))}" y2="${rounded(bottom + 4)}" class="tick"/>`);
    labels.push(text(x(at), bottom + 16, isShort ? time.slice(0, step < seconds(60) ? 8 : 5) : date, ' text-anchor="middle" class="small"'));
    if (isShort && date !== dateBefore) labels.push(text(x(at), bottom + 30, date, ' text-anchor="middle" class="small faint"'));
    dateBefore = date;
  }
  return { lines, labels };
}

export interface Point { readonly at: Instant; readonly value: number }

/** Steps: a value holds until the next. What begins and ends within one dot of the screen is drawn once, at its worst. */
export function area(points: readonly Point[], most: number, { from, until, x }: Scale, bottom: number, height: number): string {
  const level = (value: number): string => rounded(bottom - (most === 0 ? 0 : (Math.min(value, most) / most) * height));
  const path = [`M${LEFT},${rounded(bottom)}`];
  let before = 0;
  for (let place = 0; place < points.length;) {
    const dot = Math.floor(x(points[place]!.at));
    let worst = 0;
    let last = before;
    for (; place < points.length && Math.floor(x(points[place]!.at)) === dot; place += 1) {
      last = points[place]!.value;
      worst = Math.max(worst, last);
    }
    if (points[place - 1]!.at < from || points[place - 1]!.at > until) continue;
    if (worst !== before) path.push(`H${dot}V${level(worst)}`);
    if (last !== worst) path.push(`H${dot + LEAST_BAR}V${level(last)}`);
    before = last;
  }
  return `${path.join('')}H${LEFT + PLOT}V${rounded(bottom)}Z`;
}
