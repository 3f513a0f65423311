import { afterEach, beforeEach, expect, test } from 'vitest';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { CertificateAuthority, type CertificateAuthorityObject } from '../../../mesh/api/resources/authority.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { HUB_RESOURCES } from '../../../mesh/api/resources/index.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { openSqliteRecords } from '../../adapters/records/sqlite.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient } from '../../embedded/client.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { createHub, type Hub } from '../wiring.ts';

const never = new AbortController().signal;
const namespace = 'isthmus-system';
const [secret, trust] = [{ namespace, name: 'isthmus-authority' }, { namespace, name: 'isthmus-trust' }];
const by = { fieldManager: 'person' };
const LOST = /^Secret isthmus-system\/isthmus-authority: is not there, and ConfigMap isthmus-system\/isthmus-trust says that there was an authority.*create secret generic isthmus-authority --from-file=authority\.json \(docs\/runbooks\/identity\.md.*annotate --overwrite configmap isthmus-trust (isthmus\.dev\/begin-anew=[0-9a-f]{16})$/;

let clock = manualClock();
let kubernetes = {} as ReturnType<typeof embeddedClient>;
let log = recordingLog();
let stop = new AbortController();
let hub = {} as Hub;
let ended: Promise<unknown> = Promise.resolve();
let served = false;

/** `ownsApi`: the API is in the same process, as with `--embedded`. */
async function start(ownsApi = true): Promise<void> {
  stop = new AbortController();
  served = false;
  hub = createHub({
    clock, random: seededRandom(2), kubernetes, records: await openSqliteRecords(':memory:'), signer: deterministicSigner(`hub ${clock.now()}`), log, metrics: fakeMetrics(), digest: sha256Hex,
    gateway: { serve: async () => { served = true; return { address: 'hub.test:8443' }; } },
  }, { namespace, trustDomain: 'test', advertisedAddress: 'hub.test:8443', createNamespace: ownsApi });
  ended = hub.start(stop.signal).then(() => undefined, (error: unknown) => error);
  await clock.advance(1000);
}
async function end(): Promise<void> {
  stop.abort();
  await clock.advance(10);
  await ended;
}
const bundle = async (): Promise<string> => (await kubernetes.get<ConfigMapObject>(ConfigMap, trust, never))?.data?.['bundle.pem'] ?? '';
const annotate = (value: string) => kubernetes.patch(ConfigMap, trust, { metadata: { annotations: { 'isthmus.dev/begin-anew': value } } }, { ...by, type: 'merge' }, never);

let first = '';
let kept: SecretObject | undefined;
beforeEach(async () => {
  clock = manualClock();
  log = recordingLog();
  kubernetes = embeddedClient(createEmbeddedApi({ objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: HUB_RESOURCES }));
  await start();
  expect(served).toBe(true);
  await end();
  first = await bundle();
  kept = await kubernetes.get<SecretObject>(Secret, secret, never);
  await kubernetes.delete(Secret, secret, {}, never);
});
afterEach(end);

const back = async (): Promise<void> => {
  const { resourceVersion: _, uid: _uid, creationTimestamp: _made, managedFields: _managed, ...metadata } = kept!.metadata;
  await kubernetes.create(Secret, { ...kept!, metadata }, by, never);
};

test('a hub whose authority is lost begins none: it ends with what to do, and works again once a copy is back', async () => {
  await start(false);
  expect(String((await ended as Error).message)).toMatch(LOST);
  expect(await kubernetes.get(Secret, secret, never)).toBeUndefined();
  expect([served, await bundle()]).toEqual([false, first]);
  await back();
  await start(false);
  expect([served, await bundle(), hub.ready()]).toEqual([true, first, { ok: true, reasons: [] }]);
});

test('where it serves the API itself it waits, is not ready and says why: the copy is put back while it runs', async () => {
  await start();
  await clock.advance(300_000);
  expect([served, hub.ready().ok]).toEqual([false, false]);
  expect(hub.ready().reasons).toContainEqual(expect.stringMatching(LOST));
  expect(log.lines.filter(({ message }) => message.includes('is lost'))).toHaveLength(1);
  await back();
  await clock.advance(5000);
  expect([served, await bundle(), hub.ready()]).toEqual([true, first, { ok: true, reasons: [] }]);
});

test('a person begins anew by an annotation that is good for this authority, and once', async () => {
  await annotate('yes');
  await start(false);
  const [, wanted = ''] = LOST.exec((await ended as Error).message) ?? [];
  await annotate(wanted.split('=')[1] ?? '');
  await start(false);
  expect(served).toBe(true);
  expect(await bundle()).not.toBe(first);
  expect((await kubernetes.get<ConfigMapObject>(ConfigMap, trust, never))?.data?.['sequence']).toBe('2');
  expect((await kubernetes.get<ConfigMapObject>(ConfigMap, trust, never))?.metadata.annotations?.['isthmus.dev/begin-anew']).toBeUndefined();
  expect(log.lines.filter(({ level, message }) => level === 'warn' && message.startsWith('begins a new certificate authority'))).toHaveLength(1);
  await end();
  await kubernetes.delete(Secret, secret, {}, never);
  await annotate(wanted.split('=')[1] ?? '');
  await start(false);
  expect((await ended as Error).message).toMatch(LOST);
});

test('orders to the authority that is lost are none to the new one: it is not begun while they stand', async () => {
  await kubernetes.patch(CertificateAuthority, { name: 'fleet' }, { spec: { rotation: { id: 'r1', of: 'Root', reason: 'stolen' }, tainted: [{ of: 'Root', generation: 1, reason: 'stolen' }] } }, { ...by, type: 'merge' }, never);
  await start(false);
  const [, wanted = ''] = LOST.exec((await ended as Error).message) ?? [];
  await annotate(wanted.split('=')[1] ?? '');
  await start(false);
  expect((await ended as Error).message).toBe('CertificateAuthority fleet: spec.rotation, spec.tainted are orders to the authority that is lost, and a new one would obey: delete the object, the hub makes it again: kubectl delete certificateauthority fleet');
  expect([served, await bundle()]).toEqual([false, first]);
  await kubernetes.delete(CertificateAuthority, { name: 'fleet' }, {}, never);
  await start(false);
  await clock.advance(5000);
  expect(served).toBe(true);
  expect((await kubernetes.get<CertificateAuthorityObject>(CertificateAuthority, { name: 'fleet' }, never))).toMatchObject({ spec: {}, status: { sequence: 2, phase: 'Standby' } });
});

test('of two hubs that begin at once the second takes what the first has stored and published meanwhile', async () => {
  await kubernetes.delete(ConfigMap, trust, {}, never);
  const [load, other] = [kubernetes.get, { done: false }];
  kubernetes = { ...kubernetes, get: async (kind, ref, signal) => {
    const found = await load<never>(kind, ref, signal);
    if (ref.name === secret.name && !other.done) {
      other.done = true;
      await back();
      await kubernetes.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: trust, data: { 'bundle.pem': first } } as KubernetesObject, by, never);
    }
    return found;
  } };
  await start(false);
  expect([other.done, served, await bundle()]).toEqual([true, true, first]);
});
