/** What docs/reference/embedded-api.md says that this API does not do: each is refused with a code and a sentence, or said in a warning. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, startApi } from './start.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-limits-'));
const SHOP = '/api/v1/namespaces/shop';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
let api: RunningApi;

beforeAll(async () => {
  api = await startApi(folder);
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

const version = (name: string, schema: unknown, extra: object = {}) => ({ name, served: true, storage: name === 'v1', schema: { openAPIV3Schema: schema }, ...extra });
const crd = (plural: string, versions: readonly object[], extra: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.example.com` },
  spec: { group: 'example.com', scope: 'Namespaced', names: { plural, kind: plural.toUpperCase() }, versions, ...extra },
});
const ofSpec = (spec: unknown) => ({ type: 'object', properties: { spec } });

describe('refuses', () => {
  it.each([
    ['kinds of workloads', 'GET', '/apis/apps/v1/namespaces/shop/deployments', {}, 404, 'NotFound'],
    ['logs of pods', 'GET', `${SHOP}/pods/a/log`, {}, 404, 'NotFound'],
    ['exec', 'POST', `${SHOP}/pods/a/exec`, { body: {} }, 404, 'NotFound'],
    ['a subresource that is not there', 'GET', `${SHOP}/configmaps/a/scale`, {}, 404, 'NotFound'],
    ['the old watch paths', 'GET', '/api/v1/watch/configmaps', {}, 404, 'NotFound'],
    ['roles that gather others', 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', { body: { metadata: { name: 'gathers' }, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } } }, 422, 'Invalid'],
    ['tokens of service accounts', 'POST', `${SHOP}/serviceaccounts/default/token`, { body: {} }, 501, 'NotImplemented'],
    ['PUT of a collection', 'PUT', `${SHOP}/configmaps`, { body: {} }, 405, 'MethodNotAllowed'],
    ['OPTIONS', 'OPTIONS', `${SHOP}/configmaps`, {}, 405, 'MethodNotAllowed'],
    ['protobuf of a kind that kubectl does not send so', 'POST', `${SHOP}/events`, { raw: 'k8s\0\n\x0b\n\x02v1\x12\x05Event\x12\x00', type: 'application/vnd.kubernetes.protobuf' }, 415, 'UnsupportedMediaType'],
    ['CBOR', 'POST', `${SHOP}/configmaps`, { raw: 'x', type: 'application/cbor' }, 415, 'UnsupportedMediaType'],
    ['a compressed body', 'POST', `${SHOP}/configmaps`, { raw: gzipSync('{}'), headers: { 'content-encoding': 'gzip' } }, 415, 'UnsupportedMediaType'],
    ['a match of versions that nobody knows', 'GET', `${SHOP}/configmaps?resourceVersion=1&resourceVersionMatch=Older`, {}, 422, 'Invalid'],
    ['metrics', 'GET', '/metrics', {}, 404, 'NotFound'],
    ['answers in YAML', 'GET', `${SHOP}/configmaps`, { accept: 'application/yaml' }, 406, 'NotAcceptable'],
    ['answers in protobuf alone', 'GET', `${SHOP}/configmaps`, { accept: 'application/vnd.kubernetes.protobuf' }, 406, 'NotAcceptable'],
    ['tables of v1beta1', 'GET', `${SHOP}/configmaps`, { accept: 'application/json;as=Table;v=v1beta1;g=meta.k8s.io' }, 406, 'NotAcceptable'],
    ['conversion by webhook', 'POST', CRDS, { body: crd('as', [version('v1', { type: 'object' })], { conversion: { strategy: 'Webhook' } }) }, 422, 'Invalid'],
    ['a scope that is none', 'POST', CRDS, { body: crd('as', [version('v1', { type: 'object' })], { scope: 'Galaxy' }) }, 422, 'Invalid'],
    ['no schema', 'POST', CRDS, { body: crd('as', [version('v1', undefined)]) }, 422, 'Invalid'],
    ['a schema that is none', 'POST', CRDS, { body: crd('as', [version('v1', ofSpec(5))]) }, 400, 'BadRequest'],
    ['$ref', 'POST', CRDS, { body: crd('as', [version('v1', ofSpec({ $ref: '#/a' }))]) }, 422, 'Invalid'],
    ['an unreadable pattern', 'POST', CRDS, { body: crd('as', [version('v1', ofSpec({ type: 'string', pattern: '(' }))]) }, 422, 'Invalid'],
    ['an unreadable rule', 'POST', CRDS, { body: crd('as', [version('v1', { type: 'object', 'x-kubernetes-validations': [{ rule: 'self ==' }] })]) }, 422, 'Invalid'],
  ] as const)('%s', async (_what, method, path, options, code, reason) => {
    const answer = await api.call(method, path, options);
    expect([answer.code, answer.body.kind, answer.body.reason]).toEqual([code, 'Status', reason]);
    expect(answer.body.message.length).toBeGreaterThan(20);
  });
});

describe('warns', () => {
  it.each([
    ['formats that judge nothing', crd('bs', [version('v1', ofSpec({ type: 'string', format: 'odd' }))]), 'unrecognized format'],
    ['scale', crd('ds', [version('v1', { type: 'object' }, { subresources: { scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } } })]), 'no scale subresource'],
  ])('of %s', async (_what, body, text) => {
    const answer = await api.call('POST', CRDS, { body });
    expect([answer.code, answer.headers['warning']]).toEqual([201, expect.stringContaining(text)]);
  });

  it('of a definition of what is served anyway, which neither changes nor takes away the kind', async () => {
    const body = { ...crd('meshes', [version('v1', { type: 'object' })]), metadata: { name: 'meshes.isthmus.dev' } };
    body.spec.group = 'isthmus.dev';
    expect((await api.call('POST', CRDS, { body })).headers['warning']).toContain('served by this API itself');
    expect((await api.call('DELETE', `${CRDS}/meshes.isthmus.dev`)).code).toBe(200);
    expect((await api.call('GET', '/apis/isthmus.dev/v1alpha1/meshes')).code).toBe(200);
  });
});

describe('transport', () => {
  it('speaks HTTP/1.1 alone: who offers only HTTP/2 is refused while greeting', async () => {
    const { hostname: host, port } = new URL(api.url);
    const greet = (protocols: string[]): Promise<string> => new Promise((resolve) => {
      const socket = connect({ host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: protocols }, () => {
        resolve(String(socket.alpnProtocol));
        socket.destroy();
      });
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    });
    expect(await greet(['h2'])).toMatch(/NO_APPLICATION_PROTOCOL/);
    expect(await greet(['h2', 'http/1.1'])).toBe('http/1.1');
  });

  it('closes a connection without TLS', async () => {
    const { hostname: host, port } = new URL(api.url);
    const heard = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connectTcp({ host, port: Number(port) }, () => socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n'));
      socket.on('data', (chunk: Buffer) => { text += chunk.toString('latin1'); });
      socket.once('close', () => resolve(text));
      socket.once('error', () => resolve(text));
    });
    expect(heard).not.toContain('HTTP/1.1 200');
  });

  it('knows no client certificate where no authority was given: without a token the caller is anonymous', async () => {
    expect((await api.call('GET', `${SHOP}/configmaps`, { token: '' })).code).toBe(403);
  });
});

it('answers in JSON where that is accepted at all', async () => {
  for (const accept of ['application/vnd.kubernetes.protobuf,application/json', 'application/yaml, */*', '']) {
    const { code, headers, body } = await api.call('GET', SHOP, { accept });
    expect([code, headers['content-type'], body.kind]).toEqual([200, 'application/json', 'Namespace']);
  }
});

it('gives Services no node ports and no load balancer', async () => {
  const { body } = await api.call('POST', `${SHOP}/services`, { body: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } } });
  expect([body.spec.ports, body.status]).toEqual([[{ port: 80, protocol: 'TCP', targetPort: 80 }], { loadBalancer: {} }]);
});
