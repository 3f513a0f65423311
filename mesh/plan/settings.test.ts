import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CiliumFacts, ClusterView } from '../model/cluster.ts';
import { NO_IDS } from '../model/mesh-ids.ts';
import type { MeshValue } from '../model/policy.ts';
import { planIds } from './ids.ts';
import type { Member } from './members.ts';
import { settingConflicts } from './settings.ts';

const MESH: MeshValue = { name: 'europe', generation: 1, clusters: {}, maxConnectedClusters: 255, strategy: 'default', allowVersionSkewMinors: 1 };
const member = (name: string, settings?: CiliumFacts['settings'], facts: Partial<CiliumFacts> = {}): Member => ({
  name, view: {} as ClusterView,
  cilium: {
    version: '1.19.6', clusterName: name, clusterId: 0, maxConnectedClusters: 255, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', ...(settings === undefined ? {} : { settings }), ...facts,
  },
});
const TUNNEL = { 'routing-mode': 'tunnel', 'tunnel-protocol': 'vxlan', 'enable-ipv4': 'true', 'enable-ipv6': 'false' } as const;
const of = (...members: Member[]) => settingConflicts(MESH, members);

test('clusters alike are peered, and who tells nothing is not judged', () => {
  expect(of(member('berlin', TUNNEL), member('oslo', TUNNEL), member('paris'), member('rome', {}))).toEqual([]);
});

describe('refused, with object, values and way out', () => {
  test('routing modes that differ: those to change are the fewer', () => {
    expect(of(member('berlin', TUNNEL), member('oslo', { ...TUNNEL, 'routing-mode': 'native' }), member('paris', TUNNEL))).toEqual([{
      reason: 'RoutingModeMismatch', clusters: ['oslo'],
      message: 'Mesh europe: Cilium\'s Helm value routingMode is "tunnel" in berlin, paris and "native" in oslo; clusters of a mesh must have the same: change oslo, or put them into a mesh of their own',
    }]);
  });
  test('tunnel protocols, where there is a tunnel', () => {
    const geneve = { ...TUNNEL, 'tunnel-protocol': 'geneve' };
    expect(of(member('berlin', TUNNEL), member('oslo', geneve)).map(({ reason }) => reason)).toEqual(['TunnelProtocolMismatch']);
    expect(of(member('berlin', { ...TUNNEL, 'routing-mode': 'native' }), member('oslo', { ...geneve, 'routing-mode': 'native' }))).toEqual([]);
  });
  test('encryption in one and not in the other', () => {
    expect(of(member('berlin', { ...TUNNEL, 'enable-wireguard': 'true' }), member('oslo', TUNNEL), member('paris', { ...TUNNEL, 'enable-ipsec': 'true' }))).toMatchObject([{ reason: 'EncryptionMismatch', message: expect.stringContaining('"ipsec" in paris and "none" in oslo and "wireguard" in berlin') as string }]);
  });
  test('no IP family in common', () => {
    const six = { ...TUNNEL, 'enable-ipv4': 'false', 'enable-ipv6': 'true' };
    const both = { ...TUNNEL, 'enable-ipv6': 'true' };
    expect(of(member('berlin', TUNNEL), member('oslo', six), member('paris', TUNNEL))).toMatchObject([{ reason: 'IPFamilyMismatch', clusters: ['oslo'] }]);
    expect(of(member('berlin', both), member('oslo', six))).toEqual([]);
  });
  test('names that no mesh takes', () => {
    for (const name of ['default', 'a'.repeat(33), 'Berlin', 'a.b', '-a', '']) expect(of(member(name)).map(({ reason }) => reason)).toEqual(['ClusterNameInvalid']);
    for (const name of ['a', '0', 'a-b', 'a'.repeat(32)]) expect(of(member(name))).toEqual([]);
  });
});

describe('ids where packets carry other marks', () => {
  const eni = { ...TUNNEL, ipam: 'eni' } as const;
  test('one that Cilium has is refused there and right elsewhere', () => {
    const ids = (id: number, settings: CiliumFacts['settings']) => planIds([member('berlin', settings, { clusterId: id })], NO_IDS, 511);
    expect(ids(200, eni).conflicts).toMatchObject([{ reason: 'ClusterIdConflict', clusters: ['berlin'], message: expect.stringContaining('cluster-id is 200, which Cilium cannot use with IPAM eni') as string }]);
    expect(ids(400, { ...TUNNEL, 'cni-chaining-mode': 'aws-cni' }).conflicts).toMatchObject([{ message: expect.stringContaining('CNI chaining aws-cni') as string }]);
    for (const id of [1, 127, 256, 383]) expect(ids(id, eni).conflicts).toEqual([]);
    expect(ids(200, TUNNEL).conflicts).toEqual([]);
  });
  test('any fleet: those get ids that they can use, before the others take them', () => {
    fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 255 }), (narrow) => {
      const members = narrow.map((one, index) => member(`c${String(index).padStart(3, '0')}`, one ? eni : TUNNEL));
      const { ids, conflicts } = planIds(members, NO_IDS, 255);
      const many = narrow.filter(Boolean).length;
      expect(conflicts).toHaveLength(Math.max(0, many - 127));
      expect(new Set(ids.values()).size).toBe(ids.size);
      for (const { name, cilium } of members) if (cilium.settings?.ipam === 'eni' && ids.has(name)) expect(ids.get(name)! % 256).toBeLessThan(128);
    }));
  });
});

test('identities from CRDs here and from an etcd there do not go together; a migration between them counts whence they are read', () => {
  const mode = (value: string) => ({ ...TUNNEL, 'identity-allocation-mode': value });
  expect(of(member('berlin', mode('crd')), member('oslo', mode('doublewrite-readkvstore')))).toMatchObject([{ reason: 'IdentityModeMismatch' }]);
  expect(of(member('berlin', mode('crd')), member('oslo', mode('doublewrite-readcrd')))).toEqual([]);
});

test('a cluster whose identities are in its own etcd alone cannot be peered, by whatever agreement', () => {
  const mode = (value: string) => ({ ...TUNNEL, 'identity-allocation-mode': value });
  expect(of(member('berlin', mode('kvstore')), member('oslo', mode('kvstore'))).map(({ reason, clusters }) => [reason, clusters])).toEqual([['KvstoreIdentities', ['berlin']], ['KvstoreIdentities', ['oslo']]]);
  expect(of(member('berlin', mode('doublewrite-readkvstore')), member('oslo', mode('kvstore'))).map(({ reason, clusters }) => [reason, clusters])).toEqual([['KvstoreIdentities', ['oslo']]]);
});

test('without kube-proxy replacement: said, by name', () => {
  expect(of(member('berlin', TUNNEL), member('oslo', { ...TUNNEL, 'kube-proxy-replacement': 'false' }))).toMatchObject([{ reason: 'KubeProxyReplacementOff', clusters: ['oslo'] }]);
  expect(of(member('oslo', { ...TUNNEL, 'kube-proxy-replacement': 'false' }))).toEqual([]);
});
