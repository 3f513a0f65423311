import { Command } from 'commander';
import { expect, test } from 'vitest';
import { apiVersionOf, Cluster } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { register } from './index.ts';

const KEY = 'ab'.repeat(32);

async function run(environment: TestEnvironment, ...words: string[]): Promise<string> {
  const program = new Command('isthmus').exitOverride().configureOutput({ writeErr: () => {} });
  register(program, () => environment);
  return program.parseAsync(['cluster', ...words], { from: 'user' }).then(() => '', (error: unknown) => (error as Error).message);
}
async function fleet(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  for (const name of ['berlin', 'oslo']) await environment.client.create(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name }, spec: {} } as ClusterObject, { fieldManager: 'test' }, environment.signal);
  const conditions = [{ type: 'Joined', status: 'False', reason: 'Pending', message: '', lastTransitionTime: '2030-01-01T11:00:00Z' }];
  const status = { pending: { keySha256: KEY, since: '2030-01-01T11:00:00Z', by: 'join token join-berlin-1' }, conditions };
  await environment.client.patch(Cluster, { name: 'berlin' }, { status }, { type: 'merge', fieldManager: 'isthmus-hub', subresource: 'status' }, environment.signal);
  return environment;
}
const berlin = ({ client, signal }: TestEnvironment) => client.get<ClusterObject>(Cluster, { name: 'berlin' }, signal);

test('lists who has joined, and which keys ask', async () => {
  const environment = await fleet();
  expect(await run(environment, 'list')).toBe('');
  expect(environment.printed()).toBe([
    `NAME     STATE     SINCE                  KEY THAT ASKS${' '.repeat(54)}BY`,
    `berlin   Pending   2030-01-01T11:00:00Z   ${KEY}   join token join-berlin-1`,
    'oslo     Unknown', '',
  ].join('\n'));
  const pending = testEnvironment({ client: environment.client, clock: { now: environment.now, advance: environment.sleep } as never });
  await run(pending, 'list', '--pending', '-o', 'json');
  expect(JSON.parse(pending.printed())).toEqual([{ name: 'berlin', state: 'Pending', since: '2030-01-01T11:00:00Z', keySha256: KEY, by: 'join token join-berlin-1' }]);
});

test('accepts the key that asks, and no other; the server writes down who did', async () => {
  const environment = await fleet();
  expect(await run(environment, 'accept', 'berlin', '--key', 'cd'.repeat(8))).toContain(`the key that asks has fingerprint ${KEY}, not cdcd`);
  expect(await run(environment, 'accept', 'berlin', '--key', 'abab')).toContain('--key: give the fingerprint');
  expect(await run(environment, 'accept', 'berlin', '--dry-run')).toBe('');
  expect((await berlin(environment))?.spec?.admission).toBeUndefined();
  expect(await run(environment, 'accept', 'berlin', '--key', KEY.slice(0, 16).toUpperCase(), '--why', 'read out on the phone')).toBe('');
  expect(await berlin(environment)).toMatchObject({
    metadata: { annotations: { 'isthmus.dev/reason': 'read out on the phone' } }, spec: { admission: { decision: 'Accepted', keySha256: KEY, reason: 'read out on the phone' } },
  });
  expect(environment.printed()).toContain(`cluster.isthmus.dev/berlin accepted: key ${KEY}, by join token join-berlin-1\n`);
});

test('rejects it; says where nobody asks', async () => {
  const environment = await fleet();
  expect(await run(environment, 'reject', 'berlin')).toBe('');
  expect((await berlin(environment))?.spec?.admission).toEqual({ decision: 'Rejected', keySha256: KEY });
  expect(await run(environment, 'accept', 'oslo')).toContain('no key asks to join as oslo now');
  expect(await run(environment, 'reject', 'bergen')).toBe('there is no cluster "bergen"; did you mean berlin?');
  const asJson = testEnvironment({ client: environment.client, clock: { now: environment.now, advance: environment.sleep } as never });
  expect(await run(asJson, 'accept', 'berlin', '--dry-run', '-o', 'json')).toBe('');
  expect(JSON.parse(asJson.printed())).toEqual({ cluster: 'berlin', decision: 'Accepted', keySha256: KEY, by: 'join token join-berlin-1', dryRun: true });
});
