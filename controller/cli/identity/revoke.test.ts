import { Command } from 'commander';
import { expect, test } from 'vitest';
import { apiVersionOf, Cluster, Mesh } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { registerRevoke } from './revoke.ts';

type Status = NonNullable<ClusterObject['status']>;

async function run(environment: TestEnvironment, ...words: string[]): Promise<string> {
  const program = new Command('isthmus').exitOverride().configureOutput({ writeErr: () => {} });
  registerRevoke(program.command('identity'), () => environment);
  return program.parseAsync(['identity', 'revoke', ...words], { from: 'user' }).then(() => '', (error: unknown) => (error as Error).message);
}
async function fleet(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  for (const name of ['berlin', 'oslo']) await environment.client.create(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name }, spec: {} } as ClusterObject, { fieldManager: 'test' }, environment.signal);
  return environment;
}
const read = ({ client, signal }: TestEnvironment) => client.get<ClusterObject>(Cluster, { name: 'berlin' }, signal);
/** As the hub does. */
async function acts({ client, signal }: TestEnvironment, revocation: Partial<NonNullable<Status['revocation']>>): Promise<void> {
  const status = { revocation: { at: '2030-01-01T12:00:00.000Z', reason: 'stolen laptop', clusters: 1, usersRemoved: 0, podsReplaced: 0, ...revocation } };
  await client.patch(Cluster, { name: 'berlin' }, { status }, { type: 'merge', fieldManager: 'isthmus-hub', subresource: 'status' }, signal);
}
const DONE = {
  usersRemoved: 1, podsReplaced: 1, streamsCutAt: '2030-01-01T12:00:00.100Z', lastUserRemovedAt: '2030-01-01T12:00:00.200Z', lastWatchGoneAt: '2030-01-01T12:00:09.000Z',
  peers: [{ cluster: 'oslo', userRemovedAt: '2030-01-01T12:00:00.200Z', podsReplacedAt: '2030-01-01T12:00:09.000Z' }],
};

test('declares the revocation, waits for the hub and the peers, and reports', async () => {
  const environment = await fleet();
  const { sleep } = environment;
  const watched: TestEnvironment = { ...environment, async sleep(milliseconds) { await sleep(milliseconds); await acts(environment, DONE); } };
  expect(await run(watched, 'berlin', '--why', 'stolen laptop')).toBe('');
  expect(await read(environment)).toMatchObject({ metadata: { annotations: { 'isthmus.dev/reason': 'stolen laptop' } }, spec: { revoked: { at: '2030-01-01T12:00:00.000Z', reason: 'stolen laptop' } } });
  expect(environment.printed()).toBe([
    'berlin was revoked at 2030-01-01T12:00:00.000Z: stolen laptop',
    'streams cut:        2030-01-01T12:00:00.100Z (+0.1s)',
    'last user removed:  2030-01-01T12:00:00.200Z (+0.2s)',
    'last watch gone:    2030-01-01T12:00:09.000Z (+9.0s)',
    '',
    'PEER   USER REMOVED   PODS REPLACED   PROBLEM',
    'oslo   +0.2s          +9.0s',
    '',
    'To let it in again: isthmus join berlin',
    'Where its keys are stolen, not before 2030-01-08T12:00:00.000Z: until then a mesh etcd that knows it as a user takes certificates of before; or after a rotation of the root: isthmus identity rotate --of root',
    '',
  ].join('\n'));
  const asJson = testEnvironment({ client: environment.client, clock: { now: environment.now, advance: environment.sleep } as never });
  expect(await run(asJson, 'berlin', '--why', 'again', '-o', 'json')).toBe('');
  expect(JSON.parse(asJson.printed())).toMatchObject({ cluster: 'berlin', done: true, lastWatchGoneAt: DONE.lastWatchGoneAt, peers: DONE.peers, rejoin: 'isthmus join berlin', oldCertificatesEnd: '2030-01-08T12:00:00.000Z' });
  expect(asJson.complained()).toContain('berlin is revoked already, since 2030-01-01T12:00:00.000Z (stolen laptop): nothing is written');
});

test('says what is missing when its time is up; what was asked for goes on', async () => {
  const environment = await fleet();
  expect(await run(environment, 'berlin', '--why', 'stolen laptop', '--timeout', '2')).toContain('no hub has acted on it within 2 s');
  await acts(environment, { usersRemoved: 1, lastUserRemovedAt: '2030-01-01T12:00:00.200Z', peers: [{ cluster: 'oslo', userRemovedAt: '2030-01-01T12:00:00.200Z' }] });
  expect(await run(environment, 'berlin', '--why', 'stolen laptop', '--timeout', '2')).toBe('berlin is revoked, but not all of it was done within 2 s: oslo; it goes on by itself, and the same command shows how far it is. Pods are replaced by an update run: "isthmus run list" shows what it waits for');
  expect(await run(environment, 'berlin', '--why', 'stolen laptop', '--wait', 'users')).toBe('');
});

test('a dry run says what will happen and writes nothing', async () => {
  const environment = await fleet();
  const { client, signal } = environment;
  await client.create(Mesh, { apiVersion: apiVersionOf(Mesh), kind: 'Mesh', metadata: { name: 'europe' }, spec: { clusters: {} } } as never, { fieldManager: 'test' }, signal);
  await client.patch(Mesh, { name: 'europe' }, { status: { clusters: ['berlin', 'oslo'].map((name, index) => ({ name, clusterId: index + 1, desiredId: '' })) } }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, signal);
  expect(await run(environment, 'berlin', '--why', 'stolen laptop', '--dry-run')).toBe('');
  expect(environment.printed()).toContain('its user and its keys go from 1 peer: oslo');
  expect(environment.printed()).toContain('of these are away, and do so when they are back: oslo');
  expect(environment.printed()).toContain('Then, by an update run of Mesh europe');
  const asJson = testEnvironment({ client, clock: { now: environment.now, advance: environment.sleep } as never });
  expect(await run(asJson, 'berlin', '--why', 'stolen laptop', '--dry-run', '-o', 'json')).toBe('');
  expect(JSON.parse(asJson.printed())).toMatchObject({ cluster: 'berlin', dryRun: true, peers: ['oslo'], away: ['oslo'], meshes: ['europe'] });
  expect((await read(environment))?.spec).toEqual({});
});

test.each([
  [['rome', '--why', 'x'], 'there is no cluster "rome", so nothing was revoked; known: berlin, oslo'],
  [['berlin', '--why', ' '], '--why: say why'],
  [['berlin', '--why', 'x'.repeat(1025)], 'has 1025 characters'],
  [['berlin'], 'required option'],
  [['berlin', '--why', 'x', '--timeout', '0'], '--timeout 0'],
])('%j is refused before anything is written', async (words, sentence) => {
  const environment = await fleet();
  expect(await run(environment, ...words)).toContain(sentence);
  expect((await read(environment))?.spec).toEqual({});
});
