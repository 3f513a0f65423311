/**
 * Every call, every cluster but one's own, every type of resource: refused. Generated from the `.proto` files and from the rules that the servers check by
 * (mesh/api/authorization.ts), over real sockets against a hub as people start it, with two clusters connected that must notice nothing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterOfSpiffeId, createCertificateRequest, readCertificate } from '../../certs/index.ts';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { createClient } from '../../controller/adapters/grpc/client.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { grpcPeerServer } from '../../controller/adapters/grpc/peer-server.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { createJoinToken } from '../../controller/runtime/new-join-token.ts';
import { decodeJoinToken } from '../../controller/runtime/join-token.ts';
import { createPublisher } from '../../controller/runtime/sync/publisher.ts';
import { runSyncSession } from '../../controller/runtime/sync/session.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import { type Caller, GATEWAY_CALLERS, PEER_CALLERS, SYNC_RULES } from '../../mesh/api/authorization.ts';
import { decodeCertificates, decodeRenewResponse, encodeCertificateRequests, encodeJoinRequest, encodeRenewRequest } from '../../mesh/api/codec/gateway.ts';
import { encodeSyncMessage } from '../../mesh/api/codec/sync.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../mesh/api/resources/core.ts';
import { apiVersionOf, Cluster, HUB_RESOURCES, Inquiry, JoinToken } from '../../mesh/api/resources/index.ts';
import type { GatewayDefinition } from '../../mesh/api/gen/isthmus/v1/gateway.ts';
import { AGENT_TYPES, HUB_TYPES, type Question, type SyncResource, type SyncType, type SyncValues } from '../../mesh/model/sync.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { IdentityMaterial } from '../../mesh/ports/transport.ts';
import { exportOf, reportOf } from '../../controller/hub/testing/bench.ts';
import { type HubProcess, startHub, temporaryFolder } from '../embedded/hub-process.ts';
import { call, type Credentials, type Issuer, issuerOf, never, type Outcome, signedByAgent, signedByHub } from './callers.ts';
import { deltaOf, encoded, METHODS, type ProtocolMethod, type ProtocolType, subscriptionTo, TYPES } from './protocol.ts';

const ATTACKER = 'c1';
/** The first begins like the attacker's name. */
const VICTIMS = ['c10', 'oslo'] as const;
const FOREIGN = [...VICTIMS, 'c', '', 'C1', 'c1\0', 'c1\0c10', ' c1', 'c1/../c10', 'c1,c10', 'с1', 'c１', 'c1\u{200B}', '\u{1F600}'.repeat(100), 'spiffe://mesh.test/cluster/c10'] as const;
const TRUST_DOMAIN = 'mesh.test';
const RULES: Readonly<Record<string, Readonly<Record<string, Caller>>>> = { Gateway: GATEWAY_CALLERS, Peer: PEER_CALLERS };

// A rule less than there are calls does not compile; nor does a type of resource without one.
// @ts-expect-error join has no rule
const _calls: Record<keyof (typeof GatewayDefinition)['methods'], Caller> = { renew: 'cluster for itself', issueMeshCertificates: 'cluster for itself', sync: 'cluster for itself' };
// @ts-expect-error Bundle has no rule
const _types: { readonly [T in keyof typeof SYNC_RULES]: unknown } = (({ Bundle: _, ...others }) => others)(SYNC_RULES);

/** What a cluster says of itself in good faith, of each type. */
const WELL_FORMED: { readonly [T in SyncType]: (cluster: string) => SyncResource<T> } = {
  DesiredRevision: (cluster) => ({ name: cluster, version: '1', value: { id: `sha256-${'0'.repeat(64)}`, cluster, content: '{}' } }),
  ImportedFact: (cluster) => ({ name: `${cluster}/shop/checkout`, version: '1', value: exportOf(cluster) }),
  ExportVerdict: () => ({ name: 'shop/checkout', version: '1', value: { namespace: 'shop', name: 'checkout', valid: true, reason: 'Valid', message: '', conflictReason: '', conflictMessage: '' } as SyncValues['ExportVerdict'] }),
  Evacuation: (cluster) => ({ name: 'drill', version: '1', value: { id: 'drill', service: { namespace: 'shop', name: 'checkout' }, cluster, until: 1, active: true } }),
  PeerAddress: (cluster) => ({ name: cluster, version: '1', value: { cluster, address: '127.0.0.1:1' } }),
  Revocation: (cluster) => ({ name: cluster, version: '1', value: { cluster, at: 1, reason: 'forged' } as SyncValues['Revocation'] }),
  Reader: (cluster) => ({ name: cluster, version: '1', value: { cluster, reads: true } }),
  Question: () => ({ name: 'q', version: '1', value: { id: 'q', dnsName: 'a.b', dnsType: 'A' } }),
  Bundle: () => ({ name: `sha256-${'0'.repeat(64)}`, version: '1', value: { digest: `sha256-${'0'.repeat(64)}`, content: '{}', signatures: [] } }),
  ClusterReport: (cluster) => ({ name: cluster, version: '1', value: reportOf(1) }),
  AppliedReport: (cluster) => ({ name: cluster, version: '1', value: { id: null, appliedAt: null, healthy: true, message: '', drift: [] } }),
  ExportFact: (cluster) => ({ name: 'shop/checkout', version: '1', value: exportOf(cluster) }),
  DnsSample: (cluster) => ({ name: 'drill', version: '1', value: { cluster, at: 1, servedBy: [cluster], rcode: 'NOERROR', healthy: [cluster] } }),
  PeerVerdict: (cluster) => ({ name: 'peer', version: '1', value: { cluster, peer: 'peer', colour: 'green', reasons: [], since: 0, at: 0, figures: {} } }),
  Answer: () => ({ name: 'q', version: '1', value: { id: 'q', lines: ['forged'], records: ['203.0.113.66'], rcode: 'NOERROR' } }),
};

const folder = temporaryFolder();
const stop = new AbortController();
let hub: HubProcess;
let ours: Issuer;
let attacker: IdentityMaterial;
const asked: string[] = [];
let peerAddress = '';
/** The authority's document. */
let content = '';
/** What each victim holds of what the hub tells it, and whether its stream still lives. */
const victims = new Map<string, { readonly held: Map<string, string>; readonly questions: Question[]; readonly publisher: ReturnType<typeof createPublisher>; ended: boolean }>();

const clientOf = (service: string, credentials?: Credentials) => createClient({
  address: service === 'Peer' ? peerAddress : hub.gateway, bundlePem: ours.bundlePem, ...(credentials === undefined ? {} : { keyPem: credentials.keyPem, chainPem: credentials.chainPem }),
  serverId: service === 'Peer' ? `spiffe://${TRUST_DOMAIN}/cluster/oslo` : `spiffe://${TRUST_DOMAIN}/hub`,
});
const methodOf = (name: string): ProtocolMethod => METHODS.find(({ method }) => method === name) ?? METHODS[0]!;

function connectVictim(cluster: string, number: number): void {
  const publisher = createPublisher(sha256Hex);
  for (const type of AGENT_TYPES) {
    const { name, value } = WELL_FORMED[type](cluster);
    publisher.set(type, name, (type === 'ClusterReport' ? { ...reportOf(number), cilium: { ...reportOf(number).cilium, clusterName: cluster } } : value) as never);
  }
  const victim = { held: new Map<string, string>(), questions: [] as Question[], publisher, ended: false };
  victims.set(cluster, victim);
  const connection = grpcHubConnector().connect(hub.gateway, ours.agent(cluster));
  stop.signal.addEventListener('abort', () => connection.close());
  void runSyncSession({
    stream: connection.sync(stop.signal), publisher, publishes: AGENT_TYPES, subscribes: HUB_TYPES, log: silentLog, known: () => ({}),
    receive(type, resources, removed) {
      for (const { name, value } of resources) {
        if (type === 'Question') victim.questions.push(value as Question);
        else victim.held.set(`${type} ${name}`, JSON.stringify(value));
      }
      for (const name of removed) victim.held.delete(`${type} ${name}`);
      return '';
    },
  }, stop.signal).catch(() => {}).finally(() => { victim.ended = true; });
}

const until = async (what: string, done: () => boolean | Promise<boolean>): Promise<void> => {
  for (const giveUpAt = performance.now() + 20_000; !await done();) {
    if (performance.now() > giveUpAt) throw new Error(`not within 20 s: ${what}`);
    await new Promise((next) => { setTimeout(next, 20); });
  }
};

/** All that anybody could see change for a cluster other than the attacker's: objects in the hub's API, and what the other clusters are told. */
async function whatOthersSee(): Promise<unknown> {
  const objects: unknown[] = [];
  for (const kind of HUB_RESOURCES) {
    for (const { metadata: { resourceVersion: _, managedFields: __, ...metadata }, ...rest } of (await hub.client.list<KubernetesObject>(kind, {}, never)).items) {
      if (kind.kind === 'Cluster' && metadata.name === ATTACKER) continue;
      const { lastSeen: ___, lastContact: ____, ...status } = ((rest as { status?: Record<string, unknown> }).status ?? {});
      objects.push({ metadata, ...rest, status });
    }
  }
  return { objects, told: [...victims].map(([cluster, { held, ended }]) => ({ cluster, ended, held: [...held].filter(([name]) => !name.includes(` ${ATTACKER}`)).sort() })) };
}

beforeAll(async () => {
  hub = await startHub(folder.path, { flags: ['--trust-domain', TRUST_DOMAIN] });
  const stored = await hub.client.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-authority' }, never);
  content = Buffer.from(stored?.data?.['authority.json'] ?? '', 'base64').toString();
  ours = await issuerOf(content, TRUST_DOMAIN);
  for (const name of [ATTACKER, ...VICTIMS]) await hub.client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name }, spec: {} }, { fieldManager: 'test' }, never);
  attacker = ours.agent(ATTACKER);
  const identity = ours.agent('oslo');
  ({ address: peerAddress } = await grpcPeerServer({ listen: '127.0.0.1:0', log: silentLog }).serve({
    facts: (peer) => {
      asked.push(peer.cluster);
      return Promise.resolve({ cluster: 'oslo', exports: [exportOf('oslo')], reachability: [] });
    },
  }, () => identity, stop.signal));
  VICTIMS.forEach((cluster, index) => connectVictim(cluster, index + 10));
  await until('the victims hold each other\'s addresses and their reports are on the Clusters', async () => {
    const known = [...victims.values()].every(({ held }) => [...held.keys()].some((name) => name.startsWith('PeerAddress')) && held.has('ExportVerdict shop/checkout'));
    const { items } = await hub.client.list<ClusterObject>(Cluster, {}, never);
    return known && items.filter(({ status: { kubernetesVersion } = {} }) => kubernetesVersion !== undefined).length === VICTIMS.length;
  });
});
afterAll(async () => {
  stop.abort();
  await hub.stop();
  folder.remove();
});

describe('the rules', () => {
  test('are for the calls of the .proto files, each and no other', () => {
    const written = METHODS.map(({ service, method }) => `${service}.${method}`).sort();
    expect(Object.entries(RULES).flatMap(([service, callers]) => Object.keys(callers).map((method) => `${service}.${method}`)).sort()).toEqual(written);
  });
  test('are for the types of the .proto files, each and no other', () => {
    const pascal = (name: string): string => name.toLowerCase().replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
    expect(Object.keys(SYNC_RULES).sort()).toEqual(TYPES.map(({ name }) => pascal(name)).sort());
  });
  test('say in the .proto files, too, that no call but Join goes without a certificate', () => {
    expect(readFileSync(join(import.meta.dirname, '../../mesh/api/isthmus/v1/gateway.proto'), 'utf8')).toContain('Every call but Join needs the agent\'s client certificate');
    expect(METHODS.filter(({ service, method }) => RULES[service]?.[method] === 'holder of a join token').map(({ method }) => method)).toEqual(['join']);
  });
});

describe('who is nobody here is told so at every call', () => {
  const someone: Readonly<Record<string, () => Promise<Credentials | undefined>>> = {
    'no certificate': async () => undefined,
    'an expired one': async () => signedByHub(content, `spiffe://${TRUST_DOMAIN}/cluster/c10`, [-2, -1]),
    'one of tomorrow': async () => signedByHub(content, `spiffe://${TRUST_DOMAIN}/cluster/c10`, [1, 2]),
    'one of another authority with the same names': async () => (await issuerOf(undefined, TRUST_DOMAIN)).agent('c10'),
    'the other cluster\'s Cilium, as remote': async () => ours.mesh('remote', 'c10'),
    'the other cluster\'s Cilium, as admin': async () => ours.mesh('admin', 'c10'),
    'the other cluster\'s Cilium, as local': async () => ours.mesh('local', 'c10'),
    'the other cluster\'s Cilium, as server': async () => ours.mesh('server', 'c10'),
    'the hub itself': async () => ours.hub(),
    'one that an agent signed': async () => signedByAgent(attacker, 'c10'),
    'one of our issuing CA for another trust domain': async () => signedByHub(content, 'spiffe://other.test/cluster/c10', [-1, 1]),
    'one of our issuing CA for the hub': async () => signedByHub(content, `spiffe://${TRUST_DOMAIN}/hub`, [-1, 1]),
  };
  test('one of our issuing CA is let in, so that refusals below mean something', async () => {
    const client = clientOf('Peer', signedByHub(content, `spiffe://${TRUST_DOMAIN}/cluster/c1`, [-1, 1]));
    expect((await call(client, methodOf('facts'), new Uint8Array())).code).toBe(status.OK);
    client.close();
  });
  test.each(Object.keys(someone))('%s', async (name) => {
    const before = await whatOthersSee();
    const heard = asked.length;
    const credentials = await someone[name]?.();
    let calls = 0;
    for (const service of Object.keys(RULES)) {
      const client = clientOf(service, credentials);
      for (const method of METHODS.filter((each) => each.service === service && RULES[service]?.[each.method] !== 'holder of a join token')) {
        const requests = method.stream ? TYPES.flatMap((type) => [deltaOf(type, 'c10'), subscriptionTo(type, 'c10')]) : [new Uint8Array(), encoded(method.request, 'c10')];
        for (const request of requests) {
          const { code, messages, response } = await call(client, method, request);
          expect([method.path, code, response]).toEqual([method.path, status.UNAUTHENTICATED, undefined]);
          expect(messages).toEqual([]);
          calls += 1;
        }
      }
      client.close();
    }
    expect(calls).toBe(2 * (METHODS.length - 2) + 2 * TYPES.length);
    expect(asked).toHaveLength(heard);
    expect(await whatOthersSee()).toEqual(before);
  });
});

/** Every call of the hub's that asks for a certificate, each on a connection of its own: the hub hangs up on whoever is refused for who it is. */
async function refusedEverywhere(identity: IdentityMaterial): Promise<void> {
  const csr = createCertificateRequest(p256Signer.generate());
  const requests: Readonly<Record<string, readonly Uint8Array[]>> = {
    renew: [encodeRenewRequest(csr)], issueMeshCertificates: [encodeCertificateRequests([{ role: 'admin', csrDer: csr }])], sync: TYPES.map((type) => deltaOf(type, identity.cluster)),
  };
  for (const [method, rule] of Object.entries(GATEWAY_CALLERS)) {
    if (rule === 'holder of a join token') continue;
    expect(requests[method]?.length).toBeGreaterThan(0);
    for (const request of requests[method] ?? []) {
      const client = clientOf('Gateway', identity);
      const { code, response } = await call(client, methodOf(method), request);
      client.close();
      expect([method, code, response]).toEqual([method, status.PERMISSION_DENIED, undefined]);
    }
  }
}

test('a cluster that is no member is told so at every call of the hub\'s', async () => {
  await refusedEverywhere(ours.agent('ghost'));
});

test('a cluster that was revoked is told so at every call of the hub\'s', async () => {
  const identity = ours.agent('revoked');
  const spec = { revoked: { at: new Date(Date.now() + 1000).toISOString(), reason: 'its key was stolen' } };
  await hub.client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'revoked' }, spec }, { fieldManager: 'test' }, never);
  await refusedEverywhere(identity);
});

describe('a member speaks for itself alone', () => {
  let client: ReturnType<typeof clientOf> | undefined;
  afterAll(() => client?.close());
  /** One call of the attacker's. The hub hangs up a second after a denial: what that cuts off is asked again on a connection of its own. */
  async function ask(method: string, request: Uint8Array, enough?: Parameters<typeof call>[3]): Promise<Outcome> {
    client ??= clientOf('Gateway', attacker);
    const outcome = await call(client, methodOf(method), request, enough);
    if (outcome.code !== status.UNAVAILABLE) return outcome;
    client.close();
    client = clientOf('Gateway', attacker);
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
      const cluster = await hub.client.get<ClusterObject>(Cluster, { name: ATTACKER }, never);
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
    const client = clientOf('Peer', attacker);
    const outcomes = [];
    for (const name of FOREIGN) outcomes.push(await call(client, methodOf('facts'), encoded(methodOf('facts').request, name === '' ? 'x' : name)));
    client.close();
    expect(new Set(outcomes.map(({ code, response }) => `${code} ${Buffer.from(response ?? []).toString('hex')}`)).size).toBe(1);
    expect(outcomes[0]?.code).toBe(status.OK);
    expect(new Set(asked)).toEqual(new Set([ATTACKER]));
  });
});

test('a token joins the cluster that it was made for and no other, with or without another\'s certificate', async () => {
  const { data } = await hub.client.get<ConfigMapObject>(ConfigMap, { namespace: 'isthmus-system', name: 'isthmus-trust' }, never) ?? {};
  const made = createJoinToken({ cluster: ATTACKER, hubAddress: hub.gateway, trustDomain: TRUST_DOMAIN, bundlePem: data?.['bundle.pem'] ?? '', lifetimeSeconds: 600 }, { random: systemRandom, digest: sha256Hex, now: Date.now() });
  await hub.client.create(JoinToken, made.object, { fieldManager: 'test' }, never);
  const token = decodeJoinToken(made.text);
  if ('problem' in token) throw new Error(token.problem);
  const before = await whatOthersSee();
  const secret = new Uint8Array(Buffer.from(token.secret, 'base64url'));
  const csrDer = createCertificateRequest(p256Signer.generate());
  for (const [client, names] of [[clientOf('Gateway'), FOREIGN], [clientOf('Gateway', attacker), VICTIMS]] as const) {
    for (const cluster of names) {
      const { code, response } = await call(client, methodOf('join'), encodeJoinRequest({ cluster, secret, csrDer }));
      expect([cluster, response]).toEqual([cluster, undefined]);
      expect([status.UNAUTHENTICATED, status.INVALID_ARGUMENT]).toContain(code);
    }
    client.close();
  }
  expect(await whatOthersSee()).toEqual(before);
  const client = clientOf('Gateway');
  expect((await call(client, methodOf('join'), encodeJoinRequest({ cluster: ATTACKER, secret, csrDer }))).code).toBe(status.OK);
  client.close();
});
