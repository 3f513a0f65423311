/** What a cluster says of itself in good faith, and names that are not its own. */
import { exportOf, reportOf } from '../../../controller/hub/testing/bench.ts';
import type { SyncResource, SyncType, SyncValues } from '../../../mesh/model/sync.ts';

export const ATTACKER = 'c1';
/** The first begins like the attacker's name. */
export const VICTIMS = ['c10', 'oslo'] as const;
export const FOREIGN = [...VICTIMS, 'c', '', 'C1', 'c1\0', 'c1\0c10', ' c1', 'c1/../c10', 'c1,c10', 'с1', 'c１', 'c1\u{200B}', '\u{1F600}'.repeat(100), 'spiffe://mesh.test/cluster/c10'] as const;

/** A resource of each type, as of this cluster. */
export const WELL_FORMED: { readonly [T in SyncType]: (cluster: string) => SyncResource<T> } = {
  DesiredRevision: (cluster) => ({ name: cluster, version: '1', value: { id: `sha256-${'0'.repeat(64)}`, cluster, content: '{}' } }),
  ImportedFact: (cluster) => ({ name: `${cluster}/shop/checkout`, version: '1', value: exportOf(cluster) }),
  ExportVerdict: () => ({ name: 'shop/checkout', version: '1', value: { namespace: 'shop', name: 'checkout', valid: true, reason: 'Valid', message: '', conflictReason: '', conflictMessage: '' } as SyncValues['ExportVerdict'] }),
  Evacuation: (cluster) => ({ name: 'drill', version: '1', value: { id: 'drill', service: { namespace: 'shop', name: 'checkout' }, cluster, until: 1, active: true } }),
  PeerAddress: (cluster) => ({ name: cluster, version: '1', value: { cluster, address: '127.0.0.1:1' } }),
  Revocation: (cluster) => ({ name: cluster, version: '1', value: { cluster, at: 1, reason: 'forged' } as SyncValues['Revocation'] }),
  Reader: (cluster) => ({ name: cluster, version: '1', value: { cluster, reads: true } }),
  Question: () => ({ name: 'q', version: '1', value: { id: 'q', dnsName: 'a.b', dnsType: 'A' } }),
  Bundle: () => ({ name: `sha256-${'0'.repeat(64)}`, version: '1', value: { digest: `sha256-${'0'.repeat(64)}`, content: '{}', signatures: [] } }),
  ClusterReport: (cluster) => ({ name: cluster, version: '1', value: reportOf(1) }),
  AppliedReport: (cluster) => ({ name: cluster, version: '1', value: { id: null, appliedAt: null, healthy: true, message: '', drift: [] } }),
  ExportFact: (cluster) => ({ name: 'shop/checkout', version: '1', value: exportOf(cluster) }),
  DnsSample: (cluster) => ({ name: 'drill', version: '1', value: { cluster, at: 1, servedBy: [cluster], rcode: 'NOERROR', healthy: [cluster] } }),
  PeerVerdict: (cluster) => ({ name: 'peer', version: '1', value: { cluster, peer: 'peer', colour: 'green', reasons: [], since: 0, at: 0, figures: {} } }),
  Answer: () => ({ name: 'q', version: '1', value: { id: 'q', lines: ['forged'], records: ['203.0.113.66'], rcode: 'NOERROR' } }),
};
