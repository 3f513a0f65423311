/** The same requests to the embedded API and to a real kube-apiserver get the same answers: whole objects, and of refusals code, reason and fields. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../controller/demo/eventually.ts';
import { CHANGED_BY } from '../../mesh/api/resources/guard-changes.ts';
import { stampObjects } from '../../mesh/api/resources/guards.ts';
import { HUB_RESOURCES } from '../../mesh/api/resources/index.ts';
import { crdOf } from '../../mesh/api/schema/crd.ts';
import { canonicalJson } from '../../mesh/model/canonical.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { type RunningApi, startApi } from '../embedded/start.ts';
import { type ApiServer, missingAssets, startApiServer } from './apiserver.ts';

const J = 'application/json';
const A = 'application/apply-patch+yaml';
const M = 'application/merge-patch+json';
const S = 'application/strategic-merge-patch+json';
const P = 'application/json-patch+json';
const ns = 'parity';
const [m1, m2, m3] = ['one', 'two', 'three'];
const b = `/api/v1/namespaces/${ns}`;
const c = '/apis/isthmus.dev/v1alpha1';
const cm = (data: object, extra: object = {}): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', ...extra }, data });
const mesh = (name: string, spec: object, extra: { status?: object } = {}): object => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name }, spec, ...extra });
const cond = (type: string, status = 'True'): object => ({ type, status, reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' });
const svc = (spec: object, name = 's'): object => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });

const steps: readonly (readonly [method: string, path: string, type: string, body?: unknown])[] = [
  ['POST', '/api/v1/namespaces?fieldManager=t', J, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns } }],
  ['POST', `${b}/configmaps?fieldManager=t`, J, cm({ a: '1', b: '2' }, { labels: { x: 'y' } })],
  ['PATCH', `${b}/configmaps/a?fieldManager=one`, A, cm({ a: '1' })],
  ['PATCH', `${b}/configmaps/a?fieldManager=one`, A, cm({ a: '2' })],
  ['PATCH', `${b}/configmaps/a?fieldManager=one&force=true`, A, cm({ a: '2', c: '3' })],
  ['PATCH', `${b}/configmaps/a?fieldManager=one`, A, cm({ c: '3' })],
  ['PATCH', `${b}/configmaps/a?fieldManager=one`, A, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }],
  ['PATCH', `${b}/configmaps/a?fieldManager=two`, M, { data: { b: null, d: '4' }, metadata: { labels: { x: null } } }],
  ['PATCH', `${b}/configmaps/a?fieldManager=two`, A, cm({ d: '4', e: '5' })],
  ['PATCH', `${b}/configmaps/a?fieldManager=three`, A, cm({ d: '5', e: '6', q: '1' })],
  ['PATCH', `${b}/configmaps/a`, A, cm({ d: '5' })],
  ['PATCH', `${b}/configmaps/a?fieldManager=js`, P, [{ op: 'test', path: '/data/d', value: '9' }]],
  ['PATCH', `${b}/configmaps/a?fieldManager=js`, P, [{ op: 'remove', path: '/data/zz' }]],
  ['PATCH', `${b}/configmaps/a?fieldManager=js`, P, [{ op: 'add', path: '/data/d', value: '9' }, { op: 'copy', from: '/data/d', path: '/data/k' }]],
  ['PUT', `${b}/configmaps/a?fieldManager=put`, J, cm({ z: '1' })],
  ['PUT', `${b}/configmaps/nope?fieldManager=put`, J, { ...cm({ z: '1' }), metadata: { name: 'nope' } }],
  ['PUT', `${b}/configmaps/a?fieldManager=put`, J, { ...cm({ z: '1' }), metadata: { name: 'a', resourceVersion: '1' } }],
  ['PATCH', `${b}/configmaps/new?fieldManager=one`, A, { ...cm({ a: '2' }), metadata: { name: 'new' } }],
  ['PATCH', `${b}/configmaps/a?fieldManager=one`, A, { ...cm({ a: '2' }), metadata: { name: 'other' } }],
  ['POST', `${b}/configmaps`, J, { ...cm({ a: 1 }), metadata: { name: 'bad' } }],
  ['POST', `${b}/configmaps`, J, { ...cm({}), metadata: { name: 'Bad_Name' } }],
  ['POST', `${b}/configmaps`, J, { ...cm({}), metadata: { name: 'x', labels: { 'a b': 'c', d: 'e f' } } }],
  ['POST', `${b}/configmaps?fieldValidation=Strict`, J, { ...cm({}), metadata: { name: 'x', foo: 1 }, bar: 2 }],
  ['POST', `${b}/configmaps`, J, cm({})],
  ['POST', `${b}/secrets?fieldManager=t`, J, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { a: 'b' }, data: { c: 'ZA==' } }],
  ['POST', `${b}/secrets`, J, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 't' }, type: 'kubernetes.io/tls' }],
  ['PATCH', `${b}/secrets/s?fieldManager=ag`, A, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { a: 'YQ==' } }],
  ['PATCH', `${b}/secrets/s?fieldManager=ag`, M, { type: 'x' }],
  ['POST', `${b}/services?fieldManager=t`, J, svc({ ports: [{ port: 80, name: 'a' }, { port: 81, name: 'b', protocol: 'UDP' }], selector: { a: 'b' } })],
  ['PATCH', `${b}/services/s?fieldManager=ssa`, A, svc({ ports: [{ port: 80, name: 'a', targetPort: 8080 }] })],
  ['PATCH', `${b}/services/s?fieldManager=ssa&force=true`, A, svc({ ports: [{ port: 80, name: 'a', targetPort: 8080 }] })],
  ['PATCH', `${b}/services/s?fieldManager=ssa&force=true`, A, svc({ ports: [{ port: 82, name: 'c' }] })],
  ['PATCH', `${b}/services/s?fieldManager=sm`, S, { spec: { ports: [{ port: 82, $patch: 'delete' }, { port: 90, name: 'z' }] } }],
  ['PATCH', `${b}/services/s/status?fieldManager=lb`, M, { status: { loadBalancer: { ingress: [{ ip: '127.0.0.5' }] } }, spec: { selector: { q: 'r' } } }],
  ['POST', `${b}/services?fieldManager=t`, J, svc({ clusterIP: 'None', ports: [{ port: 80 }] }, 'h')],
  ['POST', `${b}/services?fieldManager=t`, J, svc({ ports: [{ port: 80 }, { port: 81 }] }, 'i')],
  ['POST', `${b}/services?fieldManager=t`, J, svc({}, 'j')],
  ['POST', `/apis/discovery.k8s.io/v1/namespaces/${ns}/endpointslices?fieldManager=t`, J, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'e' }, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }], ports: [{ port: 80 }] }],
  ['POST', `/apis/discovery.k8s.io/v1/namespaces/${ns}/endpointslices?fieldManager=t`, J, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'f' }, addressType: 'IPv4', endpoints: [{ addresses: ['127.0.0.1'] }] }],
  ['PATCH', `/apis/discovery.k8s.io/v1/namespaces/${ns}/endpointslices/g?fieldManager=t`, A, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'g', labels: { 'kubernetes.io/service-name': 's' } }, addressType: 'IPv4', endpoints: [] }],
  ['POST', `/apis/coordination.k8s.io/v1/namespaces/${ns}/leases?fieldManager=t`, J, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' } }],
  ['POST', `${c}/meshes?fieldManager=t`, J, mesh(m1, { clusters: { names: ['*'] }, foo: 1 }, { status: { clusterCount: 1 } })],
  ['POST', `${c}/meshes?fieldManager=t&fieldValidation=Strict`, J, mesh(m2, { clusters: { names: ['*'], q: 1 }, foo: 1 })],
  ['POST', `${c}/meshes?fieldManager=t`, J, mesh(m2, { maxConnectedClusters: 300, allowVersionSkewMinors: 'x', strategy: 5 })],
  ['POST', `${c}/meshes?fieldManager=t`, J, { ...mesh(m2, {}), spec: undefined }],
  ['POST', `${c}/meshes?fieldManager=t`, J, mesh(m2, { clusters: { names: null } })],
  ['PATCH', `${c}/meshes/${m1}?fieldManager=u`, M, { spec: { maxConnectedClusters: 511 } }],
  ['PATCH', `${c}/meshes/${m1}?fieldManager=u`, M, { spec: { allowVersionSkewMinors: 9 } }],
  ['PATCH', `${c}/meshes/${m1}?fieldManager=u`, M, { spec: { allowVersionSkewMinors: 2 }, status: { clusterCount: 9 } }],
  ['PATCH', `${c}/meshes/${m1}/status?fieldManager=st`, A, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name: m1 }, status: { clusterCount: 2, conditions: [cond('A'), cond('B')] } }],
  ['PATCH', `${c}/meshes/${m1}/status?fieldManager=su`, A, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name: m1 }, spec: { clusters: {} }, status: { conditions: [cond('C')] } }],
  ['PATCH', `${c}/meshes/${m1}/status?fieldManager=su`, A, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name: m1 }, status: { conditions: [cond('A', 'False')] } }],
  ['PATCH', `${c}/meshes/${m1}/status?fieldManager=st`, A, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name: m1 }, status: { conditions: [cond('B')] } }],
  ['PATCH', `${c}/meshes/${m1}/status?fieldManager=st`, M, { metadata: { labels: { q: 'r' } }, status: { clusterCount: 'x' } }],
  ['PATCH', `${c}/meshes/${m1}/status?fieldManager=st`, M, { metadata: { labels: { q: 'r' } }, status: { conditions: [cond('A'), cond('A')] } }],
  ['PATCH', `${c}/meshes/${m1}/status?fieldManager=st`, M, { metadata: { labels: { q: 'r' } }, status: { clusterCount: 7 } }],
  ['PATCH', `${c}/meshes/${m1}?fieldManager=sm`, S, { spec: {} }],
  ['PATCH', `${c}/meshes/${m3}?fieldManager=ssa`, A, mesh(m3, { clusters: { labels: { a: ['b'] } } })],
  ['PATCH', `${c}/meshes/${m3}?fieldManager=ssa`, A, mesh(m3, { clusters: { names: ['x'] } })],
  ['PUT', `${c}/meshes/${m3}?fieldManager=ssa`, J, mesh(m3, { clusters: { names: ['x'] } })],
  ['PATCH', `${c}/meshes/${m3}?fieldManager=f`, M, { metadata: { finalizers: ['a.b/c'] } }],
  ['DELETE', `${c}/meshes/${m3}`, J],
  ['PATCH', `${c}/meshes/${m3}?fieldManager=f`, M, { metadata: { finalizers: ['a.b/c', 'a.b/d'] } }],
  ['PATCH', `${c}/meshes/${m3}?fieldManager=f`, M, { metadata: { finalizers: null } }],
  ['GET', `${c}/meshes/${m3}`, J],
  ['DELETE', `${c}/meshes/${m1}`, J, { preconditions: { uid: 'abc' } }],
  ['DELETE', `${c}/meshes/${m1}`, J],
  ['DELETE', `${b}/configmaps/a`, J],
  ['DELETE', `${b}/configmaps/a`, J],
  ['GET', `${b}/configmaps?fieldSelector=data%3Dx`, J],
  ['GET', `${b}/configmaps?labelSelector=a==b==c`, J],
  ['POST', `/api/v1/namespaces/nowhere-x/configmaps`, J, cm({})],
  ['POST', `${b}/configmaps`, J, { ...cm({}), kind: 'Secret' }],
  ['POST', `${b}/configmaps`, J, { ...cm({}), metadata: { name: 'zz', namespace: 'default' } }],
  ['POST', `${c}/inquiries?fieldManager=t`, J, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Inquiry', metadata: { name: m1 }, spec: { dns: { name: 'a', from: 'b' }, run: { name: 'x' } } }],
  ['POST', `${c}/inquiries?fieldManager=t&dryRun=All`, J, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Inquiry', metadata: { generateName: 'a-' }, spec: { history: {} } }],
  ['POST', `${c}/clusters?fieldManager=t&dryRun=All`, J, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name: 'b' }, spec: { meshEndpoint: { address: 'x', ips: ['1'] } } }],
  ['POST', `${c}/clusters?fieldManager=t&dryRun=All`, J, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name: 'b' } }],
];

type Answer = { readonly code: number; readonly body: unknown; readonly warning: unknown };

/** What may differ between two servers: identities, versions, times, addresses. */
function comparable(value: unknown, key = ''): unknown {
  if (key === 'uid' || key === 'resourceVersion') return '*';
  if (key === 'creationTimestamp' || key === 'time' || key === 'deletionTimestamp') return 'a time';
  if (key === 'clusterIP' && value !== 'None') return 'an address';
  if (key === 'clusterIPs' && Array.isArray(value) && value[0] !== 'None') return value.map(() => 'an address');
  if (key === 'name' && typeof value === 'string' && value.startsWith('a-')) return 'a-*';
  // Their order goes by time, and times differ by a second here and there.
  if (key === 'managedFields' && Array.isArray(value)) return value.map((item) => comparable(item)).sort((x, y) => (canonicalJson(x) < canonicalJson(y) ? -1 : 1));
  if (Array.isArray(value)) return value.map((item) => comparable(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, comparable(child, name)]));
}

/** Texts of refusals are for people and may differ; fields that kube-apiserver names twice or without a name count once or not. */
function essence({ code, body, warning }: Answer): unknown {
  if (code < 400) return { code, warning, body: comparable(body) };
  const { reason, details } = body as { reason: string; details?: { causes?: readonly { field?: string; reason?: string }[] } };
  const causes = new Set((details?.causes ?? []).filter((cause) => cause.field !== '<nil>').map((cause) => `${cause.reason} ${cause.field}`));
  return { code, reason, causes: [...causes].sort() };
}

const missing = missingAssets();
if (missing !== undefined) console.log(`no real kube-apiserver: ${missing}`);

describe.skipIf(missing !== undefined)('embedded API and kube-apiserver answer alike', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-parity-'));
  let real: ApiServer;
  let embedded: RunningApi;
  let agent: Agent;
  beforeAll(async () => {
    [real, embedded] = await Promise.all([startApiServer({ definitions: HUB_RESOURCES.map((definition) => crdOf(definition) as KubernetesObject) }), startApi(folder)]);
    agent = new Agent({ connect: { ca: real.certificateAuthorityPem } });
    await install();
  });
  afterAll(async () => {
    await Promise.all([real.stop(), embedded.stop(), agent.destroy()]);
    rmSync(folder, { recursive: true, force: true });
  });

  /** What the hub's chart brings and the embedded API does by itself: who changes what is written down. It counts a moment after it is there. */
  async function install(): Promise<void> {
    const api = '/apis/admissionregistration.k8s.io/v1';
    for (const object of stampObjects('v1')) {
      const { code, body } = await ask('POST', `${api}/${(object as { readonly kind?: string }).kind === 'MutatingAdmissionPolicy' ? 'mutatingadmissionpolicies' : 'mutatingadmissionpolicybindings'}`, J, object);
      if (code !== 201) throw new Error(`refused: ${JSON.stringify(body)}`);
    }
    await eventually('names are written down', 45_000, async () => JSON.stringify((await ask('POST', `${c}/meshes?dryRun=All`, J, mesh('probe', { clusters: {} }))).body).includes(CHANGED_BY));
  }

  async function ask(method: string, path: string, type: string, body: unknown): Promise<Answer> {
    const answer = await request(real.url + path, {
      dispatcher: agent, method: method as 'GET', headers: { authorization: `Bearer ${real.adminToken}`, 'content-type': type, accept: J }, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { code: answer.statusCode, warning: answer.headers['warning'], body: await answer.body.json() };
  }

  // In order: later requests build on earlier ones.
  it.each(steps.map(([method, path, type, body], index) => [`${index + 1} ${method} ${path} ${JSON.stringify(body)?.slice(0, 120) ?? ''}`, method, path, type, body] as const))('%s', async (_title, method, path, type, body) => {
    const [theirs, ours] = await Promise.all([ask(method, path, type, body), embedded.call(method, path, { type, accept: J, ...(body === undefined ? {} : { body }) })]);
    expect(essence({ code: ours.code, body: ours.body as unknown, warning: ours.headers['warning'] })).toEqual(essence(theirs));
  });
});
