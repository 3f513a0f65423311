/** The directory of agents: who reaches whom where, so that agents ask each other when the hub is away. */
import type { Fleet } from '../gateway/fleet.ts';
import type { Publishers } from '../gateway/publishers.ts';

export function publishPeers(fleet: Fleet, publishers: Publishers): void {
  fleet.subscribe(({ cluster, type }) => {
    if (type !== 'ClusterReport' && type !== 'Connection') return;
    const address = fleet.value(cluster, 'ClusterReport', cluster)?.value.peerAddress ?? '';
    if (address !== '') publishers.tellAll('PeerAddress', cluster, { cluster, address }, cluster);
    else publishers.untellAll('PeerAddress', cluster);
  });
}
