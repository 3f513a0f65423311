import { Command } from 'commander';
import { expect, test } from 'vitest';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import { apiVersionOf, CertificateAuthority, Cluster, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { registerRotate } from './rotate.ts';
import { registerShow } from './show.ts';

type Status = NonNullable<CertificateAuthorityObject['status']>;
const one = { subject: 'CN=x', serial: 'AB', fingerprint: 'f'.repeat(64), notBefore: '2030-01-01T00:00:00.000Z', notAfter: '2031-01-01T00:00:00.000Z', state: 'Active' as const };
const STANDBY: Status = { phase: 'Standby', trustDomain: 'bank', sequence: 1, roots: [{ ...one, generation: 1, trusted: true, key: 'Held' }], issuers: [{ ...one, generation: 3, root: 1, signs: ['client', 'server'] }] };

async function run(environment: TestEnvironment, ...words: string[]): Promise<string> {
  const program = new Command('isthmus').exitOverride().configureOutput({ writeErr: () => {} });
  const identity = program.command('identity');
  registerRotate(identity, () => environment);
  registerShow(identity, () => environment);
  return program.parseAsync(['identity', ...words], { from: 'user' }).then(() => '', (error: unknown) => (error as Error).message);
}
const tells = ({ client, signal }: TestEnvironment, status: object): Promise<unknown> =>
  client.patch(CertificateAuthority, { name: FLEET_AUTHORITY }, { status }, { type: 'merge', fieldManager: 'isthmus-hub', subresource: 'status' }, signal);
const spec = async ({ client, signal }: TestEnvironment) => (await client.get<CertificateAuthorityObject>(CertificateAuthority, { name: FLEET_AUTHORITY }, signal))?.spec;

async function hub(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  await environment.client.create(CertificateAuthority, { apiVersion: apiVersionOf(CertificateAuthority), kind: 'CertificateAuthority', metadata: { name: FLEET_AUTHORITY }, spec: {} } as CertificateAuthorityObject, { fieldManager: 'test' }, environment.signal);
  await tells(environment, STANDBY);
  return environment;
}

/** The hub goes one phase further with each look. */
function moving(environment: TestEnvironment): TestEnvironment {
  const phases = ['Init', 'UpdateClients', 'UpdateServers', 'Cleanup'];
  let next = 0;
  return {
    ...environment,
    async sleep(milliseconds) {
      await environment.sleep(milliseconds);
      const { id = '', of = 'Root', reason = '' } = (await spec(environment))?.rotation ?? {};
      const phase = phases[next++];
      if (phase === undefined) await tells(environment, { phase: 'Standby', rotation: null, sequence: 3, finished: { id, of, at: '2030-01-01T12:00:02.500Z', back: false } });
      else await tells(environment, { phase, rotation: { id, of, reason, by: 'ada', since: '2030-01-01T12:00:00.000Z', back: false }, waitingFor: { count: 1, clusters: [{ name: 'oslo', why: 'believes bundle 1, not yet 2' }] } });
    },
  };
}

test('asks for the rotation, tells of each phase and of whom it waits for, and reports', async () => {
  const environment = await hub();
  expect(await run(moving(environment), 'rotate', '--of', 'root', '--why', 'yearly', '--id', 'spring')).toBe('');
  expect(await spec(environment)).toEqual({ rotation: { id: 'spring', of: 'Root', reason: 'yearly' } });
  expect(environment.complained()).toContain('  UpdateServers: waits for 1 cluster: oslo (believes bundle 1, not yet 2)\n');
  expect(environment.printed()).toBe([
    'rotation "spring" is done: every cluster that is not revoked believes bundle 3, and shows certificates of issuing CA 3 below root 1 alone',
    'PHASE           TOOK', 'Init            0.5s', 'UpdateClients   0.5s', 'UpdateServers   0.5s', 'Cleanup         0.5s', '',
  ].join('\n'));
});

test('a key in other hands: taints, rotates the root by a strategy of its own, once', async () => {
  const environment = await hub();
  expect(await run(environment, 'compromised', '--issuing', '3', '--why', 'stolen', '--id', 'x', '--dry-run')).toBe('');
  expect(await spec(environment)).toEqual({});
  expect(environment.printed()).toContain('issuing CA 3 would sign nothing more');
  expect(await environment.client.get(UpdateStrategy, { name: 'at-once' }, environment.signal)).toBeUndefined();
  expect(await run(moving(environment), 'compromised', '--issuing', '3', '--why', 'stolen', '--id', 'x', '-o', 'json')).toBe('');
  expect(await spec(environment)).toEqual({ rotation: { id: 'x', of: 'Root', reason: 'stolen', strategy: 'at-once' }, tainted: [{ of: 'Issuing', generation: 3, reason: 'stolen' }] });
  expect(await environment.client.get(UpdateStrategy, { name: 'at-once' }, environment.signal)).toMatchObject({ spec: { stages: [{ maxConcurrency: '100%' }] } });
  expect(await run(environment, 'compromised', '--issuing', '3', '--why', 'stolen', '--id', 'x')).toContain('rotation "x" ended at 2030-01-01T12:00:02.500Z');
});

test('a key in other hands while a rotation runs: tainted at once, and what runs is hurried where it leaves that root', async () => {
  const environment = await hub();
  const rotation = { id: 'spring', of: 'Issuing', reason: 'x', by: 'ada', since: '2030-01-01T12:00:00.000Z', back: false };
  const taints = async () => (await spec(environment))?.tainted?.map(({ of, generation }) => `${of} ${generation}`);
  await tells(environment, { phase: 'Init', rotation });
  expect(await run(environment, 'compromised', '--issuing', '3', '--why', 'stolen', '--dry-run')).toContain('say this again');
  expect(await taints()).toBeUndefined();
  expect(await run(environment, 'compromised', '--issuing', '3', '--why', 'stolen')).toContain('rotation "spring" (of the issuing CA) is in phase Init: take that back (isthmus identity rollback spring) or wait until it is done, then say this again');
  expect(await taints()).toEqual(['Issuing 3']);
  // Towards root 2: what is below root 1 is left anyway.
  const roots = [...STANDBY.roots ?? [], { ...one, generation: 2, state: 'Prepared' as const, trusted: true, key: 'Held' as const }];
  await environment.client.patch(CertificateAuthority, { name: FLEET_AUTHORITY }, { spec: { rotation: { id: 'spring', of: 'Root', reason: 'x', strategy: 'careful' }, tainted: null } }, { type: 'merge', fieldManager: 'test' }, environment.signal);
  await tells(environment, { roots, rotation: { ...rotation, of: 'Root' } });
  expect(await run(environment, 'compromised', '--root', '2', '--why', 'stolen', '--no-wait')).toContain('say this again');
  expect(await run(moving(environment), 'compromised', '--issuing', '3', '--why', 'stolen')).toBe('');
  expect(await spec(environment)).toMatchObject({ rotation: { id: 'spring', strategy: 'at-once' } });
  expect(await taints()).toEqual(['Root 2', 'Issuing 3']);
  expect(environment.printed()).toContain('rotation "spring" is done');
  expect(environment.printed()).toContain('issuing CA 3 and what it signed is believed nowhere any more');
});

test('a dry run says whom it would wait for, who is away, and whose signature is needed; for programs, too', async () => {
  const environment = await hub();
  const { client, signal } = environment;
  const member = async (name: string, status: object): Promise<void> => {
    await client.create(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name }, spec: {} } as never, { fieldManager: 'test' }, signal);
    await client.patch(Cluster, { name }, { status }, { type: 'merge', fieldManager: 'isthmus-hub', subresource: 'status' }, signal);
  };
  const identity = { spiffeId: 's', certificateSerial: 'AB', issuer: 'i', notAfter: '2030-01-02T00:00:00.000Z', joinedAt: '2030-01-01T00:00:00.000Z' };
  const connected = (status: string) => [{ type: 'Connected', status, reason: 'x', message: '', lastTransitionTime: '2030-01-01T00:00:00Z' }];
  await member('berlin', { identity, conditions: connected('True') });
  await member('oslo', { identity, conditions: connected('False') });
  await member('rome', { identity, revocation: { at: '2030-01-01T00:00:00.000Z', reason: 'x', clusters: 0, usersRemoved: 0, podsReplaced: 0 } });
  await member('lima', {});
  await tells(environment, { roots: [{ ...STANDBY.roots![0]!, key: 'Offline' }] });
  expect(await run(environment, 'rotate', '--of', 'root', '--why', 'x', '--id', 'y', '--dry-run')).toBe('');
  for (const line of ['Each phase waits for all 2 clusters; revoked, and not waited for: 1.', 'held until they are back or revoked: oslo', 'Phase Init also waits for your signature, by the next root']) expect(environment.printed()).toContain(line);
  const asJson = testEnvironment({ client, clock: { now: environment.now, advance: environment.sleep } as never });
  expect(await run(asJson, 'rotate', '--of', 'root', '--why', 'x', '--id', 'y', '--dry-run', '-o', 'json')).toBe('');
  expect(JSON.parse(asJson.printed())).toEqual({ rotation: 'y', of: 'root', dryRun: true, waitsFor: 2, away: ['oslo'], leftOut: 1, signatureNeeded: true });
  expect(await spec(environment)).toEqual({});
});

test('takes back what runs, and nothing else', async () => {
  const environment = await hub();
  expect(await run(environment, 'rollback', 'spring')).toContain('is not running; none is');
  const rotation = { id: 'spring', of: 'Root', reason: 'x', by: 'ada', since: '2030-01-01T12:00:00.000Z', back: false };
  await tells(environment, { phase: 'Cleanup', rotation });
  expect(await run(environment, 'rollback', 'spring')).toContain('the way back is closed');
  const another = (): Promise<string> => run(environment, 'rotate', '--of', 'issuing', '--why', 'x', '--id', 'other');
  expect(await another()).toBe('rotation "spring" is in phase Cleanup; wait until it is done ("isthmus identity show")');
  await tells(environment, { rotation: { ...rotation, of: 'Issuing' } });
  expect(await run(environment, 'compromised', '--issuing', '3', '--why', 'stolen', '--dry-run')).toContain('is in phase Cleanup: wait until it is done, then say this again');
  await tells(environment, { phase: 'UpdateClients', rotation: { ...rotation, back: true } });
  expect(await another()).toBe('rotation "spring" is in phase UpdateClients; wait until it is done ("isthmus identity show")');
  await tells(environment, { phase: 'UpdateClients', rotation });
  expect(await another()).toContain('phase UpdateClients; wait until it is done ("isthmus identity show"), or take it back: isthmus identity rollback spring');
  expect(await run(environment, 'rollback', 'spring', '--dry-run', '-o', 'yaml')).toBe('');
  expect(environment.printed()).toBe('rotation: spring\nphase: UpdateClients\nback: true\ndryRun: true\n');
  expect(await spec(environment)).toEqual({});
  expect(await run(environment, 'rollback', 'spring', '--timeout', '1')).toContain('is not done after 1 s: UpdateClients');
  expect(await spec(environment)).toEqual({ rollBack: { id: 'spring' } });
});

test('does not call it taken back when the way back closed while it was asked for', async () => {
  const environment = await hub();
  const rotation = { id: 'spring', of: 'Root', reason: 'x', by: 'ada', since: '2030-01-01T12:00:00.000Z', back: false };
  await tells(environment, { phase: 'UpdateServers', rotation });
  const late: TestEnvironment = { ...environment, async sleep(milliseconds) {
    await environment.sleep(milliseconds);
    await tells(environment, { phase: 'Standby', rotation: null, sequence: 3, finished: { id: 'spring', of: 'Root', at: '2030-01-01T12:00:02.500Z', back: false } });
  } };
  expect(await run(late, 'rollback', 'spring')).toBe('rotation "spring" was not taken back: its way back had closed when the hub heard of it, and it ended at 2030-01-01T12:00:02.500Z. What was before comes with another rotation');
  expect(environment.printed()).toContain('rotation "spring" is done');
});

test.each([
  [['rotate', '--of', 'leaf', '--why', 'x'], 'Allowed choices are issuing, root'],
  [['rotate', '--of', 'root', '--why', ' '], '--why: say why'],
  [['rotate', '--of', 'root', '--why', 'x', '--strategy', 'nope'], 'there is no UpdateStrategy "nope"'],
  [['rotate', '--of', 'root', '--why', 'x', '--timeout', '0'], '--timeout 0'],
  [['compromised', '--why', 'x'], 'say which: --issuing GENERATION or --root GENERATION'],
  [['compromised', '--root', '7', '--why', 'x'], 'there is no root 7; there are 1'],
])('%j is refused before anything is written', async (words, sentence) => {
  const environment = await hub();
  expect(await run(environment, ...words)).toContain(sentence);
  expect(await spec(environment)).toEqual({});
});

test('shows the authority, and a cluster by what its agent says is in use', async () => {
  const environment = await hub();
  expect(await run(environment, 'show')).toBe('');
  expect(environment.printed()).toMatch(/^trust domain bank, bundle 1\nno rotation is running\n\nAUTHORITY +STATE .*\nroot 1 +Active +believed +Held +364d +ffff/);
  await environment.client.create(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'berlin' }, spec: {} } as never, { fieldManager: 'test' }, environment.signal);
  const identity = { spiffeId: 'spiffe://bank/cluster/berlin', certificateSerial: 'AB', issuer: 'Isthmus issuing CA 1', notAfter: '2030-01-02T00:00:00.000Z', joinedAt: '2030-01-01T00:00:00.000Z', issuingCaGeneration: 3 };
  await environment.client.patch(Cluster, { name: 'berlin' }, { status: { identity, trust: { sequence: 0, clientIssuers: ['a'], serverIssuers: ['b'] } } }, { type: 'merge', fieldManager: 'isthmus-hub', subresource: 'status' }, environment.signal);
  expect(await run(environment, 'show', 'berlin')).toBe('');
  for (const line of ['CHAIN:     Isthmus issuing CA 1 <- issuing CA 3 <- root 1, until 2031', 'RENEWS:    now, until 2030-01-01T14:24:00.000Z', "BELIEVES:  bundle 0; the fleet's is 1", 'SHOWS:     a, b']) expect(environment.printed()).toContain(line);
  expect(await run(environment, 'show', 'berlim')).toBe('there is no cluster "berlim"; did you mean berlin?');
  const nobody = testEnvironment();
  expect(await run(nobody, 'show')).toContain('no hub has told of its authority yet');
});

test('shows a key that asks, what is refused, and how a request is signed; goes on showing where that is asked for', async () => {
  const environment = await hub();
  const { client, signal } = environment;
  await client.create(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'berlin' }, spec: {} } as never, { fieldManager: 'test' }, signal);
  const says = (status: object): Promise<unknown> => client.patch(Cluster, { name: 'berlin' }, { status }, { type: 'merge', fieldManager: 'isthmus-hub', subresource: 'status' }, signal);
  await says({ pending: { keySha256: 'ab'.repeat(32), since: '2030-01-01T11:00:00Z', by: 'join token x' } });
  expect(await run(environment, 'show', 'berlin')).toBe('');
  expect(environment.printed()).toContain(`by join token x. Compare it with the agent's log: isthmus cluster accept berlin --key ${'ab'.repeat(8)}\n`);
  const identity = { spiffeId: 's', certificateSerial: 'AB', issuer: 'i', notAfter: '2030-01-01T11:00:00.000Z', joinedAt: '2029-12-31T11:00:00.000Z' };
  await says({ pending: null, identity, revocation: { at: '2030-01-01T10:00:00.000Z', reason: 'stolen', clusters: 0, usersRemoved: 0, podsReplaced: 0 } });
  expect(await run(environment, 'show', 'berlin')).toBe('');
  for (const line of ['ENDS:      2030-01-01T11:00:00.000Z (ended 60m ago)', 'RENEWS:    never: it is refused', 'stolen; to let it in again: isthmus join berlin']) expect(environment.printed()).toContain(line);
  expect(await run(environment, 'show', '--watch', '-o', 'json')).toContain('--watch: shows the table again and again');

  const stop = new AbortController();
  let looks = 0;
  const watched: TestEnvironment = { ...environment, signal: stop.signal, async sleep() {
    if (++looks === 2) await tells(environment, { request: { requestPem: 'PEM', root: 1, since: '2030-01-01T12:00:00.000Z', hosts: ['hub.example'] } });
    if (looks === 4) stop.abort();
  } };
  const before = environment.printed().length;
  expect(await run(watched, 'show', '-w')).toBe('');
  const shown = environment.printed().slice(before);
  expect(shown.match(/trust domain bank/g)).toHaveLength(2);
  expect(shown).toContain('  isthmus identity root sign --key root.key.pem --request issuing.csr.pem --out issuing.crt.pem --permit hub.example\n  isthmus identity root install issuing.crt.pem\n');
});
