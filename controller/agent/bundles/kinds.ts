/** Which resource a kind is, as the server says; asked once for each `apiVersion`. */
import { groupOf } from '../../../mesh/bundle/objects.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { ApiDiscovery, ResourceKind } from '../../../mesh/ports/kubernetes.ts';

export interface Kinds {
  /** undefined: the server does not serve it, now. */
  find(of: { readonly apiVersion: string; readonly kind: string }, signal: CancelSignal): Promise<ResourceKind | undefined>;
  /** In any version of its group: the one that it was made by may be gone since. */
  anyVersion(of: { readonly apiVersion: string; readonly kind: string }, signal: CancelSignal): Promise<ResourceKind | undefined>;
}

const MOST_VERSIONS = 256;

export function createKinds(discovery: ApiDiscovery): Kinds {
  const known = new Map<string, readonly ResourceKind[]>();

  const find: Kinds['find'] = async ({ apiVersion, kind }, signal) => {
    const remembered = known.get(apiVersion)?.find((one) => one.kind === kind);
    if (remembered !== undefined) return remembered;
    // What was not there may have come since.
    const kinds = await discovery.kindsOf(apiVersion, signal);
    if (kinds === undefined) return undefined;
    if (known.size >= MOST_VERSIONS) known.clear();
    known.set(apiVersion, kinds);
    return kinds.find((one) => one.kind === kind);
  };

  return {
    find,
    async anyVersion({ apiVersion, kind }, signal) {
      const exact = await find({ apiVersion, kind }, signal);
      if (exact !== undefined) return exact;
      for (const version of await discovery.versionsOf(groupOf(apiVersion), signal)) {
        const found = await find({ apiVersion: version, kind }, signal);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
