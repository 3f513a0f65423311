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
