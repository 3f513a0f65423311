/** Entries that lead elsewhere than they are to: what counts, what stays, and under which mark. */
import { expect, test } from 'vitest';
import type { PeeringState, PeerState } from '../model/desired.ts';
import { heldBack, movedPeers, remoteSecret } from './moved.ts';
import { renderPeering } from './peering.ts';

const oslo: PeerState = { name: 'oslo', clusterId: 2, endpoint: { address: 'oslo.example', port: 2379 } };
const peering = (peers: readonly PeerState[], over: Partial<PeeringState> = {}): PeeringState =>
  ({ clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, ciliumVersion: '1.20.0', namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', peers, ...over });
const entries = (state: PeeringState, mark?: string): Readonly<Record<string, string>> => renderPeering(state, mark).find(({ name }) => name === remoteSecret(state))!.data;
const moved = (from: Partial<PeerState['endpoint']>, to: Partial<PeerState['endpoint']>): string[] => {
  const at = (endpoint: object): Readonly<Record<string, string>> => entries(peering([{ ...oslo, endpoint: { port: 2379, ...endpoint } }]));
  return [...movedPeers(at(to), at(from)).keys()];
};

test('another address, port, addresses or names of files are another place; another mark, another order of lines and a peer that is new are not', () => {
  expect(moved({ address: 'oslo.example' }, { address: 'oslo.example' })).toEqual([]);
  expect(moved({ address: 'oslo.example' }, { address: 'new.example' })).toEqual(['oslo']);
  expect(moved({ address: 'oslo.example' }, { address: 'oslo.example', port: 32379 })).toEqual(['oslo']);
  expect(moved({ ips: ['192.0.2.1'] }, { ips: ['192.0.2.2'] })).toEqual(['oslo']);
  const before = entries(peering([oslo]), 'first');
  expect([...movedPeers(entries(peering([oslo]), 'second'), before).keys()]).toEqual([]);
  expect([...movedPeers(entries(peering([oslo])), before).keys()]).toEqual([]);
  const lines = before['oslo']!.split('\n');
  expect([...movedPeers(before, { oslo: [...lines.slice(3), ...lines.slice(0, 3)].join('\n') }).keys()]).toEqual([]);
  expect([...movedPeers(before, { oslo: before['oslo']!.replace('/common-etcd-client.crt', '/oslo.etcd-client.crt') }).keys()]).toEqual(['oslo']);
  expect([...movedPeers(before, {}).keys()]).toEqual([]);
  expect([...movedPeers(before, { oslo: 'endpoints:\n? not read' }).keys()]).toEqual(['oslo']);
});

test('other credentials of its own lead there anew; files beside it that nobody asks for do not', () => {
  const data = (files: object): Readonly<Record<string, string>> => ({ ...entries(peering([oslo])), ...files });
  const own = { 'oslo.etcd-client.crt': 'leaf', 'oslo.etcd-client.key': 'key' };
  expect([...movedPeers(data(own), data({ ...own, 'oslo.etcd-client.key': 'other' })).keys()]).toEqual(['oslo']);
  expect([...movedPeers(data(own), data(own)).keys()]).toEqual([]);
  expect([...movedPeers(data({}), data(own)).keys()]).toEqual([]);
  expect([...movedPeers(data(own), data({ ...own, 'oslo-2.etcd-client.key': 'other' })).keys()]).toEqual([]);
});

test('what is held stays with all its keys, under the new mark; its neighbours and the Secret of agents do not', () => {
  const rome: PeerState = { name: 'rome', clusterId: 3, endpoint: { address: 'rome.example', port: 2379 } };
  const standing = { ...entries(peering([oslo]), 'old'), 'oslo.etcd-client.crt': 'leaf', 'oslo.etcd-client.key': 'key' };
  const wanted = renderPeering(peering([{ ...oslo, endpoint: { address: 'new.example', port: 2379 } }, rome]), 'new');
  const held = movedPeers(wanted.find(({ name }) => name === 'cilium-kvstoremesh')!.data, standing);
  const [agents, remote, users] = heldBack(wanted, 'cilium-kvstoremesh', held, 'new');
  expect(remote?.data).toEqual({ ...entries(peering([oslo, rome]), 'new'), 'oslo.etcd-client.crt': 'leaf', 'oslo.etcd-client.key': 'key' });
  expect([agents, users]).toEqual([wanted[0], wanted[2]]);
  expect(heldBack(wanted, 'cilium-kvstoremesh', new Map(), 'new')).toBe(wanted);
});

test('without KVStoreMesh agents are led there themselves', () => {
  expect([remoteSecret({ kvstoreMesh: true }), remoteSecret({ kvstoreMesh: false })]).toEqual(['cilium-kvstoremesh', 'cilium-clustermesh']);
});
