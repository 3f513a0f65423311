/** A simulated run as a picture: a lane for each stage, what is closed or held shaded, and the blast radius under it. The same run gives the same bytes. */
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import type { RadiusPoint, Simulation } from '../../../mesh/model/simulation.ts';
import { timeText } from '../window/show.ts';
import type { Foreseen } from './foresee.ts';
import { stageLane } from './picture-lane.ts';
import { area, CLOSED, escaped, fitting, LEFT, MARGIN, PLOT, rect, scaleOf, type Scale, STYLE, text, ticks, WIDTH, wrapped } from './picture-parts.ts';
import { assumedText, endText, stoppedText } from './simulate-text.ts';

const LANE = 54;
const LOW_LANE = 46;
const GAP = 10;
const CURVE = 64;
/** Of more stages, lanes are lower. */
const MANY_STAGES = 10;
/** Bars of clusters in all lanes; a lane with more than its share is one area. */
const MOST_BARS = 600;
const MOST_BARS_OF_A_LANE = 200;
const MOST_WARNINGS = 3;
/** What is open at the end goes on a little beyond it. */
const BEYOND = 0.06;

const LEGEND = [['done', 'changed and healthy'], ['failed', 'failed'], ['back', 'goes back'], ['broken', 'did not get back'], ['flight', 'in flight'], ['closed', 'change window closed'], ['held', 'waits at a gate'], ['unavailable', 'unavailable'], ['changed', 'changed']] as const;

/** A digest is known by its first letters. */
const shortDigests = (words: string): string => words.replaceAll(/\b([0-9a-f]{12})[0-9a-f]{20,}\b/g, '$1…');

function header(title: string, { about, simulation }: Foreseen): { readonly parts: readonly string[]; readonly bottom: number } {
  const room = WIDTH - 2 * MARGIN;
  const warnings = about.warnings.slice(0, MOST_WARNINGS).map((warning) => `warning: ${warning}`);
  if (about.warnings.length > MOST_WARNINGS) warnings.push(`and ${about.warnings.length - MOST_WARNINGS} more warnings`);
  const { worstFailures, clusters, peak } = simulation;
  const lines = [
    ...wrapped(endText(simulation), room, 12, 2), ...wrapped(`worst case: ${worstFailures} of ${clusters.length} clusters can fail before ${stoppedText(simulation)}; at most ${peak.inFlight} in flight and ${peak.unavailable} unavailable at once`, room, 12, 1),
    ...wrapped(`assumed: ${assumedText(simulation)}`, room, 12, 2), ...warnings.flatMap((warning) => wrapped(warning, room, 12, 1)),
  ];
  const titles = wrapped(shortDigests(`${title}: ${about.brings}`), room, 16, 2, true);
  const below = 14 + titles.length * 20;
  return {
    parts: [...titles.map((line, index) => text(MARGIN, 28 + index * 20, line, ' font-size="16" class="name"')), ...lines.map((line, index) => text(MARGIN, below + 16 + index * 16, line, ' font-size="12" class="faint"'))],
    bottom: below + 16 + lines.length * 16 + 8,
  };
}

interface Curve { readonly name: string; readonly says: string; readonly most: number; readonly drawn: readonly (readonly [string, (point: RadiusPoint) => number])[] }

function curve({ name, says, most, drawn }: Curve, radius: readonly RadiusPoint[], top: number, scale: Scale): string[] {
  const room = LEFT - MARGIN - 50;
  return [
    rect(LEFT, top, PLOT, CURVE, 'class="lane"'),
    ...drawn.map(([kind, valueOf]) => `<path d="${area(radius.map((point) => ({ at: point.at, value: valueOf(point) })), most, scale, top + CURVE, CURVE - 6)}" class="${kind}"/>`),
    text(MARGIN, top + 14, fitting(name, room, 13, true), ' class="name"'), text(MARGIN, top + 29, fitting(says, room, 11), ' class="small faint"'),
    text(LEFT - 6, top + 11, String(most), ' text-anchor="end" class="small"'), text(LEFT - 6, top + CURVE, '0', ' text-anchor="end" class="small"'),
    `<line x1="${LEFT - 4}" y1="${top + 6}" x2="${LEFT}" y2="${top + 6}" class="axis"/>`,
  ];
}

/** Of what was drawn. */
function legend(top: number, drawn: readonly string[]): string[] {
  let x = MARGIN;
  return LEGEND.map(([kind, says]) => [kind === 'closed' ? 'fill="url(#closed)"' : `class="${kind}"`, says] as const).filter(([fill]) => drawn.some((part) => part.includes(fill))).flatMap(([fill, says]) => {
    const parts = [rect(x, top - 10, 14, 11, fill), text(x + 19, top, says, ' class="small"')];
    x += 32 + says.length * 6.9;
    return parts;
  });
}

/** Where the axis ends: what goes on at the end is seen to. */
function endOf({ from, until, finishedAt }: Simulation): Instant {
  const end = Math.max(until, from + seconds(1));
  return finishedAt === null ? end + Math.max(seconds(3600), (end - from) * BEYOND) : end;
}

/** SVG 1.1, valid by itself, bounded in size, light or dark as its reader is. `title` says of which run. */
export function picture(title: string, foreseen: Foreseen): string {
  const { simulation } = foreseen;
  const { from, stages, clusters, radius, peak } = simulation;
  const scale = scaleOf(from, endOf(simulation));
  const { parts, bottom: top } = header(title, foreseen);
  const lane = stages.length > MANY_STAGES ? LOW_LANE : LANE;
  const mostBars = Math.min(MOST_BARS_OF_A_LANE, Math.floor(MOST_BARS / Math.max(1, stages.length)));
  const curveTop = top + stages.length * (lane + GAP);
  const bottom = curveTop + 2 * CURVE + GAP;
  const height = bottom + 76;
  const { lines, labels } = ticks(scale, top - 4, bottom);
  const drawn = [
    ...stages.flatMap((stage, index) => stageLane(simulation, stage, top + index * (lane + GAP), lane, scale, mostBars)),
    ...curve({ name: 'unavailable', says: peak.failed === 0 ? `at most ${peak.unavailable}` : `at most ${peak.unavailable}, failed ${peak.failed}`, most: Math.max(1, peak.unavailable, peak.failed), drawn: [['unavailable', (point) => point.unavailable], ...(peak.failed === 0 ? [] : [['failed', (point: RadiusPoint) => point.failed] as const])] }, radius, curveTop, scale),
    ...curve({ name: 'changed', says: `at most ${peak.changed} of ${clusters.length}`, most: Math.max(1, clusters.length), drawn: [['changed', (point) => point.changed]] }, radius, curveTop + CURVE + GAP, scale),
  ];
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`, `<desc>${escaped(endText(simulation))}</desc>`, CLOSED, STYLE, `<rect width="${WIDTH}" height="${height}" class="page"/>`,
    ...parts, ...lines, ...drawn, ...labels, ...legend(bottom + 50, drawn),
    text(MARGIN, bottom + 68, `${timeText(from)} to ${timeText(scale.until)}. By "isthmus run simulate": nothing was changed.`, ' class="small faint"'), '</svg>',
  ].join('\n')}\n`;
}
