import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { testEnvironment } from '../testing/environment.ts';
import { renderMesh, type RenderOptions } from './render.ts';

const goldens = fileURLToPath(new URL('goldens', import.meta.url));
const FLEET = join(goldens, 'fleet.yaml');
let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'mesh-render-')); });
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

const filesBelow = (place: string): Record<string, string> =>
  Object.fromEntries(readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort().map((path) => [path.slice(place.length + 1), readFileSync(path, 'utf8')]));

function render(over: Partial<RenderOptions> = {}): { readonly out: string; readonly err: string } {
  const environment = testEnvironment();
  renderMesh(environment, { file: [FLEET], output: 'yaml', ...over });
  return { out: environment.printed(), err: environment.complained() };
}

function fleetFile(name: string, change: (text: string) => string): string {
  const path = join(folder, name);
  writeFileSync(path, change(readFileSync(FLEET, 'utf8')));
  return path;
}

test('a fleet of several versions becomes a folder for each cluster', () => {
  const outputDir = join(folder, 'fleet');
  const { err } = render({ output: 'dir', outputDir });
  if (process.env['REWRITE'] === '1') { rmSync(join(goldens, 'rendered'), { recursive: true, force: true }); cpSync(outputDir, join(goldens, 'rendered'), { recursive: true }); }
  expect(filesBelow(outputDir)).toEqual(filesBelow(join(goldens, 'rendered')));
  expect(err.split('\n')).toEqual([
    'note: Mesh europe: oslo has no KVStoreMesh and the others have: each agent there has a connection of its own to each peer; turn on Cilium\'s Helm value clustermesh.apiserver.kvstoremesh.enabled',
    'note: cluster oslo: Cilium 1.19.6 finds peers that are given by addresses by the hosts file of its pods alone; see "isthmus mesh values oslo -f …"',
    'note: cluster paris: its Cilium has no cluster id; 3 is planned: write it down as status.cilium.clusterId, or another file may get another, and set it there ("isthmus mesh values paris -f …")',
    'note: cluster paris: Cilium 1.19.6 finds peers that are given by addresses by the hosts file of its pods alone; see "isthmus mesh values paris -f …"',
    `8 manifests for 3 clusters are in ${outputDir}`, '',
  ]);
});

test('one stream holds the same, and no key of anybody', () => {
  const { out } = render();
  const objects = parseAllDocuments(out).map((document) => document.toJS() as { kind: string; metadata: { name: string; namespace: string }; data: Record<string, string> });
  const oslo = objects.filter(({ metadata }) => metadata.namespace === 'cilium');
  expect(oslo.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Secret cilium-clustermesh', 'ConfigMap clustermesh-remote-users']);
  expect(Object.keys(oslo[0]?.data ?? {})).toEqual(['berlin']);
  expect(Buffer.from(oslo[0]?.data['berlin'] ?? '', 'base64').toString()).toContain('https://berlin.mesh.cilium.io:32379');
  expect(oslo[1]?.data['users.yaml']).toBe('users:\n- name: remote-berlin\n  role: remote\n');
  expect(out).not.toMatch(/BEGIN|PRIVATE/);
  expect(parseAllDocuments(render({ cluster: 'oslo' }).out)).toHaveLength(2);
});

test('--cilium-version is what all are rendered for; --mark stands in every entry', () => {
  const entry = (over: Partial<RenderOptions>): string => {
    const secret = parseAllDocuments(render({ cluster: 'paris', ...over }).out).map((document) => document.toJS() as { metadata: { name: string }; data: Record<string, string> }).find(({ metadata }) => metadata.name === 'cilium-kvstoremesh');
    return Buffer.from(secret?.data['berlin'] ?? '', 'base64').toString();
  };
  expect(entry({})).not.toContain('cilium-host-aliases');
  expect(entry({ ciliumVersion: '1.20.0' })).toContain('cilium-host-aliases:\n- hostname: berlin.mesh.cilium.io\n  ips: \n    - 10.1.0.5\n    - fd00:1::5');
  expect(entry({ mark: '2027-01' })).toMatch(/^# trusts 2027-01\nendpoints:\n/);
});

describe('the folder', () => {
  const conflicting = (): string => fleetFile('overlap.yaml', (text) => text.replace('10.12.0.0/16', '10.11.0.0/16'));

  test('is replaced whole: who left the mesh leaves no file', () => {
    const outputDir = join(folder, 'leaving');
    render({ output: 'dir', outputDir });
    render({ output: 'dir', outputDir, file: [fleetFile('left.yaml', (text) => text.replace('name: oslo, labels: {mesh: europe}', 'name: oslo'))] });
    expect(readdirSync(outputDir).sort()).toEqual(['.isthmus-mesh-render', 'berlin', 'paris']);
    expect(readdirSync(folder).filter((name) => name.includes('.new') || name.includes('.old'))).toEqual([]);
  });

  test('stays as it is when the plan has a conflict', () => {
    const outputDir = join(folder, 'conflict');
    render({ output: 'dir', outputDir });
    const before = filesBelow(outputDir);
    expect(() => render({ output: 'dir', outputDir, file: [conflicting()] })).toThrow(/^nothing is rendered:\n {2}CidrOverlap: clusters berlin and oslo: /);
    expect(filesBelow(outputDir)).toEqual(before);
    expect(() => render({ output: 'dir', outputDir: join(folder, 'fresh'), file: [conflicting()] })).toThrow('nothing is rendered');
    expect(existsSync(join(folder, 'fresh'))).toBe(false);
  });

  test('of somebody else is not touched', () => {
    const outputDir = join(folder, 'theirs');
    mkdirSync(outputDir);
    writeFileSync(join(outputDir, 'notes.txt'), 'mine');
    expect(() => render({ output: 'dir', outputDir })).toThrow('holds files that this command did not write (notes.txt)');
    expect(filesBelow(outputDir)).toEqual({ 'notes.txt': 'mine' });
    expect(() => render({ output: 'dir', outputDir: join(folder, 'no', 'such') })).toThrow('cannot be written (ENOENT); what was there is there still');
  });
});

test.each<[string, (text: string) => string, string]>([
  ['a field that is wrong', (text) => text.replace('clusterId: 2', 'clusterId: two'), 'Cluster oslo: status.cilium.clusterId: '],
  ['one object twice', (text) => text.replace('{name: rome}', '{name: oslo}'), 'Cluster oslo is there twice'],
  ['no YAML', () => 'a: [', 'is no YAML that can be read'],
  ['no object', () => '- 1', 'holds what is no Kubernetes object'],
  ['a mesh that its schema refuses', (text) => text.replace('type: HubAndSpoke', 'type: Star'), 'Mesh europe: spec.topology.type: '],
  ['no mesh', (text) => text.replace('kind: Mesh', 'kind: Channel'), 'holds no Mesh'],
  ['a cluster without a version', (text) => text.replace('metadata: {name: rome}', 'metadata: {name: rome, labels: {mesh: europe}}'), 'CiliumMissing: cluster rome: '],
])('%s is refused by name', (_, change, words) => {
  expect(() => render({ file: [fleetFile('wrong.yaml', change)] })).toThrow(words);
});

test.each<[Partial<RenderOptions>, string]>([
  [{ file: [] }, '-f: give files'], [{ file: [join('no', 'such')] }, 'cannot be read (ENOENT)'], [{ ciliumVersion: 'newest' }, '--cilium-version "newest"'],
  [{ output: 'dir' }, '-o dir and --output-dir belong together'], [{ outputDir: 'x' }, '-o dir and --output-dir belong together'], [{ cluster: 'rome' }, 'cluster "rome" is in no mesh of these files; these are: berlin, oslo, paris'],
  [{ mark: 'a\nb' }, '--mark'],
])('%j is refused with a way out', (over, words) => { expect(() => render(over)).toThrow(words); });

test('of a peer that is read with credentials for it alone the manifests name files and where they come from, and hold no key', () => {
  const file = [fleetFile('own.yaml', (text) => text.replace(/(name: berlin, labels[^\n]*\n)( *)spec:[^\n]*/, '$1$2spec: {meshEndpoint: {address: berlin.mesh.cilium.io, port: 2379, tls: {secretName: berlin-client}}}'))];
  const { out, err } = render({ file });
  const secrets = parseAllDocuments(out).map((document) => document.toJS() as { data: Record<string, string> });
  expect(out).toContain('# Peer berlin is read with credentials for it alone, which are no part of this file. From Secret cilium/berlin-client of this cluster:\n#   data["berlin.etcd-client-ca.crt"]: ca.crt\n#   data["berlin.etcd-client.crt"]: tls.crt\n#   data["berlin.etcd-client.key"]: tls.key\n');
  expect(out).not.toMatch(/BEGIN|PRIVATE/);
  expect(secrets.filter(({ data }) => Object.keys(data).some((key) => key.includes('etcd-client')))).toEqual([]);
  const texts = secrets.map(({ data }) => Buffer.from(data['berlin'] ?? '', 'base64').toString());
  expect(texts.filter((text) => text.includes('key-file: /var/lib/cilium/clustermesh/berlin.etcd-client.key') && text.includes('/berlin.etcd-client-ca.crt'))).toHaveLength(2);
  expect(err).toContain('note: cluster oslo: put ca.crt as berlin.etcd-client-ca.crt, tls.crt as berlin.etcd-client.crt, tls.key as berlin.etcd-client.key of Secret cilium/berlin-client into Secret cilium/cilium-clustermesh there, without which peer berlin cannot be read; no key is in a manifest');
});
