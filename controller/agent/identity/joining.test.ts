/** An agent that waits until somebody accepts its key, and one that joins by its service account. */
import { expect, test } from 'vitest';
import { agentClaims, testIssuer } from '../../../certs/service-account/testing/issuer.ts';
import { keyFingerprint, readCertificate } from '../../../certs/index.ts';
import { Cluster } from '../../../mesh/api/resources/cluster.ts';
import { ClusterAdmission, type ClusterAdmissionObject } from '../../../mesh/api/resources/cluster-admission.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf } from '../../../mesh/api/resources/define.ts';
import { p256Signer } from '../../adapters/signer.ts';
import type { AcceptClusters } from '../../hub/identity/acceptance.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { memoryKubernetes } from '../../runtime/testing/memory-kubernetes.ts';
import { createAgentIdentity } from './identity.ts';
import type { JoinConfig } from './join.ts';
import { testHub } from './testing/hub.ts';

const signal = new AbortController().signal;

async function setting(accept: AcceptClusters) {
  const clock = manualClock();
  const world = { clock, hub: await testHub(clock, 'mesh.example', accept), kubernetes: memoryKubernetes(), log: recordingLog() };
  const stored = async () => (await world.kubernetes.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-agent-identity' }, signal))?.data ?? {};
  return {
    ...world, stored,
    agent: (config: Partial<JoinConfig>) => createAgentIdentity({ kubernetes: world.kubernetes, hub: world.hub.connector, signer: p256Signer, clock, random: seededRandom(3), log: world.log }, { cluster: 'berlin', namespace: 'isthmus-system', hubAddress: 'hub:7443', joinToken: undefined, ...config }),
    decide: (decision: string, keySha256: string) => world.hub.kubernetes.patch(Cluster, { name: 'berlin' }, { spec: { admission: { decision, keySha256 } } }, { type: 'merge', fieldManager: 'test' }, signal),
    asking: async () => keyFingerprint(p256Signer.import(Buffer.from((await stored())['joining.key'] ?? '', 'base64').toString('utf8')).publicKeyDer),
  };
}

test('keeps asking with the key that it stored, with pauses, over restarts; says its fingerprint, once; and joins when that is accepted', async () => {
  const { clock, hub, log, agent, decide, asking } = await setting('Manually');
  const token = await hub.token('berlin');
  const ended = new AbortController();
  const first = agent({ joinToken: token });
  const gone = first.obtain(ended.signal);
  await clock.advance(600_000);
  const print = await asking();
  expect(first.problem()).toBe(`cluster "berlin": asked to join with the key of fingerprint ${print}, and waits until somebody accepts exactly that on the hub: isthmus cluster accept berlin`);
  expect(log.lines.filter((line) => JSON.stringify(line).includes(print))).toHaveLength(2);
  const asks = hub.calls.length;
  expect(asks).toBeGreaterThan(600 / 16);
  expect(asks).toBeLessThan(600 / 9);
  ended.abort();
  await expect(gone).rejects.toMatchObject({ reason: 'Cancelled' });
  // Its token has expired long ago.
  const second = agent({ joinToken: token });
  const obtained = second.obtain(signal);
  await clock.advance(3_600_000);
  expect(await asking()).toBe(print);
  await decide('Accepted', print);
  await clock.advance(16_000);
  expect(keyFingerprint(p256Signer.import((await obtained).keyPem).publicKeyDer)).toBe(print);
  expect(second.problem()).toBeUndefined();
});

test('ends where its key is rejected, and says so', async () => {
  const { clock, hub, agent, decide, asking } = await setting('Manually');
  const obtained = agent({ joinToken: await hub.token('berlin') }).obtain(signal).catch((error: unknown) => error);
  await clock.advance(1000);
  await decide('Rejected', await asking());
  await clock.advance(16_000);
  expect(await obtained).toMatchObject({ reason: 'PermissionDenied', message: expect.stringContaining('rejected the key') as string });
});

test('by its service account: joins with the token as it is then, and again when its identity has expired while it was off', async () => {
  const { clock, hub, agent, stored, log } = await setting('Automatically');
  const issuer = testIssuer('one');
  const spec = { issuer: 'https://berlin.example', jwks: { keys: [issuer.key] } } as ClusterAdmissionObject['spec'];
  await hub.kubernetes.create(ClusterAdmission, { apiVersion: apiVersionOf(ClusterAdmission), kind: 'ClusterAdmission', metadata: { name: 'berlin' }, spec } as ClusterAdmissionObject, { fieldManager: 'test' }, signal);
  let there = false;
  const account = (caPem: string) => ({
    trustDomain: 'mesh.example', caPem,
    token: async () => {
      if (!there) throw new AdvisedError('retry', 'the kubelet has not made it yet');
      return `${issuer.token(agentClaims(clock.now()))}\n`;
    },
  });
  const identity = agent({ serviceAccountJoin: account(hub.authority.trust().bundlePem) });
  const obtained = identity.obtain(signal);
  await clock.advance(5000);
  expect(identity.problem()).toBe('the kubelet has not made it yet');
  there = true;
  await clock.advance(20_000);
  const first = await obtained;
  expect(readCertificate(first.chainPem).uris).toEqual(['spiffe://mesh.example/cluster/berlin']);
  await clock.advance(30 * 3_600_000);
  // What it was told at first is outdated; the roots that it has are not.
  const again = await agent({ serviceAccountJoin: account('the roots of last year') }).obtain(signal);
  expect(again.chainPem).not.toBe(first.chainPem);
  expect(readCertificate(again.chainPem).notAfter).toBeGreaterThan(clock.now());
  expect(Object.keys(await stored()).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key', 'trustDomain']);
  expect(JSON.stringify(log.lines)).not.toMatch(/eyJ|PRIVATE/);
});
