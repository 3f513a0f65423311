/** When a run that goes on will be at its end: simulated from where it is, at the pace that it has had so far. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { age } from '../output/index.ts';
import { timeText } from '../window/show.ts';
import { foresee } from './foresee.ts';

const USUAL_SECONDS = 30;
const DAYS = 90;
/** A line less is better than a watch that stands still. */
const PATIENCE_SECONDS = 5;
/** A hub that is asked again and again has other things to do. */
const ASK_AGAIN_MILLISECONDS = 15_000;

/** The middle one of the times from assignment to health; undefined: none has got there yet. */
export function paceSeconds({ targets }: Pick<RunAnswer, 'targets'>): number | undefined {
  const times = targets.flatMap(({ assignedAt, healthyAt, rolledBackAt }) => (assignedAt === null || healthyAt === null || rolledBackAt !== undefined ? [] : [healthyAt - assignedAt])).sort((a, b) => a - b);
  const middle = times[Math.floor(times.length / 2)];
  return middle === undefined ? undefined : Math.round(middle / 1000);
}

/** A line for people; empty: it has ended, or nothing can be said. */
async function etaOf(environment: Environment, client: KubernetesClient, { metadata: { name }, status }: UpdateRunObject, rows: RunAnswer): Promise<string> {
  if (FINAL_RUN_PHASES.includes(status?.phase ?? 'Pending')) return '';
  const gates = status?.gates?.some(({ phase }) => phase === 'Inconclusive') === true;
  if (status?.phase === 'Paused') return `ETA: none while it is paused; "isthmus run simulate ${name}" shows what it would do if it were resumed, "isthmus run resume ${name}" lets it go on${gates ? ' and asks its gates anew; another strategy needs "stop", then "retry --strategy"' : ''}`;
  const pace = paceSeconds(rows);
  const basis = pace === undefined ? `if clusters are healthy ${USUAL_SECONDS} s after they were given their state` : `at the pace so far, ${pace} s until a cluster is healthy`;
  try {
    const { simulation: { end, finishedAt, phase, until, waits } } = await foresee(environment, client, { run: name, healthyAfterSeconds: Math.min(pace ?? USUAL_SECONDS, 86_400), approvedAfterSeconds: 0, neverApproved: true, gatesFail: false, days: DAYS }, PATIENCE_SECONDS);
    const now = environment.now();
    if (finishedAt !== null) return `ETA: ${phase} at ${timeText(finishedAt)} (in ${age(now, finishedAt)}), ${basis}`;
    const waiting = waits.find(({ to }) => to === null);
    if (end === 'Waits') return `ETA: waits from ${timeText(until)} on for people${waiting === undefined ? '' : `: ${waiting.reason}`}`;
    return `ETA: not before ${timeText(until)}, ${basis}`;
  } catch (error) {
    if (error instanceof CommandFailure) return '';
    throw error;
  }
}

/** The same, asked anew only now and then. */
export function keptEta(environment: Environment, client: KubernetesClient): (run: UpdateRunObject, rows: RunAnswer) => Promise<string> {
  let [line, askedAt, about] = ['', Number.NEGATIVE_INFINITY, ''];
  return async (run, rows) => {
    const key = `${run.status?.phase} ${run.status?.stage}`;
    if (key !== about || environment.now() - askedAt >= ASK_AGAIN_MILLISECONDS) {
      line = await etaOf(environment, client, run, rows);
      [askedAt, about] = [environment.now(), key];
    }
    return line;
  };
}
