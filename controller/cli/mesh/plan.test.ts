import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { MeshPlanAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { PlanChange } from '../../../mesh/model/plan-change.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { testEnvironment } from '../testing/environment.ts';
import { planMeshes } from './plan.ts';

const change = (cluster: string, value: Partial<PlanChange> = {}): PlanChange => ({ cluster, mesh: 'europe', clusterId: 1, clusterIdBefore: 1, peersAdded: ['oslo'], peersRemoved: [], peersChanged: [], writes: ['Secret kube-system/cilium-clustermesh'], policies: [], restarts: [], ...value });
const head = { meshes: [{ mesh: 'europe', clusters: 60, waiting: [], waitingCount: 0, conflicts: [], conflictCount: 0, warnings: [] }], of: 100, changed: 60, restarts: 1 } as const;

/** A hub that gives these answers, one after another, and what it was asked. */
function answering(...answers: MeshPlanAnswer[]) {
  const asked: InquiryObject['spec']['plan'][] = [];
  const environment = testEnvironment();
  const client = {
    create: (_kind: unknown, object: InquiryObject) => { asked.push(object.spec.plan); return Promise.resolve({ metadata: { name: 'cli-1' } }); },
    get: () => Promise.resolve({ status: { answer: JSON.stringify(answers[asked.length - 1]) } }), delete: () => Promise.resolve(),
  } as unknown as KubernetesClient;
  return { asked, environment: { ...environment, connect: () => Promise.resolve(client) } };
}
const options = { whatIf: [], all: false, output: 'table' } as const;

test('a summary, the first clusters, and what restarts', async () => {
  const many = Array.from({ length: 59 }, (_, index) => change(`c${10 + index}`));
  const { environment, asked } = answering({ head, clusters: [change('berlin', { clusterId: 7, clusterIdBefore: 4, peersRemoved: ['rome'], restarts: ['all of Cilium restarts'] }), ...many.slice(0, 30)], continue: 'a:1' }, { clusters: many.slice(30) });
  await planMeshes(environment, 'europe', options);
  expect(asked).toEqual([{ mesh: 'europe' }, { continue: 'a:1' }]);
  const lines = environment.printed().split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '));
  expect(lines.slice(0, 6)).toEqual(['mesh europe: planned, 60 clusters', '60 of 100 clusters change; in 1 of them something restarts', '', 'CLUSTER  MESH  ID  PEERS  POLICIES  RESTARTS', 'berlin  europe  4 → 7  +1 (oslo) -1 (rome)  yes', 'c10  europe  1  +1 (oslo)']);
  expect(lines).toContain('restarts in berlin: all of Cilium restarts');
  expect(environment.complained()).toBe('and 10 clusters more: --all, or -o json\n');
});

test('objects of files are sent along, others are passed over, and conflicts are a failure', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'plan-')), 'mesh.yaml');
  writeFileSync(file, 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: europe, annotations: {a: b}}\nspec: {clusters: {}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n');
  const { environment, asked } = answering({ head: { ...head, changed: 0, restarts: 0, meshes: [{ ...head.meshes[0], conflicts: [{ reason: 'CidrOverlap', message: 'berlin and oslo overlap' }], conflictCount: 1 }] }, clusters: [] });
  await expect(planMeshes(environment, undefined, { ...options, whatIf: [file] })).rejects.toThrow('not planned: europe');
  expect(asked).toEqual([{ objects: [{ kind: 'Mesh', metadata: { name: 'europe' }, spec: { clusters: {} } }] }]);
  expect(environment.printed()).toContain('CidrOverlap: berlin and oslo overlap');
});

test('what crosses the cells of a mesh, by which address or why not, and which of them stay', async () => {
  const crossings = [{ service: 'shop/cart', cluster: 'c2', reason: 'NoGateway' as const, message: 'give its Service type LoadBalancer' }, { service: 'shop/checkout', cluster: 'c1', reason: 'Gateway' as const, message: 'clusters that are no peers reach it at 192.0.2.1' }];
  const cells = [{ name: 'europe/1', clusters: 2, conflictCount: 0, exports: ['shop/cart', 'shop/checkout'], exportCount: 2, crossings, crossingCount: 9, shutCount: 1 }, { name: 'europe/2', clusters: 1, conflictCount: 1, exports: [], exportCount: 0, crossings: [], crossingCount: 0, shutCount: 0 }];
  const { environment } = answering({ head: { ...head, meshes: [{ ...head.meshes[0], cells, conflicts: [{ reason: 'CidrOverlap', message: 'c3 and c4 overlap' }], conflictCount: 1 }] }, clusters: [] });
  await expect(planMeshes(environment, undefined, options)).rejects.toThrow('not planned: europe');
  expect(environment.printed().split('\n').slice(0, 7)).toEqual([
    'mesh europe: NOT PLANNED, 1 conflict; the clusters of europe/2 keep what they have, the other cells are planned', '  CidrOverlap: c3 and c4 overlap',
    '  cell europe/1: 2 clusters; exports shop/cart, shop/checkout; 1 of 9 reached by peers alone', '    NoGateway: give its Service type LoadBalancer', '    clusters that are no peers reach it at 192.0.2.1', '    and 7 more: -o json', '  cell europe/2: 1 cluster',
  ]);
});

test('what crosses between clusters that a topology does not peer, in a mesh and within a cell', async () => {
  const crossings = [{ service: 'shop/checkout', cluster: 'oslo', reason: 'NoGateway' as const, message: 'give its Service type LoadBalancer' }, { service: 'shop/checkout', cluster: 'rome', reason: 'Gateway' as const, message: 'clusters that are no peers reach it at 192.0.2.1' }];
  const notReadByAll = { clusters: 3, exports: ['shop/checkout'], exportCount: 1, crossings, crossingCount: 2, shutCount: 1 };
  const cell = { name: 'asia/1', clusters: 4, notReadByAllCount: 3, exports: ['shop/checkout'], exportCount: 1, crossings: crossings.slice(0, 1), crossingCount: 3, shutCount: 2 };
  const silent = { clusters: 2, exports: [], exportCount: 0, crossings: [], crossingCount: 0, shutCount: 0 };
  const [europe] = head.meshes;
  const answer = { head: { ...head, meshes: [{ ...europe, clusters: 5, notReadByAll }, { ...europe, mesh: 'asia', cells: [cell] }, { ...europe, mesh: 'africa', notReadByAll: silent }], changed: 0, restarts: 0 }, clusters: [] };
  const { environment } = answering(answer);
  await planMeshes(environment, undefined, options);
  expect(environment.printed().split('\n').slice(0, 10)).toEqual([
    'mesh europe: planned, 5 clusters', '  not read by all: 3 clusters; exports shop/checkout; 1 of 2 reached by peers alone', '    NoGateway: give its Service type LoadBalancer', '    clusters that are no peers reach it at 192.0.2.1',
    'mesh asia: planned, 60 clusters in 1 cell', '  cell asia/1: 4 clusters, 3 not read by all; exports shop/checkout; 2 of 3 reached by peers alone', '    NoGateway: give its Service type LoadBalancer', '    and 2 more: -o json',
    'mesh africa: planned, 60 clusters', '  not read by all: 2 clusters',
  ]);
  const { environment: asJson } = answering(answer);
  await planMeshes(asJson, undefined, { ...options, output: 'json' });
  expect(JSON.parse(asJson.printed())).toMatchObject({ meshes: [{ notReadByAll }, { cells: [cell] }, {}] });
});

test('where there is no mesh that is said, and who leaves the last one', async () => {
  const { environment } = answering({ head: { meshes: [], of: 2, changed: 0, restarts: 0 }, clusters: [] });
  await planMeshes(environment, undefined, options);
  expect(environment.printed()).toBe('there is no mesh\n0 of 2 clusters change\n');
});

test('a file without any of them is a mistake', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'plan-')), 'none.yaml');
  writeFileSync(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n');
  await expect(planMeshes(answering().environment, undefined, { ...options, whatIf: [file] })).rejects.toThrow('holds no Mesh, Cluster, AccessPolicy');
});

test('json has all of it', async () => {
  const { environment } = answering({ head: { ...head, changed: 1 }, clusters: [change('berlin')] });
  await planMeshes(environment, undefined, { ...options, output: 'json' });
  expect(JSON.parse(environment.printed())).toMatchObject({ changed: 1, clusters: [{ cluster: 'berlin', peersAdded: ['oslo'] }] });
});
