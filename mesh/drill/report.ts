/** A drill's report for people. The JSON form is the state itself. */
import type { DrillClusterResult, DrillState, DrillValue } from '../model/drill.ts';
import { toRfc3339 } from '../model/instant.ts';
import { serviceKey } from '../model/service.ts';

/** Markdown. Also good for a drill that is still going. */
export function renderReport(drill: DrillValue, state: DrillState): string {
  const recoveries = state.clusters.flatMap((result) => (result.recoverySeconds === null ? [] : [result.recoverySeconds]));
  const facts: readonly (readonly [string, string])[] = [
    ['Result', state.phase],
    ['Service', serviceKey(drill.service)],
    ['Evacuated cluster', drill.evacuate],
    ['Hold', `${drill.holdSeconds} s`],
    ['Recovery objective', `${drill.objectiveSeconds} s`],
    ['Slowest recovery', recoveries.length === 0 ? 'none measured' : `${Math.max(...recoveries)} s`],
    ['Started', time(state.startedAt)],
    ['Evacuated', time(state.evacuatedAt)],
    ['Restored', time(state.restoredAt)],
    ['Finished', time(state.finishedAt)],
  ];
  return [
    `# Failover drill ${drill.name}`,
    '',
    cell(state.message),
    '',
    '| | |',
    '|---|---|',
    ...facts.map(([name, value]) => `| ${name} | ${cell(value)} |`),
    '',
    '## What each cluster\'s DNS answered',
    '',
    ...(state.clusters.length === 0
      ? ['No cluster was measured: the drill ended before anything was touched.']
      : [
          '| Cluster | Before | During | After | Recovered after | Restored |',
          '|---|---|---|---|---|---|',
          ...state.clusters.map((result) => `| ${[
            result.cluster, names(result.answersBefore), names(result.answersDuring), names(result.answersAfter), recovery(drill, result), time(result.restoredAt),
          ].map(cell).join(' | ')} |`),
        ]),
    '',
  ].join('\n');
}

function recovery(drill: DrillValue, result: DrillClusterResult): string {
  if (!result.answersBefore.includes(drill.evacuate)) return 'not affected';
  return result.recoverySeconds === null ? 'did not recover' : `${result.recoverySeconds} s`;
}

const names = (clusters: readonly string[]): string => (clusters.length === 0 ? '–' : clusters.join(', '));
const time = (at: number | null): string => (at === null ? '–' : toRfc3339(at));
/** A pipe or line break would end the table's cell. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
