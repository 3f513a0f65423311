/** Runs by their name. */
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { nearest } from '../../../mesh/model/near.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { listAll } from '../list.ts';

const MOST_NAMED = 10;

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

export async function newestRun(environment: Environment, client: KubernetesClient): Promise<string> {
  const last = (await allRuns(environment, client)).at(-1);
  if (last === undefined) throw new CommandFailure('no run has been made yet; a change of a Mesh or a policy makes one, and "isthmus run create" does');
  return last.metadata.name;
}
