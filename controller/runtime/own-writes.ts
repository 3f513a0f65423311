/** Our last write of each object. Until the cache shows it or a later state, what the cache shows is from before, and says nothing of others. */
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { isOlder } from './resource-version.ts';

export interface OwnWrite {
  /** Of what we made or changed, or the last state of what we removed. */
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly removed: boolean;
}

export const wroteAs = ({ metadata: { uid, resourceVersion } }: KubernetesObject, removed = false): OwnWrite => ({ uid, resourceVersion, removed });

export const isFromBefore = ({ metadata: { uid, resourceVersion } }: KubernetesObject, own: OwnWrite): boolean => (own.removed ? uid === own.uid : isOlder(resourceVersion, own.resourceVersion));

/** Whether what the cache holds is surely there no more: we removed it, or made another in its place since. */
export const isReplaced = (current: KubernetesObject, own: OwnWrite): boolean => isFromBefore(current, own) && (own.removed || own.uid !== current.metadata.uid);

/**
 * Whether the cache is to come to what we left, and says nothing yet. `latest` asks the API server, once `waited`: it may have been set back to a backup, and then what the
 * cache shows from before is what is there.
 */
export async function isBehind(own: OwnWrite, current: KubernetesObject | undefined, waited: boolean, latest: () => Promise<KubernetesObject | undefined>): Promise<boolean> {
  if (current === undefined ? own.removed : !isFromBefore(current, own)) return false;
  if (!waited) return true;
  const there = await latest();
  return there?.metadata.resourceVersion !== current?.metadata.resourceVersion || there?.metadata.deletionTimestamp !== undefined;
}

/** Remembers at most `most` by name; the oldest are forgotten first. */
export function createOwnWrites<T extends OwnWrite>(most: number): { get(name: string): T | undefined; set(name: string, wrote: T): void } {
  const remembered = new Map<string, T>();
  return {
    get: (name) => remembered.get(name),
    set(name, wrote) {
      if (remembered.size >= most && !remembered.has(name)) remembered.delete(remembered.keys().next().value ?? '');
      remembered.set(name, wrote);
    },
  };
}
