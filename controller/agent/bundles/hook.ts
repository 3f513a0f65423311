/** A hook: a Job that runs once for each assignment of its bundle, whatever happens to the agent meanwhile. */
import { hookName, type HookRecord, type Inventory, type InventoryObject, withHook } from '../../../mesh/bundle/inventory.ts';
import { objectName } from '../../../mesh/bundle/objects.ts';
import type { BundlePart, ObjectReference } from '../../../mesh/model/bundle.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { BUNDLE, PACKAGE } from './intents.ts';
import { refusalText } from './refusal.ts';

export const Job: ResourceKind = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true };

interface JobObject extends KubernetesObject {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[] };
}

export type HookOutcome = { readonly state: 'done' } | { readonly state: 'waiting'; readonly message: string }
  /** It has run, or is gone, and runs no more in this assignment. */
  | { readonly state: 'failed'; readonly message: string }
  /** The API server does not take it. */
  | { readonly state: 'refused'; readonly message: string };

export interface HookParts {
  readonly client: KubernetesClient;
  readonly clock: Pick<Clock, 'now'>;
  readonly digest: Digest;
  /** Resolves once it is in the cluster. */
  readonly save: (inventory: Inventory, signal: CancelSignal) => Promise<void>;
}

type Hook = NonNullable<BundlePart['hook']>;
const isTrue = (job: JobObject, type: string) => job.status?.conditions?.find((one) => one.type === type && one.status === 'True');

/** The Job's name is of the package, the content and the assignment. It stays until the package changes: its being there is how a restart knows that it ran. */
export function hookJob({ job, timeoutSeconds }: Hook, part: string, { package: name, digest: content }: Pick<Inventory, 'package' | 'digest'>, generation: number, digest: Digest): JobObject {
  const given = job as unknown as JobObject;
  const { ttlSecondsAfterFinished: _, ...spec } = given.spec ?? {};
  const own = spec['activeDeadlineSeconds'];
  return {
    ...given, spec: { ...spec, activeDeadlineSeconds: typeof own === 'number' ? Math.min(own, timeoutSeconds) : timeoutSeconds },
    metadata: {
      ...given.metadata, name: hookName(given.metadata.name, digest(`${name} ${content} ${generation} ${part}`)),
      labels: { ...given.metadata.labels, [PACKAGE]: name }, annotations: { ...given.metadata.annotations, [BUNDLE]: content },
    },
  };
}

const referenceTo = ({ metadata: { namespace = '', name } }: JobObject): ObjectReference => ({ apiVersion: 'batch/v1', kind: 'Job', namespace, name });

/** The server judges the Job, and makes nothing. undefined: it would take it. */
export async function hookProblem(client: KubernetesClient, job: JobObject, namespaceComes: boolean, signal: CancelSignal): Promise<string | undefined> {
  try {
    await client.create(Job, job, { fieldManager: AGENT_FIELD_MANAGER, dryRun: true }, signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.code === 409 || (error.code === 404 && namespaceComes)) return rethrown(error);
    if (error.code >= 500 || error.code === 429) throw error;
    return refusalText(error, referenceTo(job), Job, 'hook');
  }
}

const rethrown = (error: unknown): undefined => {
  if (error instanceof KubernetesError) return undefined;
  throw error;
};

/** `generation`: of the assignment now; a hook that failed in an earlier one runs anew. */
export async function runHook(part: BundlePart, hook: Hook, inventory: Inventory, generation: number, { client, clock, digest, save }: HookParts, signal: CancelSignal): Promise<HookOutcome> {
  let now = inventory;
  let record = inventory.hooks[part.name];
  const put = async (next: HookRecord, job?: JobObject): Promise<void> => {
    record = next;
    now = withHook(now, part.name, next, job === undefined ? undefined : { ...referenceTo(job), how: 'hook', part: part.name });
    await save(now, signal);
  };

  if (record?.outcome === 'completed') return { state: 'done' };
  if (record?.outcome === 'failed' && generation <= record.generation) return { state: 'failed', message: record.message };
  const job = hookJob(hook, part.name, inventory, record === undefined || record.outcome === 'failed' ? generation : record.generation, digest);
  const { namespace = '', name } = job.metadata;
  const what = objectName(referenceTo(job));
  if (record === undefined || record.outcome === 'failed') await put({ generation, job: name, outcome: 'intended', since: clock.now(), message: '' }, job);
  if (record === undefined) throw new Error(`${what}: has no record`);

  const live = await client.get<JobObject>(Job, { namespace, name }, signal);
  if (live === undefined && record.outcome === 'made') {
    const message = `${what}: was deleted by someone before it was seen to end, and is not run again in this assignment; retry the run`;
    await put({ ...record, outcome: 'failed', message });
    return { state: 'failed', message };
  }
  if (live === undefined) {
    try {
      await client.create(Job, job, { fieldManager: AGENT_FIELD_MANAGER }, signal);
    } catch (error) {
      if (!(error instanceof KubernetesError) || ![400, 403, 404, 405, 413, 422].includes(error.code)) throw error;
      return { state: 'refused', message: refusalText(error, referenceTo(job), Job, 'hook') };
    }
  }
  if (record.outcome === 'intended') await put({ ...record, outcome: 'made', since: clock.now() });
  if (live !== undefined && isTrue(live, 'Complete') !== undefined) {
    await put({ ...record, outcome: 'completed' });
    return { state: 'done' };
  }
  const broken = live === undefined ? undefined : isTrue(live, 'Failed') ?? isTrue(live, 'FailureTarget');
  const late = clock.now() - record.since > hook.timeoutSeconds * 1000;
  if (broken === undefined && !late) return { state: 'waiting', message: `${what}: runs` };
  const message = `${what}: failed: ${broken === undefined ? `it has not completed within ${hook.timeoutSeconds} s` : [broken.reason, broken.message].filter((text) => text !== undefined && text !== '').join(': ')}`;
  await put({ ...record, outcome: 'failed', message });
  return { state: 'failed', message };
}

/** A Job of a former version that still runs would run beside the parts and hooks of this one: it is ended first. One that has ended stays for whoever reads it. */
export async function endHooks(objects: readonly InventoryObject[], client: KubernetesClient, signal: CancelSignal): Promise<string | undefined> {
  let ending: string | undefined;
  for (const object of objects.filter(({ how }) => how === 'hook')) {
    const ref = { namespace: object.namespace, name: object.name };
    const live = await client.get<JobObject>(Job, ref, signal);
    if (live === undefined || live.metadata.labels?.[PACKAGE] === undefined || isTrue(live, 'Complete') !== undefined || isTrue(live, 'Failed') !== undefined) continue;
    if (live.metadata.deletionTimestamp === undefined) await client.delete(Job, ref, { propagation: 'Foreground', ...(live.metadata.uid === undefined ? {} : { uid: live.metadata.uid }) }, signal);
    if (await client.get(Job, ref, signal) !== undefined) ending ??= `${objectName(object)}: of a former version, is being ended`;
  }
  return ending;
}
