/** Which of the peering objects are to be there though they hold nothing: pods may not start without them, and see a file that is empty but none that is gone. Pure. */
import { type Instant, seconds } from '../model/instant.ts';
import type { ManagedObject } from '../model/managed.ts';
import { DRAIN_SECONDS } from '../model/mesh-ids.ts';
import { usersText } from './peering.ts';
import { PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH, REMOTE_USERS, USERS_KEY } from './words.ts';

/** What pods of Cilium mount. In its charts 1.16 to 1.20 the ConfigMap is required wherever it is mounted, and the Secrets are optional. */
export interface MeshMounts {
  readonly users: 'Required' | 'Optional' | 'NotMounted';
  /** Names of Secrets without which pods do not start. */
  readonly requiredSecrets: readonly string[];
}

/** Objects that stand, by name; `mounts` undefined: not known. */
interface Present {
  readonly names: ReadonlySet<string>;
  readonly mounts: MeshMounts | undefined;
}

/** Without a Secret that would be made for no entry: its pods find it without a restart as soon as there is one. One that stands stays. */
export const worthMaking = (objects: readonly ManagedObject[], { names, mounts }: Present): readonly ManagedObject[] =>
  objects.filter(({ kind, name, data }) => kind !== 'Secret' || Object.keys(data).length > 0 || names.has(name) || mounts === undefined || mounts.requiredSecrets.includes(name));

interface Left {
  readonly namespace: string;
  /** Names of objects that stand and that we wrote. */
  readonly ours: ReadonlySet<string>;
  /** Users that are to stay. */
  readonly users: readonly string[];
  /** Of these, how many are of other clusters, which drain. */
  readonly drains: boolean;
  readonly mounts: MeshMounts | undefined;
  /** Since when no other cluster has a user any more. */
  readonly emptySince: Instant;
  readonly now: Instant;
}

/**
 * What stays of a mesh that a cluster has left: users that drain, and then, where pods mount it, the ConfigMap as Cilium's chart renders it for no clusters. A pod takes users
 * out of its etcd for a file without them and for no file that is gone (`clustermesh-apiserver/clustermesh/users_mgmt.go`), so it stays for a while where it need not stay.
 */
export function leftBehind({ namespace, ours, users, drains, mounts, emptySince, now }: Left): { readonly objects: readonly ManagedObject[]; readonly until?: Instant } {
  const secrets = [PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH].filter((name) => ours.has(name) && mounts?.requiredSecrets.includes(name) === true)
    .map((name): ManagedObject => ({ kind: 'Secret', namespace, name, data: {} }));
  const goes = mounts?.users === 'NotMounted' ? emptySince : mounts?.users === 'Optional' ? emptySince + seconds(DRAIN_SECONDS) : Number.POSITIVE_INFINITY;
  const stays = drains || (ours.has(REMOTE_USERS) && now < goes);
  const objects = stays ? [...secrets, { kind: 'ConfigMap', namespace, name: REMOTE_USERS, data: { [USERS_KEY]: usersText(users) } } as const] : secrets;
  return { objects, ...(stays && !drains && Number.isFinite(goes) ? { until: goes } : {}) };
}
