/** What stands in the hub and in the clusters, as the tests compare it. */
import { Job } from '../../../controller/agent/bundles/hook.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { Application, CapiCluster, HelmRelease } from './hands.ts';
import { type Place, Route } from './place.ts';

export const never = new AbortController().signal;
export const PATIENCE_MILLISECONDS = 45_000;

export const readRun = (place: Place, name: string): Promise<UpdateRunObject | undefined> => place.fleet.hub.api.get<UpdateRunObject>(UpdateRun, { name }, never);

/** Waits until it is so of the run's status, and gives it. */
export async function runIs(place: Place, name: string, what: string, holds: (status: NonNullable<UpdateRunObject['status']>) => boolean): Promise<NonNullable<UpdateRunObject['status']>> {
  let seen: UpdateRunObject['status'];
  return eventually(`run ${name} ${what}`, PATIENCE_MILLISECONDS, async () => {
    seen = (await readRun(place, name))?.status;
    return seen !== undefined && holds(seen) ? seen : undefined;
  }, () => seen);
}

const FINAL = ['Stopped', 'Failed', 'RolledBack', 'Completed', 'CompletedWithFailures'];
export const ended = (place: Place, name: string): Promise<NonNullable<UpdateRunObject['status']>> => runIs(place, name, 'ends', ({ phase }) => FINAL.includes(phase));

export interface RunView extends RunAnswer { readonly run: UpdateRunObject }

/** As `isthmus run status -o json` tells it. */
export async function statusOf(place: Place, name: string): Promise<RunView> {
  const { status, stdout, stderr } = await place.isthmus('ann', 'run', 'status', name, '-o', 'json');
  if (status !== 0) throw new Error(`isthmus run status ${name}: ${stderr}`);
  return JSON.parse(stdout) as RunView;
}

export const read = <T extends KubernetesObject = KubernetesObject & Readonly<Record<string, unknown>>>(place: Place, cluster: string, kind: ResourceKind, namespace: string, name: string): Promise<T | undefined> =>
  place.cluster(cluster).api.get<T>(kind, { namespace, name }, never);

export const jobs = async (place: Place, cluster: string, begin: string): Promise<readonly string[]> =>
  (await place.cluster(cluster).api.list(Job, { namespace: 'shop' }, never)).items.map(({ metadata: { name } }) => name).filter((name) => name.startsWith(begin));

/** What bundles could have changed in a cluster: all of it but what the server counts. */
async function contentsOf(place: Place, cluster: string): Promise<Readonly<Record<string, unknown>>> {
  const { api } = place.cluster(cluster);
  const kinds = [ConfigMap, Route, Application, ...(place.published.has('HelmRelease') ? [HelmRelease] : []), ...(place.published.has('Cluster') ? [CapiCluster] : [])];
  const found: Record<string, unknown> = {};
  for (const kind of kinds) {
    const { items } = await api.list<KubernetesObject & { readonly spec?: unknown; readonly data?: unknown }>(kind, {}, never);
    for (const { metadata: { namespace = '', name, labels, annotations }, spec, data } of items) if (namespace !== 'isthmus-system') found[`${kind.kind} ${namespace}/${name}`] = { labels, annotations, spec, data };
  }
  return found;
}

export const contentsOfAll = async (place: Place): Promise<Readonly<Record<string, unknown>>> =>
  Object.fromEntries(await Promise.all(place.fleet.clusters.map(async ({ name }) => [name, await contentsOf(place, name)] as const)));
