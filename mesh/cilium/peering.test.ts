import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { MeshEndpoint } from '../model/cluster.ts';
import type { PeeringState, PeerState } from '../model/desired.ts';
import { credentialsIn, filledBy, type PeerCredentials } from './own-tls.ts';
import { type CredentialsOf, renderPeering } from './peering.ts';

const goldens = new URL('goldens/', import.meta.url);
const OBJECTS = ['cilium-clustermesh', 'cilium-kvstoremesh', 'clustermesh-remote-users'];

interface ChartValues {
  cluster: { name: string; id: number };
  clustermesh: {
    maxConnectedClusters: 255 | 511;
    apiserver: { kvstoremesh: { enabled: boolean }; tls: { authMode: PeeringState['authMode'] } };
    config: { clusters: (MeshEndpoint & { name: string; tls?: { cert: string; key: string; caCert?: string } })[] };
  };
}

const decode = (text: string): string => Buffer.from(text, 'base64').toString();

function peeringOf(values: ChartValues, ciliumVersion: string): PeeringState {
  const { cluster, clustermesh } = values;
  return {
    clusterName: cluster.name, clusterId: cluster.id, maxConnectedClusters: clustermesh.maxConnectedClusters, ciliumVersion, namespace: 'kube-system',
    kvstoreMesh: clustermesh.apiserver.kvstoremesh.enabled, authMode: clustermesh.apiserver.tls.authMode,
    peers: clustermesh.config.clusters.map(({ name, tls, ...endpoint }, index): PeerState => ({
      name, clusterId: index + 100, endpoint: { ...endpoint, ...(tls === undefined ? {} : { tls: { secretName: `${name}-client`, trust: tls.caCert === undefined ? 'Mesh' : 'Secret' } }) },
    })),
  };
}

const credentialsOf = ({ clustermesh }: ChartValues): CredentialsOf => (peer) => {
  const tls = clustermesh.config.clusters.find(({ name }) => name === peer)?.tls;
  return tls === undefined ? undefined : { cert: decode(tls.cert), key: decode(tls.key), ...(tls.caCert === undefined ? {} : { caCert: decode(tls.caCert) }) };
};

const versions = readdirSync(goldens).filter((name) => /^\d/.test(name));
const cases = readdirSync(new URL('values/', goldens)).map((name) => name.replace('.yaml', '')).sort();

test('the chart was rendered for every minor version from 1.16 to 1.20', () => {
  expect(versions.map((version) => version.split('.').slice(0, 2).join('.'))).toEqual(['1.16', '1.17', '1.18', '1.19', '1.20']);
  expect(cases).toEqual(['address', 'alone', 'alone-no-kvstoremesh', 'dual-stack', 'ips', 'legacy', 'legacy-no-kvstoremesh', 'limits', 'migration', 'no-kvstoremesh', 'own-tls', 'own-tls-no-kvstoremesh']);
});

describe.each(versions)('Cilium %s', (version) => {
  test.each(cases)('%s: the same objects, byte for byte, as the chart', (name) => {
    const values = parse(readFileSync(new URL(`values/${name}.yaml`, goldens), 'utf8')) as ChartValues;
    const rendered = Object.fromEntries(renderPeering(peeringOf(values, version), undefined, credentialsOf(values)).map((object) => [object.name, object.data]));
    const wanted: Record<string, Record<string, string>> = {};
    for (const object of OBJECTS) {
      const file = new URL(`${version}/${name}/${object}.json`, goldens);
      if (existsSync(file)) wanted[object] = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    }
    expect(Object.keys(wanted).length).toBeGreaterThan(0);
    expect(rendered).toEqual(wanted);
  });
});

const base: PeeringState = {
  clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, ciliumVersion: '1.20.0', namespace: 'kube-system', kvstoreMesh: false, authMode: 'cluster', peers: [],
};

test('no endpoint, however strange, adds or changes another field of the file', () => {
  fc.assert(fc.property(fc.string(), fc.array(fc.string(), { minLength: 1, maxLength: 3 }), (address, ips) => {
    const [byName] = renderPeering({ ...base, peers: [{ name: 'oslo', clusterId: 2, endpoint: { address, port: 2379 } }] });
    expect(parse(byName!.data['oslo']!)).toEqual({
      endpoints: [`https://${address}:2379`],
      'trusted-ca-file': expect.any(String) as string, 'key-file': expect.any(String) as string, 'cert-file': expect.any(String) as string,
    });
    const [byIps] = renderPeering({ ...base, peers: [{ name: 'oslo', clusterId: 2, endpoint: { ips, port: 2379 } }] });
    expect((parse(byIps!.data['oslo']!) as Record<string, unknown>)['cilium-host-aliases']).toEqual([{ hostname: 'oslo.mesh.cilium.io', ips }]);
  }));
});

test('a version that cannot be read, or is newer than any known, gets the newest format', () => {
  const peers: PeerState[] = [{ name: 'oslo', clusterId: 2, endpoint: { ips: ['10.1.0.5'], port: 2379 } }];
  const newest = renderPeering({ ...base, peers });
  for (const ciliumVersion of ['', 'main', '1.21.0-pre.0', 'v1.20.1', '2.0.0']) expect(renderPeering({ ...base, ciliumVersion, peers })).toEqual(newest);
});

test('users are those who read this cluster; peers are those whom it reads', () => {
  const peers: PeerState[] = [{ name: 'oslo', clusterId: 2, endpoint: { ips: ['10.1.0.5'], port: 2379 } }];
  const data = (peering: PeeringState) => Object.fromEntries(renderPeering(peering).map((object) => [object.name, object.data]));
  expect(data({ ...base, peers })['clustermesh-remote-users']).toEqual({ 'users.yaml': 'users:\n- name: remote-oslo\n  role: remote\n' });
  const oneWay = data({ ...base, peers, readers: ['paris', 'virginia'] });
  expect([Object.keys(oneWay['cilium-clustermesh']!), oneWay['clustermesh-remote-users']]).toEqual([['oslo'], { 'users.yaml': 'users:\n- name: remote-paris\n  role: remote\n- name: remote-virginia\n  role: remote\n' }]);
});

test('credentials for one peer: files beside its entry, a line that changes with their roots, and names alone where nobody gives them', () => {
  const tls = { secretName: 'oslo-client', trust: 'Secret' } as const;
  const peers: PeerState[] = [{ name: 'oslo', clusterId: 2, endpoint: { address: 'oslo.example', port: 2379, tls } }, { name: 'rome', clusterId: 3, endpoint: { address: 'rome.example', port: 2379 } }];
  const credentials: PeerCredentials = { cert: 'CERT', key: 'KEY', caCert: 'CA', mark: 'abc' };
  const [secret] = renderPeering({ ...base, peers }, 'm1', (peer) => (peer === 'oslo' ? credentials : undefined));
  expect(secret!.data['oslo']!.split('\n').slice(0, 3)).toEqual(['# trusts m1', '# own roots abc', 'endpoints:']);
  expect(secret!.data['rome']).not.toContain('own roots');
  expect(credentialsIn(secret!.data, 'oslo', tls)).toEqual(credentials);
  expect(credentialsIn(secret!.data, 'oslo', { ...tls, trust: 'Mesh' })).toBeUndefined();
  expect(credentialsIn(secret!.data, 'rome', tls)).toBeUndefined();
  const [bare] = renderPeering({ ...base, peers });
  expect(Object.keys(bare!.data)).toEqual(['oslo', 'rome']);
  expect(bare!.data['oslo']).toContain('key-file: /var/lib/cilium/clustermesh/oslo.etcd-client.key');
  expect(filledBy(peers[0]!)).toEqual([['oslo.etcd-client-ca.crt', 'ca.crt'], ['oslo.etcd-client.crt', 'tls.crt'], ['oslo.etcd-client.key', 'tls.key']]);
  expect([filledBy({ name: 'oslo', endpoint: { port: 1, tls: { ...tls, trust: 'Mesh' } } }).length, filledBy(peers[1]!)]).toEqual([2, []]);
});
