import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { canonicalJson } from '../model/canonical.ts';
import type { PeeringState } from '../model/desired.ts';
import type { StandingObject } from '../model/standing.ts';
import { adoptionOf } from './adopt.ts';
import { parseEntry, parseUsers } from './parse.ts';
import { renderPeering } from './peering.ts';

const goldens = new URL('goldens/', import.meta.url);
const versions = readdirSync(goldens).filter((name) => /^\d/.test(name));
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

const standingOf = (name: string, data: Readonly<Record<string, string>>, over: Partial<StandingObject> = {}): StandingObject => ({
  object: `${name.startsWith('cilium') ? 'Secret' : 'ConfigMap'} kube-system/${name}`, ours: false, owner: 'Helm release kube-system/cilium', managers: ['helm'], ...over,
  entries: Object.entries(data).map(([key, text]) => {
    const read = key === 'users.yaml' ? parseUsers(text) : text.includes('endpoints:') ? parseEntry(text) : undefined;
    return { key, sha256: digest(text), ...(read === undefined ? {} : { means: canonicalJson(read) }) };
  }),
});
const golden = (version: string, name: string): StandingObject[] => ['cilium-clustermesh', 'cilium-kvstoremesh', 'clustermesh-remote-users'].flatMap((object) => {
  const file = new URL(`${version}/${name}/${object}.json`, goldens);
  return existsSync(file) ? [standingOf(object, JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>)] : [];
});

const peeringOf = (ciliumVersion: string, over: Partial<PeeringState> = {}): PeeringState => ({
  clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, ciliumVersion, namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster',
  peers: [{ name: 'oslo', clusterId: 2, endpoint: { ips: ['10.1.0.5'], port: 32379 } }, { name: 'paris', clusterId: 3, endpoint: { ips: ['10.2.0.5', '10.2.0.6'], port: 2379 } }], ...over,
});
const verdicts = (peering: PeeringState, standing: readonly StandingObject[]) => adoptionOf(peering, standing, digest).map(({ object, verdict, differences }) => [object.split('/')[1], verdict, ...differences]);

describe.each(versions)('what the chart of Cilium %s made', (version) => {
  test('is taken over as it is where it is planned so', () => {
    expect(verdicts(peeringOf(version), golden(version, 'ips'))).toEqual([['cilium-clustermesh', 'Equal'], ['cilium-kvstoremesh', 'Equal'], ['clustermesh-remote-users', 'Equal']]);
  });

  test('is left where it has certificates of its own', () => {
    const [agents, mesh] = verdicts(peeringOf(version, { authMode: 'migration', peers: [{ name: 'oslo', clusterId: 2, endpoint: { ips: ['10.1.0.5'], port: 32379 } }, { name: 'paris', clusterId: 3, endpoint: { address: 'paris.mesh.example.com', port: 2379 } }] }), golden(version, 'own-tls'));
    expect(agents).toEqual(['cilium-clustermesh', 'Equal']);
    expect(mesh).toEqual(['cilium-kvstoremesh', 'Different',
      'peer oslo: reads oslo.etcd-client-ca.crt, oslo.etcd-client.key, oslo.etcd-client.crt there, and is planned with common-etcd-client-ca.crt, common-etcd-client.key, common-etcd-client.crt',
      'peer paris: reads common-etcd-client-ca.crt, paris.etcd-client.key, paris.etcd-client.crt there, and is planned with common-etcd-client-ca.crt, common-etcd-client.key, common-etcd-client.crt',
      ...['oslo.etcd-client-ca.crt', 'oslo.etcd-client.crt', 'oslo.etcd-client.key', 'paris.etcd-client.crt', 'paris.etcd-client.key'].map((key) => `peer ${key.split('.')[0]} has a certificate of its own there (${key})`)]);
  });

  test('is left where it goes elsewhere', () => {
    const [, mesh] = verdicts(peeringOf(version, { peers: [{ name: 'oslo', clusterId: 2, endpoint: { ips: ['10.1.0.5'], port: 32379 } }] }), golden(version, 'domain'));
    expect(mesh?.slice(0, 2)).toEqual(['cilium-kvstoremesh', 'Different']);
    expect(mesh?.[2]).toMatch(/^peer oslo: is reached at https:\/\/oslo.mesh.example.org:32379 there, and planned at https:\/\/oslo.mesh.cilium.io:32379/);
  });
});

test('peers and users that are not planned, or not there, are named', () => {
  const peering = peeringOf('1.20.0', { peers: peeringOf('').peers.slice(0, 1), readers: ['oslo', 'rome'] });
  expect(verdicts(peering, golden('1.20.0', 'ips'))).toEqual([
    ['cilium-clustermesh', 'Different', 'peer paris is there, and not planned: is it in the mesh, joined, and under this name?'],
    ['cilium-kvstoremesh', 'Different', 'peer paris is there, and not planned: is it in the mesh, joined, and under this name?'],
    ['clustermesh-remote-users', 'Different', 'remote-rome may not log in there; remote-paris may log in there, and no planned cluster reads it so'],
  ]);
});

test('the same in other words, nothing at all, ours already, and what we do not write', () => {
  const peering = peeringOf('1.20.0', { kvstoreMesh: false });
  const [secret, users] = renderPeering(peering);
  const standing = [
    standingOf('cilium-clustermesh', Object.fromEntries(Object.entries(secret!.data).map(([key, text]) => [key, `# by hand\n${text}\n`]))),
    standingOf('cilium-kvstoremesh', {}), standingOf('clustermesh-remote-users', users!.data, { ours: true }),
  ];
  expect(verdicts(peering, standing)).toEqual([['cilium-clustermesh', 'Same'], ['clustermesh-remote-users', 'Ours'], ['cilium-kvstoremesh', 'Unneeded']]);
  expect(verdicts(peering, [])).toEqual([['cilium-clustermesh', 'Absent'], ['clustermesh-remote-users', 'Absent']]);
});

test.each(versions)('credentials for one peer are taken over where they are planned so, and are a difference where not: %s', (version) => {
  const standing = golden(version, 'own-tls');
  const entries = JSON.parse(readFileSync(new URL(`${version}/own-tls/cilium-kvstoremesh.json`, goldens), 'utf8')) as Record<string, string>;
  const peers = Object.keys(entries).filter((key) => entries[key]!.includes('endpoints:')).map((name, index) => {
    const read = parseEntry(entries[name]!)!;
    const at = new URL(read.endpoints[0]!);
    const owned = read.certFile?.includes(`/${name}.`) === true;
    return {
      name, clusterId: index + 2,
      endpoint: { ...(at.hostname === `${name}.mesh.cilium.io` ? ipsOf(version, name) : { address: at.hostname }), port: Number(at.port), ...(owned ? { tls: { secretName: `${name}-client`, trust: read.trustedCaFile?.includes(`/${name}.`) === true ? 'Secret' as const : 'Mesh' as const } } : {}) },
    };
  });
  expect(peers.some(({ endpoint }) => 'tls' in endpoint)).toBe(true);
  const planned = verdicts(peeringOf(version, { peers }), standing);
  expect(planned.map(([, verdict]) => verdict)).toEqual(['Equal', 'Equal', 'Equal']);
  const bare = verdicts(peeringOf(version, { peers: peers.map(({ endpoint: { tls: _, ...endpoint }, ...peer }) => ({ ...peer, endpoint })) }), standing);
  expect(bare.find(([object]) => object === 'cilium-kvstoremesh')?.[1]).toBe('Different');
});

const ipsOf = (version: string, name: string): { ips: string[] } => ({ ips: (parse(readFileSync(new URL('values/own-tls.yaml', goldens), 'utf8')) as { clustermesh: { config: { clusters: { name: string; ips?: string[] }[] } } }).clustermesh.config.clusters.find((cluster) => cluster.name === name)?.ips ?? [version] });
