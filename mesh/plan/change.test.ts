import { expect, test } from 'vitest';
import type { MeshEndpoint } from '../model/cluster.ts';
import type { DesiredState, PeeringState } from '../model/desired.ts';
import { planChange } from './change.ts';

const peering = (value: Partial<PeeringState> = {}): PeeringState => ({
  clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, ciliumVersion: '1.20.0', namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', peers: [], ...value,
});
const peer = (name: string, clusterId: number, endpoint: PeeringState['peers'][number]['endpoint'] = { address: `${name}.mesh.cilium.io`, port: 2379 }) => ({ name, clusterId, endpoint });
const state = (of: PeeringState | null, value: Partial<DesiredState> = {}): DesiredState => ({ schema: 1, cluster: 'berlin', mesh: of === null ? null : 'europe', peering: of, trust: { trustDomain: 'x', sequence: 1, bundlePem: '' }, failover: [], globalServices: [], ...value });

test('who joins gets its peers, and what is written is named', () => {
  expect(planChange(undefined, state(peering({ peers: [peer('oslo', 2)] })), 1)).toEqual({
    cluster: 'berlin', mesh: 'europe', clusterId: 1, clusterIdBefore: 1, peersAdded: ['oslo'], peersRemoved: [], peersChanged: [],
    writes: ['ConfigMap kube-system/clustermesh-remote-users', 'Secret kube-system/cilium-clustermesh', 'Secret kube-system/cilium-kvstoremesh'], policies: [], restarts: [],
  });
});

test('an address changes Secrets alone; a peer that is read one way no users', () => {
  const before = state(peering({ peers: [peer('oslo', 2), peer('rome', 3)], readers: ['oslo'] }));
  const after = state(peering({ peers: [peer('oslo', 2, { address: 'new.example.com', port: 2379 })], readers: ['oslo'], kvstoreMesh: false }));
  expect(planChange(before, after, 1)).toMatchObject({ peersAdded: [], peersRemoved: ['rome'], peersChanged: ['oslo'], writes: ['Secret kube-system/cilium-clustermesh'] });
});

test('who leaves is told what goes', () => {
  expect(planChange(state(peering({ peers: [peer('oslo', 2)] })), state(null), 1)).toMatchObject({ mesh: null, peersRemoved: ['oslo'], writes: ['ConfigMap kube-system/clustermesh-remote-users', 'Secret kube-system/cilium-clustermesh', 'Secret kube-system/cilium-kvstoremesh'], restarts: [] });
});

test('what restarts is said: another cluster id, and addresses before 1.20', () => {
  const after = state(peering({ clusterId: 7, ciliumVersion: '1.19.6', peers: [peer('oslo', 2, { ips: ['192.0.2.2'], port: 2379 }), peer('rome', 3)] }));
  expect(planChange(undefined, after, 4).restarts).toEqual([
    'cluster-id of berlin changes from 4 to 7 (Helm value cluster.id): all of Cilium restarts there, and pods get new identities',
    'Cilium 1.19.6 finds oslo, known by ips, through the hosts file of its pods: unless DNS has <peer>.mesh.cilium.io, clustermesh-apiserver restarts with new hostAliases',
  ]);
  expect(planChange(after, after, 7).restarts).toEqual([]);
});

test('nothing restarts where a peer by DNS name comes, nor from 1.20 on by addresses, nor when one gets credentials of its own', () => {
  const joins = (ciliumVersion: string, endpoint: MeshEndpoint): readonly string[] => planChange(state(peering({ ciliumVersion, peers: [] })), state(peering({ ciliumVersion, peers: [peer('oslo', 2, endpoint)] })), 1).restarts;
  expect(joins('1.16.19', { address: 'oslo.mesh.cilium.io', port: 2379 })).toEqual([]);
  expect(joins('1.20.0', { ips: ['192.0.2.2'], port: 2379 })).toEqual([]);
  expect(joins('1.19.6', { ips: ['192.0.2.2'], port: 2379 })).toHaveLength(1);
  const [before, after] = [undefined, { secretName: 'oslo-client', trust: 'Secret' as const }].map((tls) => state(peering({ peers: [peer('oslo', 2, { address: 'oslo.example', port: 2379, ...(tls === undefined ? {} : { tls }) })] }))) as [DesiredState, DesiredState];
  expect(planChange(before, after, 1)).toMatchObject({ peersChanged: ['oslo'], restarts: [], writes: ['Secret kube-system/cilium-clustermesh', 'Secret kube-system/cilium-kvstoremesh'] });
});

test('policies that come, go or change are named', () => {
  const rule = (policy: string, mode: 'Allow' | 'DefaultDeny') => ({ policy, mode, to: { namespaces: ['shop'] }, from: [] });
  const [before, after] = [state(null, { access: [rule('a', 'Allow'), rule('b', 'Allow'), rule('c', 'Allow')] }), state(null, { access: [rule('b', 'DefaultDeny'), rule('c', 'Allow'), rule('d', 'Allow')] })];
  expect(planChange(before, after, 0)).toMatchObject({ policies: ['a', 'b', 'd'], writes: [] });
});
