import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { DesiredState, PeerState } from './desired.ts';
import { stateChanges } from './state-change.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const KEY = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----\n';
const peer = (name: string, more: Partial<PeerState> = {}): PeerState => ({ name, clusterId: name.length, endpoint: { address: `${name}.example.com`, port: 2379 }, ...more });
const state = (peers: readonly PeerState[], more: Partial<DesiredState> = {}): DesiredState => ({
  schema: 1, cluster: 'berlin', mesh: 'europe', trust: { trustDomain: 'test', sequence: 1, bundlePem: 'x'.repeat(500) }, failover: [], globalServices: [],
  peering: { clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, ciliumVersion: '1.18.2', namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', peers }, ...more,
});

test('fields that differ are named by their path, items of lists by their name', () => {
  const before = state([peer('oslo'), peer('paris')], { bundles: [{ package: 'cilium', version: '1.18.2', digest: 'sha256-a' }] });
  const after = state([peer('oslo', { clusterId: 9 }), peer('rome')], { bundles: [{ package: 'cilium', version: '1.18.3', digest: 'sha256-b' }] });
  expect(stateChanges(before, after, digest)).toEqual([
    { path: '.bundles[cilium].digest', before: '"sha256-a"', after: '"sha256-b"' },
    { path: '.bundles[cilium].version', before: '"1.18.2"', after: '"1.18.3"' },
    { path: '.peering.peers[oslo].clusterId', before: '4', after: '9' },
    { path: '.peering.peers[paris].clusterId', before: '5', after: null },
    { path: '.peering.peers[paris].endpoint.address', before: '"paris.example.com"', after: null },
    { path: '.peering.peers[paris].endpoint.port', before: '2379', after: null },
    { path: '.peering.peers[paris].name', before: '"paris"', after: null },
    { path: '.peering.peers[rome].clusterId', before: null, after: '4' },
    { path: '.peering.peers[rome].endpoint.address', before: null, after: '"rome.example.com"' },
    { path: '.peering.peers[rome].endpoint.port', before: null, after: '2379' },
    { path: '.peering.peers[rome].name', before: null, after: '"rome"' },
  ]);
  expect(stateChanges(after, after, digest)).toEqual([]);
});

test('a private key is never shown, whether it changes, comes or goes with its peer', () => {
  const keyed = (address: string): Partial<PeerState> => ({ endpoint: { address, port: 2379 } });
  const changes = [
    ...stateChanges(state([peer('oslo', keyed(KEY))]), state([peer('oslo', keyed(`${KEY}2`))]), digest), ...stateChanges(state([]), state([peer('oslo', keyed(KEY))]), digest),
    ...stateChanges(state([peer('oslo', keyed(KEY))]), state([], { peering: null }), digest), ...stateChanges(undefined, state([peer('oslo', keyed(KEY))]), digest),
  ];
  expect(changes.filter(({ path }) => path === '.peering.peers[oslo].endpoint.address')).toHaveLength(4);
  expect(changes.filter(({ secret }) => secret === true)).toHaveLength(4);
  expect(JSON.stringify(changes)).not.toContain('MC4CAQ');
  expect(JSON.stringify(changes)).toContain('sha256:');
});

test('what is long is told by its digest', () => {
  const [change] = stateChanges(state([]), state([], { trust: { trustDomain: 'test', sequence: 1, bundlePem: 'y'.repeat(500) } }), digest);
  expect(change).toMatchObject({ path: '.trust.bundlePem', before: expect.stringMatching(/^sha256:[0-9a-f]{12}$/), after: expect.stringMatching(/^sha256:/) });
  expect(change?.secret).toBeUndefined();
});
