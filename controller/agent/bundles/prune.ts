/** Takes away what a package has brought and has no more: the last made first, and never what others have made their own. */
import { type Inventory, type InventoryObject } from '../../../mesh/bundle/inventory.ts';
import { objectName } from '../../../mesh/bundle/objects.ts';
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ObjectRef, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { apiVersionOf } from '../../../mesh/api/resources/define.ts';
import { driftSentence, isReverted } from './decided.ts';
import { nothingOf, PACKAGE } from './intents.ts';
import type { Kinds } from './kinds.ts';
import { refusalText } from './refusal.ts';

export interface PruneOutcome {
  readonly gone: readonly InventoryObject[];
  /** Why there is more to do; undefined: all is gone. */
  readonly message: string | undefined;
  readonly drift: readonly DriftEntry[];
}

type One = 'gone' | 'going' | { readonly refused: string } | { readonly drift: readonly DriftEntry[] };

export interface PruneParts {
  readonly client: KubernetesClient;
  readonly kinds: Kinds;
  /** Changes by others that are known and not decided on. */
  readonly drift: readonly DriftEntry[];
}

export async function prune(inventory: Inventory, objects: readonly InventoryObject[], { client, kinds, drift }: PruneParts, signal: CancelSignal): Promise<PruneOutcome> {
  const gone: InventoryObject[] = [];
  for (let first = 0; first < objects.length;) {
    const part = objects[first]?.part;
    let end = first;
    while (end < objects.length && objects[end]?.part === part) end++;
    const together = objects.slice(first, end);
    const outcomes: One[] = [];
    for (const object of together) outcomes.push(await one(object));
    gone.push(...together.filter((_, index) => outcomes[index] === 'gone'));
    const held = outcomes.flatMap((outcome) => (typeof outcome === 'object' && 'drift' in outcome ? outcome.drift : []));
    if (held.length > 0) return { gone, message: held.map(driftSentence).join('; '), drift: held };
    const refused = outcomes.find((outcome) => typeof outcome === 'object' && 'refused' in outcome);
    if (refused !== undefined) return { gone, message: (refused as { readonly refused: string }).refused, drift: [] };
    const going = together.find((_, index) => outcomes[index] === 'going');
    if (going !== undefined) return { gone, message: `${objectName(going)}: is being deleted`, drift: [] };
    first = end;
  }
  return { gone, message: undefined, drift: [] };

  async function one(object: InventoryObject): Promise<One> {
    const kind = await kinds.anyVersion(object, signal);
    // With the kind went its objects.
    if (kind === undefined) return 'gone';
    const ref: ObjectRef = object.namespace === '' ? { name: object.name } : { namespace: object.namespace, name: object.name };
    try {
      const live = await client.get(kind, ref, signal);
      if (live === undefined) return 'gone';
      if (object.how === 'fields' || object.how === 'adopted') return await giveUp(object, kind, ref, live);
      return await remove(object, kind, ref, live);
    } catch (error) {
      if (!(error instanceof KubernetesError) || ![400, 403, 404, 422].includes(error.code)) throw error;
      return { refused: refusalText(error, object, kind, object.how === 'adopted' ? 'made' : object.how) };
    }
  }

  async function giveUp(object: InventoryObject, kind: ResourceKind, ref: ObjectRef, live: KubernetesObject): Promise<One> {
    const ours = (live.metadata.managedFields ?? []).findIndex(({ manager, operation, subresource = '' }) => manager === AGENT_FIELD_MANAGER && operation === 'Apply' && subresource === '');
    if (ours < 0) return 'gone';
    const nothing = nothingOf({ ...object, apiVersion: apiVersionOf(kind) });
    try {
      await client.patch(kind, ref, { ...nothing, metadata: { ...nothing.metadata, uid: live.metadata.uid } }, { type: 'apply', fieldManager: AGENT_FIELD_MANAGER }, signal);
    } catch (error) {
      if (!(error instanceof KubernetesError) || error.code !== 422) throw error;
      // The object cannot be without what we set: it keeps that, and is ours no more.
      const seen = { op: 'test', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion };
      await client.patch(kind, ref, [seen, { op: 'remove', path: `/metadata/managedFields/${ours}` }], { type: 'json', fieldManager: AGENT_FIELD_MANAGER }, signal);
    }
    return 'gone';
  }

  async function remove(object: InventoryObject, kind: ResourceKind, ref: ObjectRef, live: KubernetesObject): Promise<One> {
    // Who took the label away has made it their own.
    if (live.metadata.labels?.[PACKAGE] !== inventory.package) return 'gone';
    if (live.metadata.deletionTimestamp !== undefined) return 'going';
    const changed = drift.filter((entry) => entry.object === objectName(object) && entry.path !== '');
    if (changed.length > 0 && !isReverted(live)) return { drift: changed };
    await client.delete(kind, ref, { propagation: 'Background', ...(live.metadata.uid === undefined ? {} : { uid: live.metadata.uid }) }, signal);
    return await client.get(kind, ref, signal) === undefined ? 'gone' : 'going';
  }
}
