/**
 * Who is no member of the mesh is refused at every call: without a certificate, with a wrong one, as no cluster of the hub's, revoked, with another's token.
 * Generated from the `.proto` files and from the rules that the servers check by (mesh/api/authorization.ts), over real sockets against a hub as people start it.
 */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCertificateRequest } from '../../../certs/index.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { p256Signer } from '../../../controller/adapters/signer.ts';
import { decodeJoinToken } from '../../../controller/runtime/join-token.ts';
import { createJoinToken } from '../../../controller/runtime/new-join-token.ts';
import { GATEWAY_CALLERS } from '../../../mesh/api/authorization.ts';
import { encodeCertificateRequests, encodeJoinRequest, encodeRenewRequest } from '../../../mesh/api/codec/gateway.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf, Cluster, JoinToken } from '../../../mesh/api/resources/index.ts';
import type { IdentityMaterial } from '../../../mesh/ports/transport.ts';
import { call, type Credentials, issuerOf, never, signedByAgent, signedByHub } from '../callers.ts';
import { deltaOf, encoded, METHODS, subscriptionTo, TYPES } from '../protocol.ts';
import { type AttackedHub, methodOf, startAttackedHub, TRUST_DOMAIN } from './hub.ts';
import { RULES } from './rules.ts';
import { ATTACKER, FOREIGN, VICTIMS } from './well-formed.ts';

let scene: AttackedHub;
beforeAll(async () => { scene = await startAttackedHub(); });
afterAll(() => scene.stop());

describe('who is nobody here is told so at every call', () => {
  const someone: Readonly<Record<string, () => Promise<Credentials | undefined>>> = {
    'no certificate': async () => undefined,
    'an expired one': async () => signedByHub(scene.content, `spiffe://${TRUST_DOMAIN}/cluster/c10`, [-2, -1]),
    'one of tomorrow': async () => signedByHub(scene.content, `spiffe://${TRUST_DOMAIN}/cluster/c10`, [1, 2]),
    'one of another authority with the same names': async () => (await issuerOf(undefined, TRUST_DOMAIN)).agent('c10'),
    'the other cluster\'s Cilium, as remote': async () => scene.ours.mesh('remote', 'c10'),
    'the other cluster\'s Cilium, as admin': async () => scene.ours.mesh('admin', 'c10'),
    'the other cluster\'s Cilium, as local': async () => scene.ours.mesh('local', 'c10'),
    'the other cluster\'s Cilium, as server': async () => scene.ours.mesh('server', 'c10'),
    'the hub itself': async () => scene.ours.hub(),
    'one that an agent signed': async () => signedByAgent(scene.attacker, 'c10'),
    'one of our issuing CA for another trust domain': async () => signedByHub(scene.content, 'spiffe://other.test/cluster/c10', [-1, 1]),
    'one of our issuing CA for the hub': async () => signedByHub(scene.content, `spiffe://${TRUST_DOMAIN}/hub`, [-1, 1]),
  };
  test('one of our issuing CA is let in, so that refusals below mean something', async () => {
    const client = scene.clientOf('Peer', signedByHub(scene.content, `spiffe://${TRUST_DOMAIN}/cluster/c1`, [-1, 1]));
    expect((await call(client, methodOf('facts'), new Uint8Array())).code).toBe(status.OK);
    client.close();
  });
  test.each(Object.keys(someone))('%s', async (name) => {
    const { asked, clientOf, whatOthersSee } = scene;
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
      const client = scene.clientOf('Gateway', identity);
      const { code, response } = await call(client, methodOf(method), request);
      client.close();
      expect([method, code, response]).toEqual([method, status.PERMISSION_DENIED, undefined]);
    }
  }
}

test('a cluster that is no member is told so at every call of the hub\'s', async () => {
  await refusedEverywhere(scene.ours.agent('ghost'));
});

test('a token joins the cluster that it was made for and no other, with or without another\'s certificate', async () => {
  const { hub, attacker, clientOf, whatOthersSee } = scene;
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

test('a cluster that was revoked is told so at every call of the hub\'s', async () => {
  const identity = scene.ours.agent('revoked');
  const spec = { revoked: { at: new Date(Date.now() + 1000).toISOString(), reason: 'its key was stolen' } };
  await scene.hub.client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'revoked' }, spec }, { fieldManager: 'test' }, never);
  await refusedEverywhere(identity);
});
