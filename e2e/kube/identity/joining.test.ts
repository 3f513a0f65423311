/** Joining on a real kube-apiserver, with the rights that the chart gives the hub: by tokens that the server itself makes for a service account, only once somebody has accepted the key, and one token for one key. */
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, createCertificateRequest, keyFingerprint, readCertificate } from '../../../certs/index.ts';
import { memoryKeyStore } from '../../../certs/testing/memory-key-store.ts';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { grpcHubConnector } from '../../../controller/adapters/grpc/hub-connector.ts';
import { connectKubernetes, type ConnectedKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { p256Signer } from '../../../controller/adapters/signer.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { createAcceptance } from '../../../controller/hub/identity/acceptance.ts';
import { createIdentityService } from '../../../controller/hub/identity/service.ts';
import { decodeJoinToken } from '../../../controller/runtime/join-token.ts';
import { createJoinToken } from '../../../controller/runtime/new-join-token.ts';
import { fakeMetrics, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { Cluster, type ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { ClusterAdmission, type ClusterAdmissionObject } from '../../../mesh/api/resources/cluster-admission.ts';
import { apiVersionOf } from '../../../mesh/api/resources/define.ts';
import { ConfigMap, type ConfigMapObject, Pod } from '../../../mesh/api/resources/core.ts';
import { JoinToken } from '../../../mesh/api/resources/join-token.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { findHelm } from '../../charts/helm.ts';
import { type AgentProcess, type HubProcess, isthmus, launchAgent, type MemberApi, startHub, startMemberApi, temporaryFolder } from '../../embedded/hub-process.ts';
import { missingAssets } from '../apiserver.ts';
import { writeNames } from '../write-names.ts';
import { type RestrictedApi, startRestricted } from '../restricted.ts';

const helm = findHelm() ?? '';
const missing = missingAssets() ?? (helm === '' ? 'helm is not there to render the hub\'s roles' : undefined);
if (missing !== undefined) console.log(`joining is not tried on a real kube-apiserver: ${missing}`);

const never = new AbortController().signal;
const NAMESPACE = 'isthmus-system';
const AUDIENCE = 'isthmus:isthmus.local';
const ServiceAccount: ResourceKind = { group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true };

interface Kubeconfig { readonly clusters: readonly [{ readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }]; readonly users: readonly [{ readonly user: { readonly token: string } }] }

/** What the client of the hub has no word for. */
function ask(kubeconfigPath: string, method: 'GET' | 'POST', path: string, body?: object): Promise<string> {
  const { clusters: [{ cluster }], users: [{ user }] } = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as Kubeconfig;
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${user.token}`, 'content-type': 'application/json' };
    const call = request(`${cluster.server}${path}`, { method, headers, ca: Buffer.from(cluster['certificate-authority-data'], 'base64') }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      response.on('end', () => { if ((response.statusCode ?? 0) < 300) resolve(text); else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`)); });
    });
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

describe.skipIf(missing !== undefined)('joining', () => {
  const folder = temporaryFolder();
  let api: RestrictedApi;
  let admin: ConnectedKubernetes;
  let hub: HubProcess;
  let member: MemberApi;
  let agent: AgentProcess | undefined;
  const command = (...words: string[]) => isthmus(['--kubeconfig', api.admin, ...words]);

  /** As the kubelet asks for one for a pod. */
  async function tokenOf(account: string, { audience = AUDIENCE, pod = account } = {}): Promise<string> {
    const object = pod === '' ? undefined : await admin.get(Pod, { namespace: NAMESPACE, name: pod }, never);
    const boundObjectRef = object === undefined ? undefined : { kind: 'Pod', apiVersion: 'v1', name: pod, uid: object.metadata.uid };
    const answer = await ask(api.admin, 'POST', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${account}/token`, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience], expirationSeconds: 600, boundObjectRef } });
    return (JSON.parse(answer) as { readonly status: { readonly token: string } }).status.token;
  }
  async function redeem(cluster: string, serviceAccountToken: string, key = p256Signer.generate()) {
    const trust = (await admin.get<ConfigMapObject>(ConfigMap, { namespace: NAMESPACE, name: 'isthmus-trust' }, never))?.data;
    const target = { address: hub.gateway, trustDomain: trust?.['trustDomain'] ?? '', caPem: trust?.['bundle.pem'] ?? '' };
    return grpcHubConnector().join(target, { cluster, secret: new Uint8Array(), serviceAccountToken, csrDer: createCertificateRequest(key) }, never).then(({ chainPem }) => ({ chainPem, reason: 'Joined', message: '' }), (error: unknown) => error as { readonly reason: string; readonly message: string; readonly chainPem?: string });
  }
  const berlin = async (): Promise<ClusterObject | undefined> => admin.get<ClusterObject>(Cluster, { name: 'berlin' }, never);
  const joined = async () => (await berlin())?.status?.conditions?.find(({ type }) => type === 'Joined');

  beforeAll(async () => {
    [api, member] = await Promise.all([startRestricted({ helm, chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443'] }), startMemberApi(folder.path, 'member')]);
    admin = connectKubernetes({ kubeconfig: api.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    await writeNames(admin);
    const probe = { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'probe' }, spec: { properties: {} } } as KubernetesObject;
    await eventually('the server writes down who changes what', 45_000, async () => (await admin.create(Cluster, probe, { fieldManager: 'test', dryRun: true }, never)).metadata.annotations?.['isthmus.dev/changed-by'] === 'admin');
    hub = await startHub(folder.path, { kubeconfig: api.restricted, flags: ['--accept-clusters', 'Manually'] });
    for (const name of ['isthmus-agent', 'default-two']) {
      await admin.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: NAMESPACE, name } } as KubernetesObject, { fieldManager: 'test' }, never);
      await admin.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name }, spec: { serviceAccountName: name, containers: [{ name: 'agent', image: 'isthmus' }] } } as KubernetesObject, { fieldManager: 'test' }, never);
    }
  });
  afterAll(async () => {
    await agent?.running.stop();
    await hub?.stop();
    await member?.stop();
    await admin?.close();
    await api?.stop();
    folder.remove();
  });

  test('by a token of the server\'s own TokenRequest, judged by its own keys, once somebody has accepted the key', async () => {
    const jwks = join(folder.path, 'jwks.json');
    writeFileSync(jwks, await ask(api.admin, 'GET', '/openid/v1/jwks'));
    const { issuer } = JSON.parse(await ask(api.admin, 'GET', '/.well-known/openid-configuration')) as { readonly issuer: string };
    const made = await command('join', 'berlin', '--issuer', issuer, '--jwks', jwks, '-o', 'json');
    expect(made.status, made.stderr).toBe(0);
    const facts = JSON.parse(made.stdout) as Record<string, string>;
    expect(facts).toMatchObject({ cluster: 'berlin', issuer, audience: AUDIENCE, trustDomain: 'isthmus.local' });
    const key = p256Signer.generate();
    const print = keyFingerprint(key.publicKeyDer);
    expect(await redeem('berlin', await tokenOf('isthmus-agent'), key)).toMatchObject({ reason: 'Pending' });
    await eventually('the Cluster says who asks', 45_000, async () => (await berlin())?.status?.pending?.keySha256 === print && (await joined())?.reason === 'Pending');
    expect((await joined())?.status).toBe('False');
    expect((await command('cluster', 'list', '--pending')).stdout).toContain(`${print}   service account ${NAMESPACE}/isthmus-agent, pod isthmus-agent`);
    expect(await command('cluster', 'accept', 'berlin', '--key', 'f'.repeat(16))).toMatchObject({ status: 1 });
    expect(await command('cluster', 'accept', 'berlin', '--key', print.slice(0, 16), '--why', 'seen in its log')).toMatchObject({ status: 0 });
    expect((await berlin())?.metadata.annotations?.['isthmus.dev/changed-by']).toBe('admin');
    const issued = await redeem('berlin', await tokenOf('isthmus-agent'), key);
    expect(readCertificate(issued.chainPem ?? '').uris).toEqual(['spiffe://isthmus.local/cluster/berlin']);
    await eventually('the cluster has joined', 45_000, async () => (await joined())?.reason === 'Joined' && (await berlin())?.status?.pending === undefined);
    expect((await admin.get<ClusterAdmissionObject>(ClusterAdmission, { name: 'berlin' }, never))?.status?.uses).toHaveLength(2);
  });

  test.each<[string, () => Promise<string>, RegExp]>([
    ['for the API server itself', () => tokenOf('isthmus-agent', { audience: 'https://kubernetes.default.svc' }), /audience/],
    ['of another account', () => tokenOf('default-two'), /is of "system:serviceaccount:isthmus-system:default-two"/],
    ['of no pod', () => tokenOf('isthmus-agent', { pod: '' }), /bound to no pod/],
  ])('not by a token %s', async (_, token, text) => {
    expect(await redeem('berlin', await token())).toMatchObject({ reason: 'TokenInvalid', message: expect.stringMatching(text) as string });
  });

  test('not as another cluster', async () => {
    expect(await redeem('oslo', await tokenOf('isthmus-agent'))).toMatchObject({ reason: 'TokenInvalid' });
  });

  test('an agent with the token in a file asks, says its key, waits, and joins when it is accepted', async () => {
    const trust = (await admin.get<ConfigMapObject>(ConfigMap, { namespace: NAMESPACE, name: 'isthmus-trust' }, never))?.data;
    const [token, roots] = [join(folder.path, 'token'), join(folder.path, 'roots.pem')];
    writeFileSync(token, await tokenOf('isthmus-agent'));
    writeFileSync(roots, trust?.['bundle.pem'] ?? '');
    const before = (await berlin())?.status?.identity?.certificateSerial;
    agent = await launchAgent(folder.path, 'berlin', member.kubeconfig, { more: ['--hub', hub.gateway, '--service-account-token-file', token, '--hub-trust-domain', 'isthmus.local', '--hub-ca-file', roots] });
    await eventually('its key asks', 45_000, async () => (await berlin())?.status?.pending !== undefined);
    const print = (await berlin())?.status?.pending?.keySha256 ?? '';
    const printed = (): string => (agent?.running.printed().stdout ?? '') + (agent?.running.printed().stderr ?? '');
    await eventually('its log says which key', 45_000, async () => printed().includes(`"key":"${print}"`) && printed().includes('waits until somebody accepts exactly that'));
    expect(await command('cluster', 'accept', 'berlin', '--key', print)).toMatchObject({ status: 0 });
    await eventually('it has joined', 30_000, async () => (await berlin())?.status?.identity?.certificateSerial !== before && (await berlin())?.status?.conditions?.find(({ type }) => type === 'Connected')?.status === 'True');
    expect(JSON.stringify(agent.running.printed())).not.toContain(readFileSync(token, 'utf8').slice(-40));
  });

  test('of 100 keys that redeem one join token at once, one gets a certificate', async () => {
    const authority = createAuthority({ clock: systemClock, random: systemRandom, signer: p256Signer, keys: memoryKeyStore(), trustDomain: 'isthmus.local', log: silentLog });
    await authority.open(never);
    const service = createIdentityService({
      kubernetes: admin, authority, clock: systemClock, digest: sha256Hex, log: silentLog, onIdentity: () => {}, admitJoin: async () => {},
      acceptance: createAcceptance({ ports: { clock: systemClock, log: silentLog, metrics: fakeMetrics() }, accept: 'Automatically' }), admissions: () => [],
    });
    const { text, object } = createJoinToken({ cluster: 'bergen', hubAddress: hub.gateway, trustDomain: 'isthmus.local', bundlePem: 'x' }, { random: systemRandom, digest: sha256Hex, now: Date.now() });
    await admin.create(JoinToken, object, { fieldManager: 'test' }, never);
    const token = decodeJoinToken(text);
    if ('problem' in token) throw new Error(token.problem);
    const secret = new Uint8Array(Buffer.from(token.secret, 'base64url'));
    const answers = await Promise.all(Array.from({ length: 100 }, () => service.join({ cluster: 'bergen', secret, csrDer: createCertificateRequest(p256Signer.generate()) }, never).then(() => 'Joined', (error: unknown) => (error as { readonly reason: string }).reason)));
    expect(answers.filter((answer) => answer === 'Joined')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'TokenUsed')).toHaveLength(99);
  });
});
