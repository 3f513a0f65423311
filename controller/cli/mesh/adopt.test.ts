import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Cluster, Inquiry, Mesh } from '../../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { parseEntry, parseUsers } from '../../../mesh/cilium/parse.ts';
import { renderPeering } from '../../../mesh/cilium/peering.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { PeeringState } from '../../../mesh/model/desired.ts';
import type { StandingObject } from '../../../mesh/model/standing.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { adoptMesh, type AdoptOptions } from './adopt.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mesh-adopt-'));
  file = join(folder, 'mesh.yaml');
  writeFileSync(file, 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: europe}\nspec: {clusters: {names: [berlin, oslo]}}\n');
});
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

const NAMES = ['berlin', 'oslo'];
const ciliumOf = (name: string) => ({
  version: '1.19.6', clusterName: name, clusterId: NAMES.indexOf(name) + 1, maxConnectedClusters: 255 as const, podCidrs: [`10.${NAMES.indexOf(name) + 1}.0.0/16`], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster' as const,
  endpoint: { address: `${name}.mesh.cilium.io`, port: 2379 },
});
const peeringOf = (name: string): PeeringState => ({ ...ciliumOf(name), ciliumVersion: '1.19.6', peers: NAMES.filter((peer) => peer !== name).map((peer) => ({ name: peer, clusterId: ciliumOf(peer).clusterId, endpoint: ciliumOf(peer).endpoint })) });

/** As an agent answers, where Helm made the objects; undefined: it does not. */
function answerOf(name: string, change: (text: string) => string): string {
  const records = renderPeering(peeringOf(name)).map(({ kind, namespace, name: object, data }): StandingObject => ({
    object: `${kind} ${namespace}/${object}`, ours: false, owner: 'Helm kube-system/cilium', managers: ['helm'],
    entries: Object.entries(data).map(([key, text]) => ({ key, sha256: sha256Hex(change(text)), means: canonicalJson(kind === 'ConfigMap' ? parseUsers(change(text)) : parseEntry(change(text))) })),
  }));
  return JSON.stringify({ id: 'x', lines: [], records: records.map((record) => JSON.stringify(record)), rcode: '' });
}

async function fleet(answers: Readonly<Record<string, string | undefined>>, over: Readonly<Record<string, object>> = {}): Promise<TestEnvironment> {
  const environment = testEnvironment();
  const { client, signal } = environment;
  for (const name of NAMES) {
    const created = await client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name }, spec: {} }, { fieldManager: 'test' }, signal);
    const identity = { spiffeId: 's', certificateSerial: '1', issuer: 'i', notAfter: '2031-01-01T00:00:00Z', joinedAt: '2030-01-01T00:00:00Z' };
    await client.update(Cluster, { ...created, status: { agentVersion: '1', identity, cilium: { ...ciliumOf(name), ...over[name] } } } as ClusterObject, { fieldManager: 'test', subresource: 'status' }, signal);
  }
  // Stands in for the hub.
  const sleep = async (milliseconds: number): Promise<void> => {
    for (const { metadata, spec } of (await client.list<InquiryObject>(Inquiry, {}, signal)).items) {
      const answer = answers[spec.standing?.cluster ?? ''];
      const status = { answeredAt: '2030-01-01T12:00:00Z', ...(answer === undefined ? { error: `cluster "${spec.standing?.cluster}": its agent is not connected to the hub` } : { answer }) };
      await client.patch(Inquiry, { name: metadata.name }, { status }, { type: 'merge', subresource: 'status', fieldManager: 'hub' }, signal);
    }
    await environment.sleep(milliseconds);
  };
  return { ...environment, sleep };
}
const options = (over: Partial<AdoptOptions> = {}): AdoptOptions => ({ file: [file], dryRun: false, output: 'table', ...over });
const meshes = async ({ client, signal }: TestEnvironment): Promise<string[]> => (await client.list(Mesh, {}, signal)).items.map(({ metadata }) => metadata.name);
const asIs = (text: string): string => text;

test('what stands as it is planned is taken over: the Mesh is made, and not by a dry run', async () => {
  const answers = { berlin: answerOf('berlin', asIs), oslo: answerOf('oslo', (text) => `${text}\n`) };
  const dry = await fleet(answers);
  await adoptMesh(dry, 'europe', options({ dryRun: true }));
  expect(dry.printed().split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['CLUSTER', 'OBJECT', 'OF', 'WHAT BECOMES OF IT'],
    ...['Secret kube-system/cilium-clustermesh', 'Secret kube-system/cilium-kvstoremesh', 'ConfigMap kube-system/clustermesh-remote-users'].map((object) => ['berlin', object, 'Helm kube-system/cilium', 'is taken over, byte for byte']),
    ...['Secret kube-system/cilium-clustermesh', 'Secret kube-system/cilium-kvstoremesh', 'ConfigMap kube-system/clustermesh-remote-users'].map((object) => ['oslo', object, 'Helm kube-system/cilium', 'is taken over; its words stay, for they mean the same']),
    [''],
  ]);
  expect([dry.complained(), await meshes(dry)]).toEqual(['mesh.isthmus.dev/europe created (dry run)\n', []]);
  const real = await fleet(answers);
  await adoptMesh(real, 'europe', options());
  expect(await meshes(real)).toEqual(['europe']);
  await adoptMesh(real, 'europe', options({ file: [], output: 'json' }));
  expect(real.complained()).toContain('Nothing that Cilium reads is changed by taking it over');
  await expect(adoptMesh(real, 'europe', options())).rejects.toThrow('is there already; leave -f out');
});

test('what goes elsewhere is said, and no Mesh is made', async () => {
  const environment = await fleet({ berlin: answerOf('berlin', (text) => text.replace('oslo.mesh.cilium.io', 'oslo.mesh.example.org')), oslo: answerOf('oslo', asIs) });
  await expect(adoptMesh(environment, 'europe', options())).rejects.toThrow(/^berlin: is not taken over as it is; no Mesh was made/);
  expect(environment.printed()).toContain('  peer oslo: is reached at https://oslo.mesh.example.org:2379 there, and planned at https://oslo.mesh.cilium.io:2379\n');
  expect(await meshes(environment)).toEqual([]);
});

test('who cannot be asked is not taken for empty', async () => {
  const environment = await fleet({ berlin: answerOf('berlin', asIs), oslo: undefined });
  await expect(adoptMesh(environment, 'europe', options())).rejects.toThrow('oslo: is not taken over');
  expect(environment.printed()).toContain('unknown: cluster "oslo": its agent is not connected to the hub');
});

test('while a cluster of it has not reported, nobody knows what stands there, and no Mesh is made', async () => {
  const environment = await fleet({ berlin: answerOf('berlin', asIs), oslo: answerOf('oslo', asIs) });
  await environment.client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'rome' }, spec: {} }, { fieldManager: 'test' }, environment.signal);
  const larger = join(folder, 'larger.yaml');
  writeFileSync(larger, 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: europe}\nspec: {clusters: {names: [berlin, oslo, rome]}}\n');
  await expect(adoptMesh(environment, 'europe', options({ file: [larger] }))).rejects.toThrow('no Mesh was made: what stands in rome is not known, for its agent has not joined and reported; install the agents first');
  writeFileSync(larger, 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: europe}\nspec: {clusters: {names: [nobody]}}\n');
  await expect(adoptMesh(environment, 'europe', options({ file: [larger] }))).rejects.toThrow('no Mesh was made: it selects no cluster that has joined and reported');
  expect(await meshes(environment)).toEqual([]);
});

test('certificates of others are told, with the way to take them over', async () => {
  const foreignTrust = { roots: ['ab'.repeat(32)], signedBy: ['ab'.repeat(32)] };
  const environment = await fleet({ berlin: answerOf('berlin', asIs), oslo: answerOf('oslo', asIs) }, { berlin: { foreignTrust }, oslo: { foreignTrust } });
  await adoptMesh(environment, 'europe', options({ dryRun: true }));
  expect(environment.complained()).toContain('Certificates: those of berlin, oslo were made by others, below abababababab (SHA-256), and stay as they are.');
});

test('conflicts of the plan come first', async () => {
  const environment = await fleet({}, { oslo: { clusterId: 1 } });
  await expect(adoptMesh(environment, 'europe', options())).rejects.toThrow(/^Mesh europe takes nothing over:\n {2}ClusterIdConflict: /);
  await expect(adoptMesh(environment, 'asia', options())).rejects.toThrow('holds no Mesh "asia"');
  await expect(adoptMesh(environment, 'asia', options({ file: [] }))).rejects.toThrow('there is no mesh "asia"');
});
