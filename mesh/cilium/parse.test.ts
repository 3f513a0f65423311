import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { MeshEndpoint } from '../model/cluster.ts';
import type { PeeringState, PeerState } from '../model/desired.ts';
import { keepingBytes, meansTheSame, parseEntry, parseUsers, peersIn } from './parse.ts';
import { renderPeering } from './peering.ts';
import { readYaml } from './read-yaml.ts';

const goldens = new URL('goldens/', import.meta.url);
const files = readdirSync(goldens, { recursive: true, encoding: 'utf8' }).filter((name) => /^\d.*\/(cilium-|clustermesh-remote)[^/]*\.json$/.test(name));

test('reads all that charts render as a YAML library does', () => {
  expect(files.length).toBeGreaterThan(150);
  for (const name of files) {
    for (const [key, text] of Object.entries(JSON.parse(readFileSync(new URL(name, goldens), 'utf8')) as Record<string, string>)) {
      if (!/etcd-client/.test(key)) expect([name, key, readYaml(text)]).toEqual([name, key, parse(text)]);
    }
  }
});

test('what another chart or another mode wrote is read, and is not what we write', () => {
  const entry = (name: string, object: string, peer = 'oslo') => parseEntry((JSON.parse(readFileSync(new URL(`${name}/${object}.json`, goldens), 'utf8')) as Record<string, string>)[peer] ?? '');
  expect(entry('1.20.0/domain', 'cilium-kvstoremesh')).toMatchObject({ endpoints: ['https://oslo.mesh.example.org:32379'], hostAliases: [{ hostname: 'oslo.mesh.example.org', ips: ['10.1.0.5'] }] });
  expect(entry('1.20.0/external', 'cilium-clustermesh')).toEqual({
    endpoints: ['https://etcd-1.example.com:2379', 'https://etcd-2.example.com:2379'], trustedCaFile: '/var/lib/etcd-secrets/etcd-client-ca.crt', keyFile: '/var/lib/etcd-secrets/etcd-client.key', certFile: '/var/lib/etcd-secrets/etcd-client.crt', hostAliases: [], others: [],
  });
});

const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/);
const endpoint: fc.Arbitrary<MeshEndpoint> = fc.oneof(
  fc.record({ address: fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6().map((ip) => `[${ip}]`)), port: fc.integer({ min: 1, max: 65535 }) }),
  fc.record({ ips: fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { minLength: 1, maxLength: 4 }), port: fc.integer({ min: 1, max: 65535 }) }),
);
const peering: fc.Arbitrary<PeeringState> = fc.record({
  clusterName: name, clusterId: fc.integer({ min: 1, max: 511 }), maxConnectedClusters: fc.constantFrom(255 as const, 511 as const), ciliumVersion: fc.constantFrom('1.16.19', '1.18.12', '1.19.6', '1.20.0'),
  namespace: fc.constantFrom('kube-system', 'cilium'), kvstoreMesh: fc.boolean(), authMode: fc.constantFrom('migration' as const, 'cluster' as const),
  peers: fc.uniqueArray(fc.record({ name, clusterId: fc.integer({ min: 1, max: 511 }), endpoint, tls: fc.option(fc.constant({ secretName: 'own', trust: 'Secret' as const }), { nil: undefined }) }), { selector: (peer) => peer.name, maxLength: 4 })
    .map((peers) => peers.map(({ tls, endpoint: at, ...peer }): PeerState => ({ ...peer, endpoint: { ...at, ...(tls === undefined ? {} : { tls }) } }))),
});

test('reading what was rendered gives what it was rendered from', () => {
  fc.assert(fc.property(peering, fc.option(fc.constant('0123456789abcdef'), { nil: undefined }), (state, mark) => {
    const objects = new Map(renderPeering(state, mark, () => ({ cert: 'CERT', key: 'KEY', caCert: 'CA', mark: 'own' })).map((object) => [object.name, object]));
    const remote = objects.get(state.kvstoreMesh ? 'cilium-kvstoremesh' : 'cilium-clustermesh')!;
    expect(peersIn(remote)).toEqual(state.peers.map((peer) => peer.name).sort());
    for (const peer of state.peers) {
      const hostname = `${peer.name}.mesh.cilium.io`;
      expect(parseEntry(remote.data[peer.name]!)).toEqual({
        endpoints: [`https://${peer.endpoint.address ?? hostname}:${peer.endpoint.port}`],
        ...Object.fromEntries([['trustedCaFile', 'etcd-client-ca.crt'], ['keyFile', 'etcd-client.key'], ['certFile', 'etcd-client.crt']].map(([field, file]) => [field, `/var/lib/cilium/clustermesh/${peer.endpoint.tls === undefined ? 'common-' : `${peer.name}.`}${file}`])),
        hostAliases: peer.endpoint.ips === undefined || state.ciliumVersion !== '1.20.0' ? [] : [{ hostname, ips: peer.endpoint.ips }], others: [],
      });
    }
    const users = parseUsers(objects.get('clustermesh-remote-users')!.data['users.yaml']!)!.map((user) => user.name);
    const own = state.kvstoreMesh && state.ciliumVersion === '1.16.19' ? [state.clusterName] : [];
    expect([...users].sort()).toEqual([...own, ...state.peers.map((peer) => peer.name)].map((cluster) => `remote-${cluster}`).sort());
  }));
});

test('whatever is read is what a YAML library reads; what is not, is not guessed', () => {
  const line = fc.constantFrom('a: 1', 'b:', '- c', '  - d: e', '  f: "g"', "h: 'i''s' # j", '  k', '- ', '-', ': l', 'm: [n, o]', 'p: |', '  q: r: s', 'endpoints:', '- https://x:1', '# t', '---', 'u: {v: w}', '    - x', 'y: &z 1', 'a: *z');
  fc.assert(fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
    const text = lines.join('\n');
    const read = readYaml(text);
    if (read !== undefined) expect(read).toEqual(nulls(parse(text, { schema: 'failsafe' })));
  }), { numRuns: 2000 });
});
/** The schema without types gives empty text for nothing. */
function nulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nulls);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, nulls(one)]));
  return value === '' ? null : value;
}

describe('what means the same', () => {
  const ours = 'endpoints:\n- https://oslo.mesh.cilium.io:2379\ntrusted-ca-file: /a/ca.crt\nkey-file: /a/key\ncert-file: /a/crt';
  const theirs = '---\n# by hand\ntrusted-ca-file: \'/a/ca.crt\'\nkey-file: "/a/key"\ncert-file: /a/crt\nendpoints:\n  - https://oslo.mesh.cilium.io:2379\n';

  test.each([
    ['order, quotes and comments', theirs, true],
    ['another port', theirs.replace('2379', '2380'), false],
    ['another endpoint beside it', `${theirs}  - https://other:2379\n`, false],
    ['another member', `${theirs}username: x\n`, false],
    ['another mark', `# trusts abc\n${ours}`, false],
    ['other roots of its own', `# own roots abc\n${ours}`, false],
    ['what is not read', `${theirs}x: |\n  y\n`, false],
  ])('%s: %s', (_, text, expected) => {
    expect(meansTheSame('Secret', 'oslo', text, ours)).toBe(expected);
    const wanted = { kind: 'Secret' as const, data: { oslo: ours, paris: ours } };
    expect(keepingBytes(wanted, { kind: 'Secret', data: { oslo: text } }).data).toEqual({ oslo: expected ? text : ours, paris: ours });
  });

  test('users in another order, and none of another role', () => {
    const users = 'users:\n- name: remote-a\n  role: remote\n- name: remote-b\n  role: remote\n';
    expect(meansTheSame('ConfigMap', 'users.yaml', 'users:\n  - role: remote\n    name: remote-b\n  - {}\n', users)).toBe(false);
    expect(meansTheSame('ConfigMap', 'users.yaml', 'users:\n  - role: remote\n    name: remote-b\n  - role: remote\n    name: remote-a\n', users)).toBe(true);
    expect(meansTheSame('ConfigMap', 'users.yaml', users.replace('role: remote\n-', 'role: root\n-'), users)).toBe(false);
    expect(parseUsers('users:\n')).toEqual([]);
  });
});
