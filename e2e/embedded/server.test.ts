/** The embedded API as a process: strange requests, strangers, crashes. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, startApi } from './start.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-embedded-'));
const MAPS = '/api/v1/namespaces/shop/configmaps';
const configMap = (name: string, data: Record<string, string> = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
let api: RunningApi;

beforeAll(async () => {
  api = await startApi(join(folder, 'main'));
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('strange requests', () => {
  it.each([
    ['no JSON', 'POST', MAPS, { raw: '{"apiVersion":' }, 400, 'BadRequest'],
    ['no object', 'POST', MAPS, { body: [1, 2] }, 400, 'BadRequest'],
    ['no body', 'POST', MAPS, {}, 400, 'BadRequest'],
    ['no UTF-8', 'POST', MAPS, { raw: new Uint8Array([0x7b, 0xff, 0x7d]) }, 400, 'BadRequest'],
    ['deep nesting', 'POST', MAPS, { raw: `${'['.repeat(200)}${']'.repeat(200)}` }, 400, 'BadRequest'],
    ['a YAML bomb', 'POST', MAPS, { raw: 'a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n', type: 'application/yaml' }, 400, 'BadRequest'],
    ['cut protobuf', 'POST', MAPS, { raw: Buffer.from('k8s\0\n\x0f\n\x02v1\x12\tConfigMap\x12\x20\n\x05', 'latin1'), type: 'application/vnd.kubernetes.protobuf' }, 400, 'BadRequest'],
    ['unknown media type', 'POST', MAPS, { raw: 'x', type: 'text/html' }, 415, 'UnsupportedMediaType'],
    ['unknown patch type', 'PATCH', `${MAPS}/x`, { raw: '{}', type: 'application/json' }, 415, 'UnsupportedMediaType'],
    ['another kind', 'POST', MAPS, { body: { ...configMap('a'), kind: 'Secret' } }, 400, 'BadRequest'],
    ['another namespace', 'POST', MAPS, { body: { ...configMap('a'), metadata: { name: 'a', namespace: 'default' } } }, 400, 'BadRequest'],
    ['a name that is no DNS label', 'POST', '/api/v1/namespaces', { body: { metadata: { name: 'No_Label' } } }, 422, 'Invalid'],
    ['an unknown field, strictly', 'POST', `${MAPS}?fieldValidation=Strict`, { body: { ...configMap('a'), dta: {} } }, 400, 'BadRequest'],
    ['an unknown resource', 'GET', '/api/v1/podtemplates', {}, 404, 'NotFound'],
    ['an unknown version', 'GET', '/apis/isthmus.dev/v9/meshes', {}, 404, 'NotFound'],
    ['an unknown method', 'POST', `${MAPS}/a`, { body: {} }, 405, 'MethodNotAllowed'],
    ['a bad selector', 'GET', `${MAPS}?labelSelector=a==b==c`, {}, 400, 'BadRequest'],
    ['a bad limit', 'GET', `${MAPS}?limit=lots`, {}, 400, 'BadRequest'],
    ['a bad continue token', 'GET', `${MAPS}?continue=xyz`, {}, 400, 'BadRequest'],
    ['a bad version', 'GET', `${MAPS}?watch=1&resourceVersion=abc`, {}, 400, 'BadRequest'],
    ['a future version', 'GET', `${MAPS}?resourceVersion=99999999`, {}, 504, 'Timeout'],
    ['a version of other servers', 'GET', `${MAPS}?resourceVersion=zero`, {}, 400, 'BadRequest'],
    ['a bad dry run', 'POST', `${MAPS}?dryRun=Some`, { body: configMap('a') }, 422, 'Invalid'],
    ['a broken path', 'GET', '/api/v1/namespaces/%ff/secrets', {}, 400, 'BadRequest'],
  ] as const)('%s', async (_what, method, path, options, code, reason) => {
    const answer = await api.call(method, path, options);
    expect([answer.code, answer.body.kind, answer.body.reason]).toEqual([code, 'Status', reason]);
  });

  it('bounds bodies', async () => {
    const answer = await api.call('POST', MAPS, { body: configMap('big', { a: 'x'.repeat(3 * 1024 * 1024) }) }).catch(() => ({ code: 413, body: { reason: 'RequestEntityTooLarge' } }));
    expect([answer.code, answer.body.reason]).toEqual([413, 'RequestEntityTooLarge']);
    expect((await api.call('GET', '/readyz')).body).toBe('ok');
  });

  it('is not fooled by prototype names', async () => {
    const raw = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"proto","labels":{"constructor":"x"}},"data":{"__proto__":"y","constructor":"z"}}';
    const made = await api.call('POST', MAPS, { raw });
    expect([made.code, JSON.stringify(made.body.data)]).toEqual([201, '{"__proto__":"y","constructor":"z"}']);
    expect((await api.call('GET', `${MAPS}?labelSelector=toString`)).body.items).toEqual([]);
  });

  it('warns of unknown fields', async () => {
    const answer = await api.call('POST', MAPS, { body: { ...configMap('warned'), dta: {} } });
    expect([answer.code, answer.headers['warning']]).toEqual([201, '299 - "unknown field \\"dta\\""']);
  });
});

describe('strangers', () => {
  it('knows nobody without a token, and only health is public', async () => {
    for (const [token, code] of [['', 403], ['guess', 401]] as const) expect((await api.call('GET', MAPS, { token })).code).toBe(code);
    expect((await api.call('GET', '/healthz', { token: '' })).code).toBe(200);
    expect((await api.call('GET', '/apis', { token: '' })).code).toBe(403);
  });

  it('keeps a limited token within its rules', async () => {
    const as = { token: 'reader-token' };
    expect((await api.call('GET', MAPS, as)).code).toBe(200);
    for (const [method, path] of [['GET', '/api/v1/configmaps'], ['GET', '/api/v1/namespaces/default/configmaps'], ['GET', '/api/v1/namespaces/shop/secrets'], ['DELETE', MAPS], ['POST', MAPS]] as const) {
      const answer = await api.call(method, path, { ...as, ...(method === 'POST' ? { body: configMap('a') } : {}) });
      expect([path, answer.code, answer.body.reason]).toEqual([path, 403, 'Forbidden']);
    }
  });
});

it('streams watches with bookmarks and initial events', async () => {
  await api.call('POST', MAPS, { body: configMap('streamed') });
  const { body } = await api.call('GET', `${MAPS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1&fieldSelector=metadata.name%3Dstreamed`);
  const [added, bookmark, ...more] = (body as string).trim().split('\n').map((line) => JSON.parse(line) as { type: string; object: { metadata: { name?: string; annotations?: object } } });
  expect([added?.type, added?.object.metadata.name]).toEqual(['ADDED', 'streamed']);
  expect([bookmark?.type, bookmark?.object.metadata.annotations]).toEqual(['BOOKMARK', { 'k8s.io/initial-events-end': 'true' }]);
  expect(more).toEqual([]);
});

describe('crashes', () => {
  it('loses no acknowledged write to kill -9, and counts on', async () => {
    const place = join(folder, 'killed');
    let victim = await startApi(place);
    const acknowledged = new Map<string, string>();
    for (let round = 0; round < 3; round += 1) {
      const { process: child } = victim;
      let stopped = false;
      const killed = once(child, 'exit').then(() => { stopped = true; });
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let index = 0; !stopped; index += 1) {
          const name = `r${round}-w${writer}-${index}`;
          const answer = await victim.call('POST', MAPS, { body: configMap(name, { at: String(index) }) }).catch(() => undefined);
          if (answer?.code === 201) acknowledged.set(name, answer.body.metadata.resourceVersion);
        }
      });
      while (acknowledged.size < 60 * (round + 1)) await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill('SIGKILL');
      await Promise.all([killed, ...writers]);
      await victim.stop();
      victim = await startApi(place);
      const { body } = await victim.call('GET', MAPS);
      const found = new Map<string, string>(body.items.map((item: { metadata: { name: string; resourceVersion: string } }) => [item.metadata.name, item.metadata.resourceVersion]));
      expect([...acknowledged].filter(([name, version]) => found.get(name) !== version)).toEqual([]);
      expect(Number(body.metadata.resourceVersion)).toBeGreaterThanOrEqual(Math.max(...[...acknowledged.values()].map(Number)));
    }
    await victim.stop();
  });

  it('refuses a folder that another process uses', async () => {
    await expect(startApi(join(folder, 'main'))).rejects.toThrow(/objects\.sqlite: another process uses this file; stop it/);
  });

  const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
  if (!canMount) console.warn('skipped: a full disk needs a user namespace with mounts (unshare -rm)');
  it.skipIf(!canMount)('says that the disk is full, keeps what it had, and goes on when there is room', async () => {
    const child = spawn('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=400k none "$0" && exec "$1" "$2" "$0"', folder, process.execPath, join(import.meta.dirname, 'full-disk.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    await once(child, 'exit');
    const result = JSON.parse(output) as { message: string; versionKept: boolean; allReadBack: boolean; afterwards: boolean };
    expect(result).toEqual({ message: expect.stringMatching(/the disk is full; nothing of the write was kept/), versionKept: true, allReadBack: true, afterwards: true });
  });
});
