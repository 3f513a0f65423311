import { expect, test } from 'vitest';
import type { PeeringState } from '../model/desired.ts';
import { renderPeering } from './peering.ts';
import { namesPeer, strippedOf, usersIn, withoutPeers } from './revoked.ts';

const peering: PeeringState = {
  clusterName: 'oslo', clusterId: 2, maxConnectedClusters: 255, ciliumVersion: '1.18.12', namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster',
  peers: ['berlin', 'berlin-2'].map((name, index) => ({ name, clusterId: 3 + index, endpoint: { address: `${name}.example`, port: 2379 }, tls: { cert: 'C', key: 'K' } })),
};
const users = (text: string) => ({ kind: 'ConfigMap' as const, data: { 'users.yaml': text } });

test('what is rendered without a peer names it nowhere, and its neighbour of a similar name everywhere', () => {
  for (const object of renderPeering(peering)) expect(namesPeer(object, 'berlin')).toBe(true);
  const rest = renderPeering(withoutPeers(peering, (name) => name === 'berlin'));
  for (const object of rest) expect([namesPeer(object, 'berlin'), namesPeer(object, 'berlin-2')], object.name).toEqual([false, true]);
  expect(withoutPeers(peering, () => false)).toBe(peering);
});

test('taking a peer out of what we rendered is what we render without it', () => {
  const without = renderPeering(withoutPeers(peering, (name) => name === 'berlin'));
  for (const [index, object] of renderPeering(peering).entries()) {
    const change = strippedOf(object, ['berlin'], 'unused');
    const data = Object.fromEntries(Object.entries({ ...object.data, ...change }).filter(([, value]) => value !== null));
    expect(data).toEqual(without[index]?.data);
  }
  expect(usersIn(renderPeering(peering).find(({ kind }) => kind === 'ConfigMap')!)).toEqual(['berlin', 'berlin-2']);
});

test.each([
  ['users:\n  - role: remote\n    name: remote-berlin\n  - name: remote-paris # ours\n    role: remote\n', 'users:\n  - name: remote-paris # ours\n    role: remote\n'],
  ['users:\n- name: "remote-berlin"\n  role: remote\nother: 1', 'users:\nother: 1'],
  ['users: [{name: remote-berlin, role: remote}, {name: remote-paris}]', 'OURS'],
])('what others wrote stays but for the user: %j', (before, after) => {
  expect(strippedOf(users(before), ['berlin'], 'OURS')).toEqual({ 'users.yaml': after });
  expect(strippedOf(users(after), ['berlin'], 'OURS')).toEqual({});
});

test('who was cut off is neither peer nor reader', () => {
  const peering = { clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255 as const, ciliumVersion: '1.20.0', namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster' as const, peers: [{ name: 'oslo', clusterId: 2, endpoint: { ips: ['10.1.0.5'], port: 2379 } }], readers: ['oslo', 'paris'] };
  expect(withoutPeers(peering, (name) => name === 'paris')).toMatchObject({ peers: [{ name: 'oslo' }], readers: ['oslo'] });
  expect(withoutPeers(peering, (name) => name === 'oslo')).toMatchObject({ peers: [], readers: ['paris'] });
  expect(withoutPeers(peering, () => false)).toBe(peering);
});
