import { describe, expect, test } from 'vitest';
import type { CiliumFacts, ClusterView, MeshEndpoint } from '../model/cluster.ts';
import type { MeshValue } from '../model/policy.ts';
import type { Member } from './members.ts';
import { meshServerConflicts } from './mesh-server.ts';

const MESH: MeshValue = { name: 'europe', generation: 1, clusters: {}, maxConnectedClusters: 255, strategy: 'default', allowVersionSkewMinors: 1 };
const member = (name: string, facts: Partial<CiliumFacts> = {}): Member => ({
  name, view: {} as ClusterView,
  cilium: { version: '1.20.0', clusterName: name, clusterId: 0, maxConnectedClusters: 255, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', ...facts },
});
const address = (text: string): MeshEndpoint => ({ address: text, port: 2379 });
const found = (members: Member[], endpoints: Record<string, MeshEndpoint> = {}, reads: (reader: string, read: string) => boolean = (a, b) => a !== b) =>
  meshServerConflicts(MESH, members, new Map(Object.entries(endpoints)), reads).map(({ reason, clusters, message }) => [reason, clusters.join(), message] as const);

describe('users', () => {
  test('that no pod reads are refused; those that a pod waits for are said', () => {
    expect(found([member('a'), member('b', { remoteUsers: 'NotMounted' }), member('c', { remoteUsers: 'RequiredAndMissing' }), member('d', { remoteUsers: 'Mounted' })])).toMatchObject([
      ['RemoteUsersNotRead', 'b', expect.stringContaining('authMode to cluster') as string], ['RemoteUsersRequired', 'c', expect.stringContaining('written with the cluster\'s first state') as string],
    ]);
    expect(found([member('a'), member('b', { authMode: 'legacy', remoteUsers: 'NotMounted' })])).toEqual([]);
    expect(found([member('b', { remoteUsers: 'NotMounted' })])).toEqual([]);
  });
  test('of both modes: who is behind is named', () => {
    expect(found([member('a'), member('b', { authMode: 'migration' })])).toMatchObject([['AuthModeMixed', 'b', expect.stringContaining('migration in b and cluster in a') as string]]);
  });
});

describe('an address', () => {
  test('must be a name of the certificate: Isthmus\' own, or what that of others has', () => {
    const of = (text: string, facts: Partial<CiliumFacts> = {}) => found([member('a'), member('b', facts)], { b: address(text) }).map(([reason]) => reason);
    for (const right of ['b.mesh.cilium.io', 'B.Mesh.Cilium.io', '127.0.0.1', 'clustermesh-apiserver.kube-system.svc']) expect([right, of(right)]).toEqual([right, []]);
    for (const wrong of ['a.mesh.cilium.io', 'lb.example.com', '203.0.113.7', 'x.b.mesh.cilium.io', 'mesh.cilium.io']) expect([wrong, of(wrong)]).toEqual([wrong, ['EndpointUncertified']]);
    const serverNames = ['*.mesh.cilium.io', 'lb.example.com'];
    for (const right of ['a.mesh.cilium.io', 'lb.example.com', '203.0.113.7']) expect([right, of(right, { serverNames })]).toEqual([right, []]);
    for (const wrong of ['x.b.mesh.cilium.io', 'mesh.cilium.io', 'other.example.com']) expect([wrong, of(wrong, { serverNames })]).toEqual([wrong, ['EndpointUncertified']]);
  });
  test('in figures is found by old versions through the hosts file alone: readers are named, and only they', () => {
    const old = member('old', { version: '1.19.6' });
    const ips: MeshEndpoint = { ips: ['192.0.2.1'], port: 2379 };
    expect(found([member('a'), old], { a: ips })).toMatchObject([['HostAliasesNeeded', 'old', expect.stringContaining('older than 1.20') as string]]);
    expect(found([member('a'), old], { old: ips })).toEqual([]);
    expect(found([member('a'), old], { a: ips }, (reader) => reader === 'a')).toEqual([]);
    expect(found([member('a'), old], { a: address('a.mesh.cilium.io') })).toEqual([]);
  });
});

test('KVStoreMesh in some and not in others is said', () => {
  expect(found([member('a'), member('b', { kvstoreMesh: false })])).toMatchObject([['KVStoreMeshMixed', 'b', expect.stringContaining('b has no KVStoreMesh') as string]]);
  expect(found([member('a', { kvstoreMesh: false }), member('b', { kvstoreMesh: false })])).toEqual([]);
});

describe('certificates that others made', () => {
  const signed = (...roots: string[]): Partial<CiliumFacts> => ({ foreignTrust: { roots, signedBy: roots.slice(0, 1) } });
  test('are right where each believes what signed the other\'s', () => {
    expect(found([member('a', signed('one', 'two')), member('b', signed('two', 'one'))])).toEqual([]);
    expect(found([member('a', signed('one')), member('b', signed('two', 'one'))]).map(([reason, cluster]) => [reason, cluster])).toEqual([['TrustMismatch', 'a'], ['TrustMismatch', 'b']]);
  });
  test('and Isthmus\' own do not go together; who does not read each other is not judged', () => {
    expect(found([member('a'), member('b', signed('one'))])).toMatchObject([['TrustMismatch', 'b', expect.stringContaining('delete those Secrets') as string]]);
    expect(found([member('a'), member('b', signed('one'))], {}, () => false)).toEqual([]);
  });
  test('are not judged where the peer is read with credentials for it alone', () => {
    const own = (name: string): Record<string, MeshEndpoint> => ({ [name]: { address: `${name}.mesh.cilium.io`, port: 2379, tls: { secretName: 'own', trust: 'Secret' } } });
    const both = [member('a'), member('b', signed('one'))];
    expect(found(both, own('b'), (reader) => reader === 'a')).toEqual([]);
    expect(found(both, own('b'))).toMatchObject([['TrustMismatch', 'b', expect.stringContaining('spec.meshEndpoint.tls of Cluster b') as string]]);
    expect(found(both, { ...own('a'), ...own('b') })).toEqual([]);
  });
});
