/** A run as lines: how far it is, what it waits for, and its clusters stage by stage; of many clusters those that people look for. */
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { fromRfc3339, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { RunTarget, TargetPhase } from '../../../mesh/model/rollout.ts';
import { age, shortId, table } from '../output/index.ts';
import { timeText } from '../window/show.ts';

export interface RunView { readonly run: UpdateRunObject; readonly rows: RunAnswer }

const MARKS: Readonly<Record<TargetPhase, string>> = { Pending: '·', Assigned: '→', Soaking: '~', Done: '✓', Failed: '✗', Skipped: '-', RollingBack: '←', RolledBack: '↩', RollbackFailed: '‼' };
const BAR = 40;
/** More clusters than this are counted, and of them those are shown that stand out. */
const MOST_CLUSTERS = 50;
const MOST_STANDING_OUT = 20;

const countOf = (tally: Readonly<Partial<Record<TargetPhase, number>>>, ...phases: readonly TargetPhase[]): number => phases.reduce((sum, phase) => sum + (tally[phase] ?? 0), 0);
const totalOf = (tally: Readonly<Partial<Record<TargetPhase, number>>>): number => Object.values(tally).reduce((sum, count) => sum + count, 0);

/** `█` done, `▒` in flight, `✗` failed; what is begun shows at least once. */
export function progressBar(tally: Readonly<Partial<Record<TargetPhase, number>>>, columns = BAR): string {
  const total = totalOf(tally);
  if (total === 0) return '';
  const parts: readonly (readonly [string, number])[] = [
    ['█', countOf(tally, 'Done')], ['✗', countOf(tally, 'Failed', 'RollbackFailed')], ['←', countOf(tally, 'RolledBack', 'RollingBack')], ['▒', countOf(tally, 'Assigned', 'Soaking')], ['-', countOf(tally, 'Skipped')],
  ];
  let left = columns;
  const filled = parts.map(([mark, count]) => {
    const wide = Math.min(left, count === 0 ? 0 : Math.max(1, Math.floor((count / total) * columns)));
    left -= wide;
    return mark.repeat(wide);
  }).join('');
  // Widths are rounded down: where nobody is pending, no place is left for those.
  const rest = countOf(tally, 'Pending') > 0 || filled === '' ? '·' : filled.at(-1)!;
  return `[${filled}${rest.repeat(left)}]`;
}

const phaseCounts = (tally: Readonly<Partial<Record<TargetPhase, number>>>): string =>
  (Object.keys(MARKS) as TargetPhase[]).flatMap((phase) => (tally[phase] === undefined || tally[phase] === 0 ? [] : [`${MARKS[phase]} ${tally[phase]} ${phase}`])).join('  ');

const standsOut = ({ phase, message }: RunTarget): boolean => phase !== 'Done' && phase !== 'Skipped' && (phase !== 'Pending' || message !== '');

const headings = ['  CLUSTER', 'PHASE', 'FROM', 'TO', 'ASSIGNED', 'MESSAGE'];
const cells = (target: RunTarget, now: number): string[] => [
  `  ${target.cluster}`, `${MARKS[target.phase]} ${target.phase}`, shortId(target.fromId), shortId(target.toId),
  target.assignedAt === null ? '' : `${age(target.assignedAt, now)} ago`, target.message,
];

function drawStage(name: string, number: number, targets: readonly RunTarget[], tally: Readonly<Partial<Record<TargetPhase, number>>>, many: boolean, now: number): string[] {
  const total = totalOf(tally);
  if (total === 0) return [];
  const done = countOf(tally, 'Done');
  if (!many) return ['', `stage ${number + 1} ${name}  ${targets.map((target) => MARKS[target.phase]).join('')}  ${done}/${total}`, table(headings, targets.map((target) => cells(target, now))).trimEnd()];
  const out = targets.filter(standsOut);
  const shown = out.slice(0, MOST_STANDING_OUT);
  return [
    '', `stage ${number + 1} ${name}  ${progressBar(tally)}  ${done}/${total}  ${phaseCounts(tally)}`,
    ...(shown.length === 0 ? [] : [table(headings, shown.map((target) => cells(target, now))).trimEnd()]), ...(out.length > shown.length ? [`  … and ${out.length - shown.length} more that stand out; -o json has them`] : []),
  ];
}

function gateLines({ status }: UpdateRunObject, now: number): string[] {
  return (status?.gates ?? []).map(({ name, phase, message, since, approvedBy = [] }) =>
    `  gate ${name}: ${phase}${phase === 'Waiting' ? ` for ${age(fromRfc3339(since), now)}` : ''}: ${message}${approvedBy.length === 0 || message.includes(approvedBy[0]!) ? '' : ` (${approvedBy.join(', ')})`}`);
}

/** Whose change it is, and who told it what. */
function peopleLines({ spec, status }: UpdateRunObject, { frozen }: RunAnswer): string[] {
  const asksPeople = (frozen?.strategy?.stages ?? []).some(({ before = [], after = [] }) => [...before, ...after].some(({ approval }) => approval !== undefined));
  const words = [...(spec.stop && spec.stoppedBy !== undefined ? [`stopped by ${spec.stoppedBy}`] : []), ...(spec.pause === true && spec.pausedBy !== undefined ? [`paused by ${spec.pausedBy}`] : []),
    ...(spec.resumedAt !== undefined && spec.resumedBy !== undefined ? [`resumed by ${spec.resumedBy}`] : [])];
  const editors = (status?.changedBy ?? []).map(({ person, changed }) => `${person} (${changed.join(', ')})`);
  return [
    ...(editors.length === 0 ? [] : [`  changed by: ${editors.join(', ')}`]), ...(asksPeople ? status?.unknownChanges ?? [] : []).map((text) => `  not vouched for: ${text}`),
    ...(words.length === 0 ? [] : [`  told: ${words.join(', ')}`]),
  ];
}

/** That the strategy was edited since, and what follows. */
const editLines = ({ status }: UpdateRunObject): string[] =>
  (status?.conditions ?? []).flatMap(({ type, status: holds, message }) => (type === 'StrategyChanged' && holds === 'True' ? [`  note: ${message.replace(/sha256-([0-9a-f]{10})[0-9a-f]+/g, 'sha256-$1')}`] : []));

/** `eta`: a line of its own; empty: nothing is known. */
export function drawRun({ run, rows }: RunView, now: number, eta = ''): string {
  const { status, metadata, spec } = run;
  const whole: Partial<Record<TargetPhase, number>> = {};
  for (const tally of rows.tally) for (const [phase, count] of Object.entries(tally) as [TargetPhase, number][]) whole[phase] = (whole[phase] ?? 0) + count;
  const total = totalOf(whole);
  const until = fromRfc3339(status?.waitingUntil);
  const waits = until === undefined || status?.finishedAt !== undefined ? [] : [`  waits until: ${timeText(until)}${until > now ? ` (in ${age(now, until)})` : ''}`];
  return `${[
    `${metadata.name}: ${status?.phase ?? 'Pending'}${status?.stage === undefined ? '' : `, stage ${status.stage}`}`,
    `  why: ${spec.reason} (requested by ${spec.requestedBy})`,
    ...peopleLines(run, rows),
    ...(status === undefined || status.message === '' ? [] : [`  now: ${status.message}`]),
    ...(total === 0 ? [] : [`  ${progressBar(whole)} ${countOf(whole, 'Done')}/${total}  ${phaseCounts(whole)}`]),
    ...waits, ...gateLines(run, now), ...(eta === '' ? [] : [`  ${eta}`]), ...editLines(run), ...(rows.frozen?.warnings ?? []).map((warning) => `  warning: ${warning}`),
    ...rows.stages.flatMap((stage, index) => drawStage(stage, index, rows.targets.filter((target) => target.stage === index), rows.tally[index] ?? {}, total > MOST_CLUSTERS, now)),
  ].join('\n')}\n`;
}

export const journalTable = (rows: RunAnswer): string =>
  table(['WHEN', 'CLUSTER', 'EVENT', 'MESSAGE'], rows.journal.map((entry) => [toRfc3339(entry.at), entry.cluster === '' ? '(run)' : entry.cluster, entry.event, entry.message]));
