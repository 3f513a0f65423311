/** Looking at staged updates. */
import { UpdateRun } from '../../mesh/api/resources/index.ts';
import type { RunAnswer } from '../../mesh/api/resources/inquiry-answers.ts';
import type { UpdateRunObject } from '../../mesh/api/resources/updates.ts';
import { eventually, expect } from './eventually.ts';
import type { Walk } from './walk.ts';

export async function listRuns(walk: Walk): Promise<UpdateRunObject[]> {
  return [...(await walk.fleet.hub.api.list<UpdateRunObject>(UpdateRun, {}, walk.signal)).items];
}

export const runNames = async (walk: Walk): Promise<Set<string>> => new Set((await listRuns(walk)).map((run) => run.metadata.name));

/** The run that appears beside the known ones. */
export function newRun(walk: Walk, known: ReadonlySet<string>): Promise<string> {
  return eventually('a new run', 30_000, async () => (await listRuns(walk)).map((run) => run.metadata.name).find((name) => !known.has(name)));
}

export async function runDetails(walk: Walk, name: string): Promise<RunAnswer> {
  const answer = await walk.isthmus('run', 'status', name, '-o', 'json');
  expect(answer.status === 0, `isthmus run status ${name}: ${answer.stderr}`);
  return JSON.parse(answer.stdout) as RunAnswer;
}

export async function ended(walk: Walk, name: string, phase: string, timeoutMilliseconds = 40_000): Promise<UpdateRunObject> {
  let seen: UpdateRunObject['status'];
  return eventually(`run ${name} ${phase}`, timeoutMilliseconds, async () => {
    const run = (await listRuns(walk)).find((one) => one.metadata.name === name);
    if (run?.status !== undefined && run.status.message !== seen?.message) walk.say(`${name}: ${run.status.message}`);
    seen = run?.status;
    return run?.status?.phase === phase ? run : undefined;
  }, () => seen);
}

/** Every cluster has applied what it was assigned last. */
export function settled(walk: Walk): Promise<boolean> {
  let seen: unknown;
  return eventually('every cluster has applied its desired state', 30_000, async () => {
    const objects = await Promise.all(walk.fleet.clusters.map((cluster) => walk.clusterObject(cluster.name)));
    seen = objects.map((object) => [object.metadata.name, object.status?.desired?.id, object.status?.current?.id]);
    return objects.every((object) => object.status?.desired !== undefined && object.status.current?.id === object.status.desired.id);
  }, () => seen);
}
