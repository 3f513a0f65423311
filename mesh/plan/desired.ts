/** The part of a cluster's desired state that the plan makes. */
import type { AccessRule } from '../model/access.ts';
import type { Digest } from '../model/canonical.ts';
import type { DesiredRevision, DriftOverride, PeeringState, TrustState } from '../model/desired.ts';
import { sortedByName } from '../model/order.ts';
import type { FailoverPolicyValue, GlobalServiceValue } from '../model/policy.ts';
import { revisionOf } from '../model/revision.ts';

/** The parts that every cluster gets alike. */
export interface SharedState {
  readonly trust: TrustState;
  readonly failover: readonly FailoverPolicyValue[];
  readonly globalServices: readonly GlobalServiceValue[];
}

export const sortedShared = (shared: SharedState): SharedState => ({
  trust: shared.trust, failover: sortedByName(shared.failover), globalServices: sortedByName(shared.globalServices),
});

/** `texts` has those of what many clusters share, or a mesh of n would cost n² of them. `mesh` null: the un-meshed state, in which whatever peering we wrote is removed. */
export function desiredRevision(
  cluster: string, mesh: string | null, peering: PeeringState | null, shared: SharedState, digest: Digest, texts?: ReadonlyMap<object, string>, overrides: readonly DriftOverride[] = [], access: readonly AccessRule[] = [],
): DesiredRevision {
  const { trust, failover, globalServices } = shared;
  return revisionOf({ schema: 1, cluster, mesh, peering, trust, failover, globalServices, access, overrides }, digest, texts);
}
