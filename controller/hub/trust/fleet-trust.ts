/** Whom every cluster believes, as its agent said last. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { ClusterTrust } from '../../../mesh/model/trust.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Revocations } from '../identity/revocation.ts';

export interface FleetTrustParts {
  readonly clusters: Cache<ClusterObject>;
  readonly fleet: Fleet;
  readonly revocations: Pick<Revocations, 'isCutOff' | 'subscribe'>;
}

/** Who never joined gets the bundle of the day when it does. */
export function fleetTrust({ clusters, fleet, revocations }: FleetTrustParts): ClusterTrust[] {
  return clusters.list().filter(({ status }) => status?.identity !== undefined).map(({ metadata: { name } }) => {
    const connection = fleet.connection(name);
    const { trust: use, message: said = '' } = fleet.value(name, 'AppliedReport', name)?.value ?? {};
    return { name, revoked: revocations.isCutOff(name), connected: connection?.connected === true, ...(connection === undefined ? {} : { since: connection.since }), ...(use === undefined ? {} : { use }), ...(said === '' ? {} : { said }) };
  });
}
