/** One object of a bundle: applied as far as nobody else has changed it, or looked at. */
import { objectKey, objectName } from '../../../mesh/bundle/objects.ts';
import type { BundleContent } from '../../../mesh/model/bundle.ts';
import type { DriftEntry, DriftOverride } from '../../../mesh/model/desired.ts';
import { AGENT_FIELD_MANAGER, HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind, type StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { appliesNothingNew } from '../../runtime/applied-fields.ts';
import { DRIFT } from '../apply/objects.ts';
import { conflictEntries, decide, driftEntry, isReverted, type Known } from './decided.ts';
import { bringsKind, bringsNamespace, type Intent, PACKAGE } from './intents.ts';
import type { Kinds } from './kinds.ts';
import { refusalText } from './refusal.ts';
import { ABSENT, differingPaths, shownValue, valueAt, withValueAt } from './values.ts';

export interface ObjectParts {
  readonly client: KubernetesClient;
  readonly kinds: Kinds;
  readonly content: BundleContent;
  readonly overrides: readonly DriftOverride[];
  /** Permissions that were used up. */
  readonly spent: readonly string[];
  readonly known: Known;
  /** By object: the resource version of which the server said that an apply changes nothing. What it writes in another form (`1000m`) cannot be told from here. */
  readonly judged: Map<string, string>;
}

export type ObjectOutcome =
  | { readonly state: 'in place'; /** undefined: it may stay away. */ readonly object: KubernetesObject | undefined; readonly spends: readonly string[] }
  /** What it needs comes with the bundle, and is not there yet. */
  | { readonly state: 'later'; readonly message: string }
  | { readonly state: 'refused'; readonly message: string; /** By the API server: the same will be refused again. */ readonly byServer?: true }
  | { readonly state: 'drift'; readonly drift: readonly DriftEntry[] };

interface How { readonly dryRun?: boolean; readonly force?: boolean; /** Only over exactly this. */ readonly over?: KubernetesObject | undefined }

export interface Objects {
  /** `dryRun`: the server judges, and nothing changes. */
  bring(intent: Intent, how: { readonly dryRun: boolean }, signal: CancelSignal): Promise<ObjectOutcome>;
  /** Of what was brought before: changes by others are found, and put back only where somebody decided so. */
  review(intent: Intent, signal: CancelSignal): Promise<ObjectOutcome>;
}

const MANAGED_BY = 'app.kubernetes.io/managed-by';
/** What does not fit the schema is refused by server-side apply as an inner error (500). */
const NOT_OF_THE_SCHEMA = /failed to create typed (patch|live) object|field not declared in schema/;

/** The same request would be refused again; all else is tried again at once. */
const isRefusal = (error: unknown): error is KubernetesError =>
  error instanceof KubernetesError && ([400, 403, 404, 405, 413, 415, 422].includes(error.code) || NOT_OF_THE_SCHEMA.test(error.message));

export function createObjects({ client, kinds, content, overrides, spent, known, judged }: ObjectParts): Objects {
  const refused = (message: string): ObjectOutcome => ({ state: 'refused', message });
  const byServer = (message: string): ObjectOutcome => ({ state: 'refused', message, byServer: true });
  const inPlace = (object: KubernetesObject | undefined, spends: readonly string[] = []): ObjectOutcome => ({ state: 'in place', object, spends });
  const refOf = ({ reference: { namespace, name } }: Intent) => (namespace === '' ? { name } : { namespace, name });

  async function apply({ how: owned, object, ...intent }: Intent, kind: ResourceKind, current: KubernetesObject | undefined, { dryRun = false, force = false, over }: How, signal: CancelSignal): Promise<KubernetesObject | { readonly conflicts: readonly StatusCause[] }> {
    // An object of others that goes at this moment must not be made by us.
    const uid = owned === 'fields' && current?.metadata.uid !== undefined ? { uid: current.metadata.uid } : {};
    const version = over?.metadata.resourceVersion === undefined ? {} : { resourceVersion: over.metadata.resourceVersion };
    try {
      return await client.patch(kind, refOf({ how: owned, object, ...intent }), { ...object, metadata: { ...object.metadata, ...uid, ...version } }, { type: 'apply', fieldManager: AGENT_FIELD_MANAGER, dryRun, ...(force ? { force } : {}) }, signal);
    } catch (error) {
      if (error instanceof KubernetesError && error.reason === 'Conflict' && error.causes.length > 0) return { conflicts: error.causes };
      throw error;
    }
  }

  const keeping = (intent: Intent, paths: readonly string[], live: KubernetesObject | undefined): Intent =>
    ({ ...intent, object: paths.reduce((object, path) => withValueAt(object, path, valueAt(live, path)), intent.object) });

  /** What people decided to keep is what is wanted there; undefined: that nothing is there. */
  function accepted(intent: Intent, live: KubernetesObject | undefined): Intent | undefined {
    const { reference } = intent;
    const keeps = overrides.filter(({ action, object }) => action === 'keep' && object === objectName(reference));
    if (live === undefined) return keeps.some(({ path, actual }) => path === '' && actual === ABSENT) ? undefined : intent;
    return keeping(intent, keeps.filter(({ path, actual }) => path !== '' && shownValue(reference, valueAt(live, path), known.digest) === actual).map(({ path }) => path), live);
  }

  const settle = ({ reference }: Intent, { metadata: { resourceVersion } }: KubernetesObject): void => { if (resourceVersion !== undefined) judged.set(objectKey(reference), resourceVersion); };

  const isInPlace = ({ object, reference }: Intent, current: KubernetesObject): boolean => (judged.has(objectKey(reference)) && judged.get(objectKey(reference)) === current.metadata.resourceVersion)
    || appliesNothingNew(object, current, { fieldManager: AGENT_FIELD_MANAGER, apiVersion: object.apiVersion, subresource: undefined });

  /** What is missing or in the way before anything is asked of the object; else its resource. */
  async function kindOf({ reference }: Intent, signal: CancelSignal): Promise<ResourceKind | ObjectOutcome> {
    const what = objectName(reference);
    const kind = await kinds.find(reference, signal);
    if (kind === undefined) {
      return bringsKind(content, reference) ? { state: 'later', message: `${what}: its kind is brought by the bundle and not served yet` } : byServer(`${what}: this cluster does not serve ${reference.kind} in ${reference.apiVersion}; install it first, or bring its definition in an earlier part`);
    }
    if (kind.namespaced && reference.namespace === '') return byServer(`${what}: metadata.namespace is missing; ${reference.kind} lives in a namespace`);
    if (!kind.namespaced && reference.namespace !== '') return byServer(`${what}: metadata.namespace is "${reference.namespace}", and ${reference.kind} is cluster-scoped; take it out`);
    return kind;
  }

  const inTheWay = ({ reference, how }: Intent, current: KubernetesObject | undefined): string | undefined => {
    // Written by the same field manager: an apply would take from it what the agent's other parts have written.
    const maker = current?.metadata.labels?.[MANAGED_BY];
    if (maker === AGENT_FIELD_MANAGER || maker === HUB_FIELD_MANAGER) return `${objectName(reference)}: is made by Isthmus itself (label ${MANAGED_BY}=${maker}), and bundles do not write it; take it out`;
    if (how === 'fields') return current === undefined ? `${objectName(reference)}: is not there, and only fields of it are given; make it first, or take the part out` : undefined;
    const owner = current?.metadata.labels?.[PACKAGE];
    return owner === undefined || owner === content.package ? undefined : `${objectName(reference)}: belongs to package ${owner} (label ${PACKAGE}); take it out of one of both`;
  };

  async function guarded(intent: Intent, kind: ResourceKind, work: () => Promise<ObjectOutcome>): Promise<ObjectOutcome> {
    try {
      return await work();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const { namespace } = intent.reference;
      if (error.code === 404 && namespace !== '' && bringsNamespace(content, namespace)) return { state: 'later', message: `${objectName(intent.reference)}: its namespace is brought by the bundle and not there yet` };
      return byServer(refusalText(error, intent.reference, kind, intent.how === 'fields' ? 'fields' : 'made'));
    }
  }

  async function unannotate(intent: Intent, kind: ResourceKind, object: KubernetesObject, signal: CancelSignal): Promise<KubernetesObject> {
    if (!isReverted(object)) return object;
    return client.patch(kind, refOf(intent), { metadata: { annotations: { [DRIFT]: null } } }, { type: 'merge', fieldManager: AGENT_FIELD_MANAGER }, signal);
  }

  /** Writes over what stands there, exactly as it was seen. */
  async function overwrite(intent: Intent, kind: ResourceKind, live: KubernetesObject | undefined, keep: readonly string[], spends: readonly string[], signal: CancelSignal): Promise<ObjectOutcome> {
    const written = await apply(keeping(intent, keep, live), kind, live, { force: true, over: live }, signal);
    return 'conflicts' in written ? refused(`${objectName(intent.reference)}: ${written.conflicts.map(({ message }) => message).join('; ')}`) : inPlace(await unannotate(intent, kind, written, signal), spends);
  }

  /** What an apply would change back: what others own now, and what they took away. */
  async function changes(intent: Intent, kind: ResourceKind, live: KubernetesObject, signal: CancelSignal): Promise<readonly DriftEntry[]> {
    const judged = await apply(intent, kind, live, { dryRun: true }, signal);
    const missing = (object: KubernetesObject): readonly DriftEntry[] => differingPaths(live, object).map((path) => driftEntry(intent.reference, path, valueAt(object, path), live, known));
    if (!('conflicts' in judged)) return missing(judged);
    const owned = conflictEntries(intent.reference, intent.object, live, judged.conflicts, known);
    // A conflict hides what was only removed.
    const rest = await apply(keeping(intent, owned.map(({ path }) => path), live), kind, live, { dryRun: true }, signal);
    return 'conflicts' in rest ? owned : [...owned, ...missing(rest)];
  }

  return {
    async bring(given, { dryRun }, signal) {
      const kind = await kindOf(given, signal);
      if ('state' in kind) return kind;
      return guarded(given, kind, async () => {
        const current = await client.get(kind, refOf(given), signal);
        const intent = accepted(given, current);
        if (intent === undefined) return inPlace(undefined);
        const obstacle = inTheWay(intent, current);
        if (obstacle !== undefined) return refused(obstacle);
        if (current !== undefined && isInPlace(intent, current)) return inPlace(current);
        if (isReverted(current)) return dryRun ? inPlace(current) : overwrite(intent, kind, current, [], [], signal);
        const written = await apply(intent, kind, current, { dryRun }, signal);
        if (!('conflicts' in written)) {
          if (!dryRun) settle(intent, written);
          return inPlace(written);
        }
        const { left, keep, spends } = decide(conflictEntries(intent.reference, intent.object, current, written.conflicts, known), overrides, spent);
        if (left.length > 0) return { state: 'drift', drift: left };
        if (dryRun) return inPlace(current);
        return overwrite(intent, kind, current, keep, spends, signal);
      });
    },

    async review(given, signal) {
      const kind = await kindOf(given, signal);
      if ('state' in kind) return kind;
      return guarded(given, kind, async () => {
        const live = await client.get(kind, refOf(given), signal);
        const intent = accepted(given, live);
        if (intent === undefined) return inPlace(undefined);
        if (live !== undefined && isReverted(live)) return overwrite(intent, kind, live, [], [], signal);
        if (live !== undefined && isInPlace(intent, live)) return inPlace(live);
        const entries = live === undefined ? [driftEntry(intent.reference, '', intent.object, undefined, known)] : await changes(intent, kind, live, signal);
        const { left, keep, spends } = decide(entries, overrides, spent);
        if (left.length > 0) return { state: 'drift', drift: left };
        if (spends.length === 0) {
          if (live !== undefined && entries.length === 0) settle(intent, live);
          return inPlace(live);
        }
        const obstacle = inTheWay(intent, live);
        return obstacle === undefined ? overwrite(intent, kind, live, keep, spends, signal) : refused(obstacle);
      });
    },
  };
}
