/** The open request and CertificateRequests, on a manual clock; the issuer is played by the ceremony of an offline root. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Authority, createAuthority, initRoot, type RootKeys, signIssuingRequest } from '../../../certs/index.ts';
import { memoryKeyStore } from '../../../certs/testing/memory-key-store.ts';
import { CertificateRequest, type CertificateRequestObject } from '../../../mesh/api/resources/cert-manager.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { systemRandom } from '../../adapters/random.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock, type ManualClock } from '../../runtime/testing/manual-clock.ts';
import { digest } from '../testing/bench.ts';
import { type AskedIssuer, createCertManager } from './cert-manager.ts';

const signal = new AbortController().signal;
const DAY = 86_400_000;
const issuer = { name: 'bank-ca', kind: 'ClusterIssuer', group: 'cert-manager.io' };
let clock: ManualClock;
let authority: Authority;
let root: ReturnType<typeof initRoot>;
let server: Server;
let pinned: readonly string[];
let stop: AbortController;
let hub: AskedIssuer;
let log: ReturnType<typeof recordingLog>;

/** CertificateRequests alone. */
interface Server { readonly client: KubernetesClient; objects: CertificateRequestObject[]; refusal: KubernetesError | undefined; readonly asked: string[] }
function createServer(): Server {
  let made = 0;
  const no = (): never => { throw new Error('nobody asks for this'); };
  const state: Server = {
    objects: [], refusal: undefined, asked: [],
    client: {
      get: no, watch: no, update: no, patch: no,
      list: async <T>(_kind: unknown, { labelSelector = '' }: { readonly labelSelector?: string }) => {
        state.asked.push('list');
        if (state.refusal !== undefined && state.refusal.code !== 422) throw state.refusal;
        const wanted = labelSelector.split(',').map((term) => term.split('='));
        return { resourceVersion: '1', items: state.objects.filter(({ metadata }) => wanted.every(([key = '', value]) => metadata.labels?.[key] === value)) as T[] };
      },
      create: async <T>(kind: unknown, object: T) => {
        expect(kind).toBe(CertificateRequest);
        if (state.refusal !== undefined) throw state.refusal;
        const { metadata, ...rest } = object as CertificateRequestObject;
        if (state.objects.some((other) => other.metadata.name === metadata.name)) throw new KubernetesError(409, 'AlreadyExists', 'is there');
        made += 1;
        state.asked.push(`create ${made}`);
        state.objects.push({ ...rest, metadata: { ...metadata, uid: `u${made}`, creationTimestamp: toRfc3339(clock.now()) } });
        return object;
      },
      delete: async (_kind: unknown, { name }: { readonly name: string }, { uid }: { readonly uid?: string }) => {
        state.asked.push(`delete ${uid}`);
        state.objects = state.objects.filter(({ metadata }) => metadata.name !== name || metadata.uid !== uid);
      },
    } as unknown as KubernetesClient,
  };
  return state;
}

function start(by = issuer): void {
  stop = new AbortController();
  hub = createCertManager({ ports: { clock, random: seededRandom(1), log, metrics: fakeMetrics(), kubernetes: server.client, digest }, authority, namespace: 'isthmus-system', issuer: by, onChange: () => {} });
  void hub.start(stop.signal);
}
const say = (status: NonNullable<CertificateRequestObject['status']>, managedFields?: CertificateRequestObject['metadata']['managedFields']): void => {
  server.objects = server.objects.map((object, index) => (index < server.objects.length - 1 ? object : { ...object, metadata: { ...object.metadata, ...(managedFields === undefined ? {} : { managedFields }) }, status }));
};
const condition = (type: string, reason: string, message: string, state = 'True') => ({ type, status: state, reason, message, lastTransitionTime: toRfc3339(clock.now()) });
async function signed(by = root): Promise<NonNullable<CertificateRequestObject['status']>> {
  const requestPem = Buffer.from(server.objects.at(-1)?.spec.request ?? '', 'base64').toString();
  const { certificatePem } = await signIssuingRequest({ rootPem: by.certificatePem, requestPem, hosts: ['hub.example'], signer: p256Signer, random: systemRandom, now: clock.now(), sign: async (_root, _algorithm, bytes) => by.key.sign(bytes) });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return { conditions: [condition('Approved', 'x', ''), condition('Ready', 'Issued', '')], certificate: base64(certificatePem + by.certificatePem), ca: base64(by.certificatePem) };
}

beforeEach(async () => {
  [clock, log] = [manualClock(Date.now()), recordingLog()];
  root = initRoot('mesh.example', 3650 * DAY, p256Signer, systemRandom, clock.now());
  pinned = [root.certificatePem];
  const roots: RootKeys = { kind: 'Offline', certificates: () => pinned, sign: () => Promise.resolve(undefined) };
  authority = createAuthority({ clock, random: systemRandom, signer: p256Signer, keys: memoryKeyStore(), trustDomain: 'mesh.example', log, roots, hosts: ['hub.example'] });
  await authority.open(signal);
  server = createServer();
  start();
  await clock.advance(10);
});
afterEach(async () => {
  stop.abort();
  await clock.advance(1);
});

test('one is made, signed, installed and removed; 45 days before its end there is the next one', async () => {
  expect(server.objects).toMatchObject([{ metadata: { namespace: 'isthmus-system', name: expect.stringMatching(/-1$/) as string }, spec: { isCA: true, duration: '2160h0m0s', issuerRef: issuer } }]);
  await clock.advance(60_000);
  expect(server.asked.filter((each) => each !== 'list')).toEqual(['create 1']);
  expect(hub.condition()).toMatchObject({ type: 'CertManager', status: 'False', reason: 'WaitsForApproval' });
  say({ conditions: [condition('Approved', 'x', ''), condition('Ready', 'Pending', 'Referenced "ClusterIssuer" not found', 'False')] });
  await clock.advance(2000);
  expect(hub.condition()).toMatchObject({ reason: 'WaitsForIssuer', message: expect.stringContaining('Pending: Referenced "ClusterIssuer" not found') as string });
  say(await signed());
  await clock.advance(2000);
  expect(authority.state()).toMatchObject({ issuers: [{ state: 'active', root: 1 }], problems: [] });
  expect([server.objects, hub.condition()]).toMatchObject([[], { status: 'True', reason: 'Idle' }]);
  const before = server.asked.length;
  await clock.advance(40 * DAY);
  expect(server.asked.length, 'nothing is polled while nothing waits').toBe(before);
  await clock.advance(6 * DAY);
  await authority.open(signal);
  await clock.advance(10);
  expect(server.objects).toHaveLength(1);
  expect(JSON.stringify([log.lines, server.objects])).not.toContain('PRIVATE KEY');
});

test('a hub that starts again finds its own; of another issuer there is another one, and the first goes', async () => {
  stop.abort();
  await clock.advance(1);
  start();
  await clock.advance(10);
  expect(server.objects.map(({ metadata }) => metadata.uid)).toEqual(['u1']);
  stop.abort();
  await clock.advance(1);
  start({ ...issuer, name: 'other' });
  await clock.advance(10);
  expect(server.objects).toMatchObject([{ metadata: { uid: 'u2' }, spec: { issuerRef: { name: 'other' } } }]);
});

test('a denial is told with who and why, and asked again after a pause; three stand at most', async () => {
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    say({ conditions: [condition('Denied', 'policy', 'no')] }, [{ manager: 'approver', subresource: 'status', fieldsV1: { 'f:status': { 'f:conditions': { 'k:{"type":"Denied"}': {} } } } }]);
    await clock.advance(2000);
    expect(hub.condition()).toMatchObject({ reason: 'Denied', message: expect.stringContaining(`-${attempt} was denied by approver: policy: no; asks once more at`) as string });
    await clock.advance(5 * 60_000 * 2 ** (attempt - 1));
    expect(server.objects.length).toBe(Math.min(attempt + 1, 3));
    expect(server.objects.at(-1)?.metadata.name).toMatch(new RegExp(`-${attempt + 1}$`));
  }
});

test('what another root signed is not installed, and is looked at once', async () => {
  say(await signed(initRoot('mesh.example', 3650 * DAY, p256Signer, systemRandom, clock.now())));
  await clock.advance(2000);
  expect(hub.condition()).toMatchObject({ reason: 'Refused', message: expect.stringContaining('is not signed by') as string });
  await clock.advance(10_000);
  expect(hub.condition()).toMatchObject({ reason: 'Refused', message: expect.stringContaining('asks once more at') as string });
  expect(authority.state().issuers).toEqual([]);
});

test.each([
  [new KubernetesError(404, 'NotFound', 'x'), 'NotInstalled', /install cert-manager/],
  [new KubernetesError(403, 'Forbidden', 'x'), 'Forbidden', /root\.source=cert-manager/],
  [new KubernetesError(422, 'Invalid', 'a policy says no'), 'NotTaken', /a policy says no/],
] as const)('%s: it is said, and tried again', async (refusal, reason, message) => {
  server.objects = [];
  server.refusal = refusal;
  await clock.advance(5000);
  expect(hub.condition()).toMatchObject({ status: 'False', reason, message: expect.stringMatching(message) as string });
  server.refusal = undefined;
  await clock.advance(61_000);
  expect(server.objects).toHaveLength(1);
});

test('an object of somebody else with the name is left alone, and named', async () => {
  server.objects = server.objects.map((object) => ({ ...object, metadata: { name: object.metadata.name, uid: 'theirs' } }));
  await clock.advance(5000);
  expect(hub.condition()).toMatchObject({ reason: 'NotTaken', message: expect.stringContaining('is not this hub\'s: delete it') as string });
  expect(server.objects).toMatchObject([{ metadata: { uid: 'theirs' } }]);
});

test('a new root is one that people bring and rotate to: until then what it signs is refused, then it is asked for', async () => {
  say(await signed());
  await clock.advance(2000);
  const next = initRoot('mesh.example', 3650 * DAY, p256Signer, systemRandom, clock.now());
  pinned = [root.certificatePem, next.certificatePem];
  await clock.advance(46 * DAY);
  await authority.open(signal);
  await clock.advance(10);
  say(await signed(next));
  await clock.advance(2000);
  expect(hub.condition()).toMatchObject({ reason: 'Refused' });
  await authority.begin({ id: 'r1', of: 'Root', reason: 'the bank has a new one', by: 'ann' }, signal);
  await clock.advance(10);
  expect(server.objects).toMatchObject([{ metadata: { name: expect.stringMatching(/-1$/) as string } }]);
  say(await signed(next));
  await clock.advance(2000);
  expect(authority.state().issuers.at(-1)).toMatchObject({ root: 2, state: 'prepared' });
  expect((await authority.move('r1', 'UpdateClients', signal)).issuers.at(-1)).toMatchObject({ root: 2, signs: ['client'] });
});
