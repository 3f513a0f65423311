import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { Secret } from '../../mesh/api/resources/core.ts';
import { apiVersionOf, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import { crdOf } from '../../mesh/api/schema/crd.ts';
import { KubernetesError, type KubernetesObject, KubernetesUnreachable, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { connectKubernetes } from '../adapters/kubernetes/connect.ts';
import { connection, never, send, status, thrown } from '../adapters/kubernetes/testing/connection.ts';
import { kubeconfig } from '../adapters/kubernetes/testing/fake-server.ts';
import { embeddedClient } from '../embedded/client.ts';
import { runEmbedded } from '../embedded/main.ts';
import { passingRefusal, untilGranted } from './settling.ts';
import { recordingLog } from './testing/fakes.ts';
import { manualClock } from './testing/manual-clock.ts';

const here = connection();
const RBAC = 'rbac.authorization.k8s.io';
const CustomResourceDefinition: ResourceKind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false };
const by = { fieldManager: 'm' };
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'n', name: 's' } };
const FORBIDDEN = 'secrets is forbidden: User "system:serviceaccount:n:isthmus-hub" cannot create resource "secrets" in API group "" in the namespace "n"';

function bench() {
  const clock = manualClock();
  const log = recordingLog();
  const waited: (string | undefined)[] = [];
  return { clock, log, waited, parts: { clock, log, onWaiting: (problem: string | undefined) => { waited.push(problem); } } };
}

test.each<[string, (response: ServerResponse) => void, string | undefined]>([
  ['a kind whose schema the policies do not know yet', (response) => send(response, 500, status(500, 'InternalError', { message: 'Resource kind isthmus.dev/v1alpha1, Kind=Mesh not found. There can be a delay between when CustomResourceDefinitions are created and when they are available.' })), 'has not read the schema of a kind yet'],
  ['a right that roles do not give yet', (response) => send(response, 403, status(403, 'Forbidden', { message: FORBIDDEN })), 'does not grant a right (yet)'],
  ['what an admission policy refuses', (response) => send(response, 403, status(403, 'Forbidden', { message: 'secrets "s" is forbidden: ValidatingAdmissionPolicy \'p\' with binding \'p\' denied request: no' })), undefined],
  ['a quota', (response) => send(response, 403, status(403, 'Forbidden', { message: 'secrets "s" is forbidden: exceeded quota: q' })), undefined],
  ['a kind that is not served yet', (response) => send(response, 404, status(404, 'NotFound', { message: 'the server could not find the requested resource' })), 'does not serve a kind (yet)'],
  ['a group that is not served yet', (response) => { response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n'); }, 'does not serve a kind (yet)'],
  ['a namespace that is not there', (response) => send(response, 404, status(404, 'NotFound', { message: 'namespaces "n" not found' })), undefined],
  ['an object that it does not take', (response) => send(response, 422, status(422, 'Invalid', { message: 'spec: Invalid value' })), undefined],
])('%s', async (_, answer, says) => {
  const kubernetes = await here.connect((_request, response) => answer(response));
  expect(passingRefusal(await thrown(kubernetes.create(Secret, secret, by, never)))).toBe(says);
});

test('an API server that is not reached, or anything else that is thrown, is nothing that passes', () => {
  expect(passingRefusal(new KubernetesUnreachable('connection refused'))).toBeUndefined();
  expect(passingRefusal(new Error('cannot create resource "secrets"'))).toBeUndefined();
  expect(passingRefusal(new KubernetesError(503, 'ServiceUnavailable', 'starting'))).toBe('is not at work yet');
});

test('waits as long as it is refused, says each reason once, and that it is over', async () => {
  const { clock, log, waited, parts } = bench();
  let count = 0;
  const kubernetes = await here.connect((_request, response) => {
    count += 1;
    if (count <= 2) send(response, 403, status(403, 'Forbidden', { message: FORBIDDEN }));
    else if (count === 3) send(response, 404, status(404, 'NotFound', { message: 'the server could not find the requested resource' }));
    else send(response, 201, secret);
  });
  let tries = 0;
  const done = untilGranted(async () => {
    try {
      await kubernetes.create(Secret, secret, by, never);
    } finally {
      tries += 1;
    }
  }, parts, never);
  for (let turn = 1; turn <= 3; turn += 1) {
    await expect.poll(() => [tries, clock.sleeping]).toEqual([turn, 1]);
    await clock.advance(1000);
  }
  expect(await done).toBe(true);
  expect(waited).toEqual([expect.stringContaining('does not grant a right (yet): create secrets n: secrets is forbidden'), expect.stringContaining('does not serve a kind (yet)'), undefined]);
  expect(log.lines.map(({ level, fields }) => [level, fields['problem']])).toEqual(waited.slice(0, 2).map((problem) => ['warn', problem]));
});

test('gives up after two minutes with what was said last; an error that does not pass is thrown at once; and it ends when it is told to', async () => {
  const { clock, waited, parts } = bench();
  const refused = new KubernetesError(403, 'Forbidden', `create secrets n/s: ${FORBIDDEN}`);
  const patient = untilGranted(() => Promise.reject(refused), parts, never).catch((error: unknown) => error);
  await clock.advance(119_000);
  expect(clock.sleeping).toBe(1);
  await clock.advance(2000);
  expect(await patient).toBe(refused);
  expect(waited).toHaveLength(1);
  await expect(untilGranted(() => Promise.reject(new Error('disk')), parts, never)).rejects.toThrow('disk');
  const stop = new AbortController();
  const stopped = untilGranted(() => Promise.reject(refused), parts, stop.signal);
  await clock.advance(10);
  stop.abort();
  expect(await stopped).toBe(false);
});

test('on the embedded API: waits for the right to make an object, then for its kind', async () => {
  const { clock, log, waited, parts } = bench();
  const stop = new AbortController();
  const token = 'b'.repeat(32);
  const { api, url, kubeconfig: administrators, closed } = await runEmbedded({ memory: true, port: 0, definitions: [], namespaces: [], serviceCidrs: [], tokens: [{ token, user: 'hub', uid: 'hub', groups: [], rules: [] }], log }, stop.signal);
  const certificate = /certificate-authority-data: *"?([A-Za-z0-9+/=]+)/.exec(administrators)?.[1] ?? '';
  const hub = connectKubernetes({ kubeconfig: here.folder.write('hub', kubeconfig({ server: url, 'certificate-authority-data': certificate }, { token })), userAgent: 'isthmus-test', metrics: here.metrics });
  const administrator = embeddedClient(api);
  const strategy = { apiVersion: apiVersionOf(UpdateStrategy), kind: 'UpdateStrategy', metadata: { name: 'default' }, spec: { stages: [{ name: 'all', clusters: {} }] } };
  const done = untilGranted(async () => { await hub.create(UpdateStrategy, strategy, by, never); }, parts, never);
  await expect.poll(() => waited).toEqual([expect.stringContaining('does not grant a right (yet): create updatestrategies: updatestrategies.isthmus.dev is forbidden: User "hub" cannot create resource "updatestrategies"')]);
  const [roles, bindings] = (['ClusterRole', 'ClusterRoleBinding'] as const).map((kind) => ({ group: RBAC, version: 'v1', kind, plural: `${kind.toLowerCase()}s`, namespaced: false })) as [ResourceKind, ResourceKind];
  const named = (kind: ResourceKind, rest: object): KubernetesObject => ({ apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: 'hub' }, ...rest });
  await administrator.create(roles, named(roles, { rules: [{ apiGroups: ['isthmus.dev'], resources: ['*'], verbs: ['*'] }] }), by, never);
  await administrator.create(bindings, named(bindings, { roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'hub' }, subjects: [{ apiGroup: RBAC, kind: 'User', name: 'hub' }] }), by, never);
  await clock.advance(1000);
  await expect.poll(() => waited.length).toBe(2);
  await administrator.create(CustomResourceDefinition, crdOf(UpdateStrategy) as KubernetesObject, by, never);
  await clock.advance(1000);
  expect(await done).toBe(true);
  expect(waited.slice(1)).toEqual([expect.stringContaining('does not serve a kind (yet): create updatestrategies:'), undefined]);
  await hub.close();
  stop.abort();
  await closed;
});
