/** What an agent has brought of one package, written into the cluster before anything is made: nothing that is there through us is ever unknown to it. */
import type { BundleContent, BundleReference, ObjectReference } from '../model/bundle.ts';
import { compareText } from '../model/order.ts';
import { bundleObjects, objectKey } from './objects.ts';

export interface InventoryObject extends ObjectReference {
  /** `made`: ours to remove. `adopted`: was there before us; at the end our fields go and it stays. `fields`: somebody else's. `hook`: a Job. */
  readonly how: 'made' | 'adopted' | 'fields' | 'hook';
  readonly part: string;
}

/** Of one hook, from before its Job is made until the package changes. */
export interface HookRecord {
  /** Of the assignment that it runs for. */
  readonly generation: number;
  readonly job: string;
  readonly outcome: 'intended' | 'made' | 'completed' | 'failed';
  /** Milliseconds, by the agent's clock; from its Job's making on. */
  readonly since: number;
  readonly message: string;
}

export interface Inventory extends BundleReference {
  readonly schema: 1;
  /** Of the assignment that brought the package to this digest; 0: of a hub that does not count. */
  readonly generation: number;
  readonly phase: 'Applying' | 'Applied' | 'Removing';
  /** Parts, from the first, that were in place and healthy. */
  readonly reached: number;
  readonly parts: number;
  /** Everything of this and of earlier versions that may be there; those of earlier ones last. */
  readonly objects: readonly InventoryObject[];
  /** By part. */
  readonly hooks: Readonly<Record<string, HookRecord>>;
}

/** Job of a hook: the same for the same assignment, however often the agent starts; another for another one. */
export const hookName = (name: string, digest: string): string => `${name.slice(0, 50).replace(/[^a-z0-9]+$/, '')}-${digest.slice(0, 10)}`;

/** Of the content; hooks without their Jobs, whose names come with their records. `adopted`: keys of objects that were there before us. */
function contentObjects(content: Pick<BundleContent, 'parts'>, adopted: ReadonlySet<string>): readonly InventoryObject[] {
  const hooks = new Set(content.parts.flatMap(({ name, hook }) => (hook === undefined ? [] : [name])));
  return bundleObjects(content).filter(({ part }) => !hooks.has(part)).map(({ part, how, reference }) =>
    ({ ...reference, how: how === 'fields' ? 'fields' : adopted.has(objectKey(reference)) ? 'adopted' : 'made', part }));
}

/** Everything that is there or will be, when a package turns to another content. */
export function begun(before: Inventory | undefined, content: BundleContent, { digest, generation }: { readonly digest: string; readonly generation: number }, adopted: ReadonlySet<string>): Inventory {
  const objects = contentObjects(content, adopted);
  const keys = new Set(objects.map(objectKey));
  return {
    schema: 1, package: content.package, version: content.version, digest, generation, phase: 'Applying', reached: 0, parts: content.parts.length, hooks: {},
    objects: [...objects, ...(before?.objects ?? []).filter((one) => !keys.has(objectKey(one)))],
  };
}

/** What only earlier contents had, in the order in which it goes: the last made first. */
export function surplus(inventory: Inventory, content: Pick<BundleContent, 'parts'> | undefined): readonly InventoryObject[] {
  const kept = new Set([...content === undefined ? [] : contentObjects(content, new Set()).map(objectKey), ...content === undefined ? [] : Object.values(inventory.hooks).map(({ job }) => job)]);
  return inventory.objects.filter((one) => !kept.has(objectKey(one)) && !(one.how === 'hook' && kept.has(one.name))).reverse();
}

export const withHook = (inventory: Inventory, part: string, record: HookRecord, job?: InventoryObject): Inventory => ({
  ...inventory, hooks: { ...inventory.hooks, [part]: record },
  ...(job === undefined || inventory.objects.some((one) => objectKey(one) === objectKey(job)) ? {} : { objects: [...inventory.objects, job] }),
});

export const without = (inventory: Inventory, gone: readonly InventoryObject[]): Inventory => {
  const keys = new Set(gone.map(objectKey));
  return { ...inventory, objects: inventory.objects.filter((one) => !keys.has(objectKey(one))) };
};

/** Two packages that write one object would take its fields from each other; the one that has it keeps it. */
export function sharedWith(content: Pick<BundleContent, 'parts'>, others: readonly Inventory[]): { readonly object: ObjectReference; readonly package: string } | undefined {
  const owners = new Map([...others].sort((a, b) => compareText(a.package, b.package)).flatMap((inventory) => inventory.objects.map((object) => [objectKey(object), inventory.package] as const)));
  for (const { reference } of bundleObjects(content)) {
    const owner = owners.get(objectKey(reference));
    if (owner !== undefined) return { object: reference, package: owner };
  }
  return undefined;
}
