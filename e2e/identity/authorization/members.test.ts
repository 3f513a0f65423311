/**
 * A member speaks for itself alone: of every other cluster, at every call and for every type of resource, it is refused, and hears nothing.
 * Generated from the `.proto` files and from the rules that the servers check by (mesh/api/authorization.ts), over real sockets against a hub as people start it.
 */
import { type Client, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterOfSpiffeId, createCertificateRequest, readCertificate } from '../../../certs/index.ts';
import { p256Signer } from '../../../controller/adapters/signer.ts';
import { SYNC_RULES } from '../../../mesh/api/authorization.ts';
import { decodeCertificates, decodeRenewResponse, encodeCertificateRequests, encodeRenewRequest } from '../../../mesh/api/codec/gateway.ts';
import { encodeSyncMessage } from '../../../mesh/api/codec/sync.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Cluster, Inquiry } from '../../../mesh/api/resources/index.ts';
import { AGENT_TYPES, HUB_TYPES, type SyncResource, type SyncType } from '../../../mesh/model/sync.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { call, never, type Outcome } from '../callers.ts';
import { deltaOf, encoded, type ProtocolType, TYPES } from '../protocol.ts';
import { type AttackedHub, methodOf, startAttackedHub, TRUST_DOMAIN, until } from './hub.ts';
import { ATTACKER, FOREIGN, VICTIMS, WELL_FORMED } from './well-formed.ts';

let scene: AttackedHub;
beforeAll(async () => { scene = await startAttackedHub(); });
afterAll(() => scene.stop());

describe('a member speaks for itself alone', () => {
  let client: Client | undefined;
  afterAll(() => client?.close());
  /** One call of the attacker's. The hub hangs up a second after a denial: what that cuts off is asked again on a connection of its own. */
  async function ask(method: string, request: Uint8Array, enough?: Parameters<typeof call>[3]): Promise<Outcome> {
    client ??= scene.clientOf('Gateway', scene.attacker);
    const outcome = await call(client, methodOf(method), request, enough);
    if (outcome.code !== status.UNAVAILABLE) return outcome;
    client.close();
    client = scene.clientOf('Gateway', scene.attacker);
    return call(client, methodOf(method), request, enough);
  }

  /** The attacker's one message on a new stream, and what became of it. */
  async function say(message: Uint8Array): Promise<'denied' | 'refused' | 'taken' | Outcome> {
    const outcome = await ask('sync', message, (answer) => answer.kind === 'ack');
    const last = outcome.messages.at(-1);
    if (outcome.code === status.PERMISSION_DENIED) return 'denied';
    if (outcome.code !== undefined || last?.kind !== 'ack') return outcome;
    return last.error === '' ? 'taken' : 'refused';
  }
  const delta = (type: SyncType, resource: SyncResource): Uint8Array => encodeSyncMessage({ kind: 'delta', type, nonce: '1', resources: [resource], removed: [] });

  test('what it says of itself is taken, so that refusals below mean something', async () => {
    for (const type of AGENT_TYPES) expect([type, await say(delta(type, WELL_FORMED[type](ATTACKER)))]).toEqual([type, 'taken']);
  });

  test.each(Object.keys(SYNC_RULES) as SyncType[])('%s, of every other cluster', async (type) => {
    const { victims, whatOthersSee } = scene;
    const rule = SYNC_RULES[type];
    await until('the attacker\'s own words are told to all', () => [...victims.values()].every(({ held }) => held.has(`PeerAddress ${ATTACKER}`)));
    const before = await whatOthersSee();
    const protocolType = TYPES.find(({ name }) => name.replaceAll('_', '').toLowerCase() === type.toLowerCase()) as ProtocolType;
    for (const name of FOREIGN) {
      const wellFormed = WELL_FORMED[type](name);
      const outcome = wellFormed.name === '' ? 'denied' : await say(delta(type, wellFormed));
      const filled = await say(deltaOf(protocolType, name === '' ? 'x' : name));
      if (rule.from === 'agent' && rule.speaksFor === 'sender') expect([outcome, filled]).toEqual([expect.stringMatching(/taken|refused/), expect.stringMatching(/taken|refused/)]);
      else {
        expect([name, outcome]).toEqual([name, name === '' ? expect.stringMatching(/denied|refused/) : 'denied']);
        // What cannot even be read is left out and refused by name; all else ends the stream.
        expect([name, filled]).toEqual([name, expect.stringMatching(rule.from === 'hub' ? /denied/ : /denied|refused/)]);
      }
      // Removing: nobody else's resources are within reach.
      if (rule.from === 'agent') {
        const removal = encodeSyncMessage({ kind: 'delta', type, nonce: '1', resources: [], removed: [wellFormed.name, ...VICTIMS] });
        if (type === 'ClusterReport' || name === 'c10') expect(await say(removal)).toBe('taken');
      }
    }
    expect(await whatOthersSee()).toEqual(before);
  });

  test('people see on its Cluster that it tried', async () => {
    expect(await say(delta('ExportFact', WELL_FORMED.ExportFact('oslo')))).toBe('denied');
    await until('the Cluster says so', async () => {
      const cluster = await scene.hub.client.get<ClusterObject>(Cluster, { name: ATTACKER }, never);
      const consistent = cluster?.status?.conditions?.find(({ type }) => type === 'Consistent');
      return consistent?.reason === 'ReportRefused' && (consistent.message ?? '').includes('speaks for cluster "oslo", and the certificate is of "c1"');
    });
  });

  test('what it asks for is told of itself, whatever names it says that it holds', async () => {
    for (const type of HUB_TYPES) {
      const rule = SYNC_RULES[type];
      const known = Object.fromEntries([...FOREIGN.filter((name) => name !== ''), ...VICTIMS.map((name) => `${name}/shop/checkout`), 'shop/checkout'].map((name) => [name, 'forged']));
      const { code, messages } = await ask('sync', encodeSyncMessage({ kind: 'subscribe', type, known }), (answer) => answer.kind === 'delta');
      expect(code).toBeUndefined();
      const answer = messages.at(-1);
      if (answer?.kind !== 'delta') throw new Error('no delta');
      if (rule.from === 'hub' && rule.about === 'recipient') for (const { name, value } of answer.resources) expect([name, JSON.stringify(value)]).toEqual([expect.not.stringMatching(/c10|oslo/), expect.not.stringMatching(/"(c10|oslo)"/)]);
    }
    for (const type of AGENT_TYPES) expect((await ask('sync', encodeSyncMessage({ kind: 'subscribe', type, known: {} }))).code).toBe(status.PERMISSION_DENIED);
  });

  test('an answer counts as its own: the cluster that was asked is heard, not who was first', async () => {
    const { hub, victims } = scene;
    const victim = victims.get('oslo');
    const inquiry = { apiVersion: apiVersionOf(Inquiry), kind: Inquiry.kind, metadata: { name: 'who' }, spec: { dns: { name: 'checkout.shop.svc.clusterset.local', type: 'A', from: 'oslo' } } };
    await hub.client.create(Inquiry, inquiry as KubernetesObject, { fieldManager: 'test' }, never);
    await until('oslo is asked', () => (victim?.questions.length ?? 0) > 0);
    const id = victim?.questions[0]?.id ?? '';
    expect(await say(delta('Answer', { ...WELL_FORMED.Answer(ATTACKER), name: id, value: { id, lines: ['forged'], records: ['203.0.113.66'], rcode: 'NOERROR' } }))).toBe('taken');
    victim?.publisher.set('Answer', id, { id, lines: ['true'], records: ['10.1.0.1'], rcode: 'NOERROR' });
    let answered = '';
    await until('the inquiry is answered', async () => {
      answered = JSON.stringify((await hub.client.get<KubernetesObject & { status?: object }>(Inquiry, { name: 'who' }, never))?.status ?? {});
      return answered.includes('10.1.0.1');
    });
    expect(answered).not.toContain('203.0.113.66');
    await hub.client.delete(Inquiry, { name: 'who' }, {}, never);
  });

  test('certificates name the caller, whatever the request names', async () => {
    const { whatOthersSee } = scene;
    const before = await whatOthersSee();
    for (const name of FOREIGN) {
      for (const method of ['renew', 'issueMeshCertificates']) expect([name, (await ask(method, encoded(methodOf(method).request, name === '' ? 'x' : name))).code]).toEqual([name, status.INVALID_ARGUMENT]);
    }
    const key = p256Signer.generate();
    const renewed = decodeRenewResponse((await ask('renew', encodeRenewRequest(createCertificateRequest(key)))).response ?? new Uint8Array());
    expect(clusterOfSpiffeId(TRUST_DOMAIN, readCertificate(renewed.chainPem).uris.join())).toBe(ATTACKER);
    const roles = ['server', 'admin', 'remote', 'local'] as const;
    const issued = decodeCertificates((await ask('issueMeshCertificates', encodeCertificateRequests(roles.map((role) => ({ role, csrDer: createCertificateRequest(key) }))))).response ?? new Uint8Array());
    for (const { role, chainPem } of issued) {
      const { commonName, dnsNames, uris } = readCertificate(chainPem);
      expect([commonName, ...dnsNames, ...uris].join(' ')).not.toMatch(/c10|oslo/);
      if (role !== 'server') expect(commonName).toBe(`${role}-${ATTACKER}`);
    }
    expect(await whatOthersSee()).toEqual(before);
  });

  test('peers answer each cluster alike, and know who asked by its certificate', async () => {
    const { attacker, asked, clientOf } = scene;
    const client = clientOf('Peer', attacker);
    const outcomes = [];
    for (const name of FOREIGN) outcomes.push(await call(client, methodOf('facts'), encoded(methodOf('facts').request, name === '' ? 'x' : name)));
    client.close();
    expect(new Set(outcomes.map(({ code, response }) => `${code} ${Buffer.from(response ?? []).toString('hex')}`)).size).toBe(1);
    expect(outcomes[0]?.code).toBe(status.OK);
    expect(new Set(asked)).toEqual(new Set([ATTACKER]));
  });
});
