/** Runs by their name. */
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { apiVersionOf, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { nearest } from '../../../mesh/model/near.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { listAll } from '../list.ts';

const MOST_NAMED = 10;
/** For a name that may be a mere mistake. */
const PATIENCE_SECONDS = 5;

/** Oldest first. */
export async function allRuns(environment: Environment, client: KubernetesClient): Promise<UpdateRunObject[]> {
  const time = ({ metadata: { creationTimestamp = '', name } }: UpdateRunObject): string => `${creationTimestamp} ${name}`;
  return (await listAll<UpdateRunObject>(client, UpdateRun, environment.signal)).sort((a, b) => (time(a) < time(b) ? -1 : 1));
}

export async function findRun(environment: Environment, client: KubernetesClient, name: string): Promise<UpdateRunObject> {
  const run = await client.get<UpdateRunObject>(UpdateRun, { name }, environment.signal);
  if (run !== undefined) return run;
  const names = (await allRuns(environment, client)).map(({ metadata }) => metadata.name);
  const near = nearest(name, names);
  const known = names.length === 0 ? 'no run has been made yet' : near === undefined ? `known: ${names.slice(-MOST_NAMED).join(', ')}; "isthmus run list" shows them all` : `did you mean ${near}?`;
  throw new CommandFailure(`there is no run ${JSON.stringify(name)}; ${known}`);
}

/** Also one whose UpdateRun was deleted: the hub's records tell of it. */
export async function findRecordedRun(environment: Environment, client: KubernetesClient, name: string): Promise<UpdateRunObject> {
  try {
    return await findRun(environment, client, name);
  } catch (missing) {
    if (!(missing instanceof CommandFailure)) throw missing;
    const answer = await inquire<RunAnswer>(environment, client, { run: { name } }, PATIENCE_SECONDS).catch(() => undefined);
    if (answer?.frozen == null) throw missing;
    return asObject(name, answer, answer.frozen);
  }
}

function asObject(name: string, { tally, targets, targetsOmitted }: RunAnswer, frozen: NonNullable<RunAnswer['frozen']>): UpdateRunObject {
  const count = (...phases: readonly (typeof targets)[number]['phase'][]): number => tally.reduce((sum, counts) => sum + phases.reduce((some, phase) => some + (counts[phase] ?? 0), 0), 0);
  return {
    apiVersion: apiVersionOf(UpdateRun), kind: 'UpdateRun', metadata: { name },
    spec: { reason: frozen.summaryOnly ? 'this is long ago: its clusters and its journal are kept no longer' : 'its UpdateRun was deleted, this is what the records tell', requestedBy: frozen.author, stop: false, ...(frozen.undoOf === null ? {} : { undoOf: frozen.undoOf }) },
    status: {
      phase: frozen.phase, message: frozen.message, startedAt: toRfc3339(frozen.createdAt), ...(frozen.finishedAt === null ? {} : { finishedAt: toRfc3339(frozen.finishedAt) }),
      ...(frozen.state?.changedBy === undefined || frozen.state.changedBy.people.length === 0 ? {} : { changedBy: frozen.state.changedBy.people.map(({ person, changed }) => ({ person, changed: [...changed] })) }),
      counts: {
        total: targets.length + targetsOmitted, done: count('Done'), inFlight: count('Assigned', 'Soaking', 'RollingBack'), failed: count('Failed', 'RollbackFailed'),
        skipped: count('Skipped'), rolledBack: count('RolledBack'),
      },
    },
  };
}

export async function newestRun(environment: Environment, client: KubernetesClient): Promise<string> {
  const last = (await allRuns(environment, client)).at(-1);
  if (last === undefined) throw new CommandFailure('no run has been made yet; a change of a Mesh or a policy makes one, and "isthmus run create" does');
  return last.metadata.name;
}
