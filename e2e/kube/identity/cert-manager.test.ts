/**
 * The hub's issuing CA comes from an issuer of cert-manager: its own definition on a real kube-apiserver, the rights that the chart gives the hub, an issuer that approves,
 * denies and signs as cert-manager's does, and at last cert-manager's own functions.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectKubernetes, type ConnectedKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { freePort } from '../../../controller/demo/free-port.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import { CertificateRequest, type CertificateRequestObject } from '../../../mesh/api/resources/cert-manager.ts';
import { ConfigMap, Secret } from '../../../mesh/api/resources/core.ts';
import { CertificateAuthority } from '../../../mesh/api/resources/index.ts';
import { findHelm } from '../../charts/helm.ts';
import { fetchText, launch, temporaryFolder } from '../../embedded/hub-process.ts';
import { CustomResourceDefinition, missingAssets } from '../apiserver.ts';
import { type RestrictedApi, startRestricted } from '../restricted.ts';
import { goTool } from './go-tools.ts';
import { certificateRequestDefinition, say, type Sign, signedByCertManager, signedByOpenssl } from './issuer.ts';

const helm = findHelm() ?? '';
const definition = await certificateRequestDefinition();
const missing = missingAssets() ?? (helm === '' ? 'helm is not there to render the hub\'s roles' : 'problem' in definition ? definition.problem : undefined);
if (missing !== undefined) console.log(`cert-manager is not tried on a real kube-apiserver: ${missing}`);

const NAMESPACE = 'isthmus-system';
const DAY = 86_400_000;
const PATIENCE = { timeout: 75_000, interval: 100 };
const { signal } = new AbortController();
const APPROVED = { type: 'Approved', status: 'True', reason: 'policy.example', message: 'the policy allows it' };

describe.skipIf(missing !== undefined)('an issuing CA from cert-manager', () => {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder.path, name);
  let api: RestrictedApi;
  let admin: ConnectedKubernetes;
  let hub: ReturnType<typeof launch>;
  let words: readonly string[];
  let [gatewayPort, health] = [0, ''];

  /** As whoever runs cert-manager makes it for a CA issuer: nothing below what it signs. */
  function authority(name: string): { readonly certificate: string; readonly key: string } {
    const [certificate, key] = [path(`${name}.crt`), path(`${name}.key`)];
    execFileSync('openssl', ['req', '-x509', '-sha256', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', key, '-out', certificate, '-days', '3650', '-subj', `/O=Bank/CN=${name}`,
      '-addext', 'basicConstraints=critical,CA:TRUE,pathlen:1', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'], { stdio: 'ignore' });
    return { certificate, key };
  }
  const requests = async (): Promise<readonly CertificateRequestObject[]> => (await admin.list<CertificateRequestObject>(CertificateRequest, { namespace: NAMESPACE }, signal)).items;
  const names = async (): Promise<readonly string[]> => (await requests()).map(({ metadata }) => metadata.name);
  const status = async (): Promise<NonNullable<CertificateAuthorityObject['status']>> => (await admin.get<CertificateAuthorityObject>(CertificateAuthority, { name: FLEET_AUTHORITY }, signal))?.status ?? {};
  const condition = async (type = 'CertManager') => (await status()).conditions?.find((one) => one.type === type);
  const reason = async (): Promise<string | undefined> => (await condition())?.reason;
  async function only(): Promise<CertificateRequestObject> {
    await expect.poll(names, PATIENCE).toHaveLength(1);
    return (await requests())[0]!;
  }
  const remove = async (): Promise<void> => { for (const name of await names()) await admin.delete(CertificateRequest, { namespace: NAMESPACE, name }, {}, signal); };
  async function sign(object: CertificateRequestObject, by: Sign): Promise<void> {
    await say(admin, object, 'cert-manager-certificaterequests-approver', [APPROVED], {}, signal);
    const approved = (await admin.get<CertificateRequestObject>(CertificateRequest, { namespace: NAMESPACE, name: object.metadata.name }, signal))!;
    await say(admin, approved, 'cert-manager-certificaterequests-issuer-ca', [{ type: 'Ready', status: 'True', reason: 'Issued', message: 'Certificate fetched from issuer successfully' }], await by(approved), signal);
  }

  let bank: ReturnType<typeof authority>;
  beforeAll(async () => {
    bank = authority('bank');
    api = await startRestricted({ helm, chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443', '--set', 'root.source=cert-manager', '--set-file', `root.certificates=${bank.certificate}`, '--set', 'root.certManager.issuer=bank-ca'] });
    admin = connectKubernetes({ kubeconfig: api.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    if ('problem' in definition) throw new Error(definition.problem);
    await admin.create(CustomResourceDefinition, definition, { fieldManager: 'helm' }, signal);
    await eventually('CertificateRequests are served', 30_000, () => requests().then(() => true, () => false));
    gatewayPort = await freePort();
    health = `127.0.0.1:${await freePort()}`;
    words = ['--kubeconfig', api.restricted, 'hub', '--data-dir', path('hub'), '--listen', `127.0.0.1:${gatewayPort}`, '--advertise', `127.0.0.1:${gatewayPort}`, '--health-listen', health,
      '--root', 'cert-manager', '--root-certificates', bank.certificate, '--cert-manager-issuer', 'bank-ca'];
    hub = launch(words);
  });
  afterAll(async () => {
    await hub?.stop();
    await admin?.close();
    await api?.stop();
    folder.remove();
  });

  test('is asked for once, also by a hub that was killed, and it is said that nobody has approved it', async () => {
    const request = await only();
    expect(request).toMatchObject({
      metadata: { name: expect.stringMatching(/^isthmus-issuing-ca-[0-9a-f]{12}-1$/) as string, labels: { 'app.kubernetes.io/managed-by': 'isthmus-hub' } },
      spec: { isCA: true, usages: ['cert sign', 'crl sign', 'digital signature'], duration: '2160h0m0s', issuerRef: { name: 'bank-ca', kind: 'ClusterIssuer', group: 'cert-manager.io' } },
    });
    await expect.poll(() => condition(), PATIENCE).toMatchObject({ status: 'False', reason: 'WaitsForApproval', message: expect.stringContaining(`${request.metadata.name}: nobody has approved it yet`) as string });
    expect(await condition('Ready')).toMatchObject({ status: 'False' });
    expect((await fetchText(`http://${health}/readyz`)).status).toBe(503);
    hub.child.kill('SIGKILL');
    await hub.outcome();
    hub = launch(words);
    await expect.poll(() => fetchText(`http://${health}/readyz`).then((answer) => answer.text, () => ''), PATIENCE).toMatch(/has no issuing CA yet.*; an issuing CA waits for cert-manager: CertificateRequest .*: nobody has approved it yet/);
    await expect.poll(async () => (await requests()).map(({ metadata }) => metadata.uid), PATIENCE).toEqual([request.metadata.uid]);
  });

  test('that is denied: it is said by whom, nothing is used, and there is one more once that is deleted', async () => {
    const request = await only();
    await say(admin, request, 'policy-approver', [{ type: 'Denied', status: 'True', reason: 'policy.example', message: 'no authorities here' }], {}, signal);
    await expect.poll(() => condition(), PATIENCE).toMatchObject({ status: 'False', reason: 'Denied', message: expect.stringContaining('was denied by policy-approver: policy.example: no authorities here; asks once more at') as string });
    expect(await names()).toEqual([request.metadata.name]);
    await remove();
    expect((await only()).metadata.uid).not.toBe(request.metadata.uid);
  });

  test('of another authority than the pinned root is not used, and it is said why', async () => {
    const other = authority('other');
    await sign(await only(), signedByOpenssl(folder.path, other.certificate, other.key));
    await expect.poll(() => condition(), PATIENCE).toMatchObject({ status: 'False', reason: 'Refused', message: expect.stringMatching(/was signed, and what came is not used: .*is not signed by .*CN=bank/) as string });
    expect((await status()).issuers).toEqual([]);
    await remove();
  });

  test('is approved, signed, verified, and put to use; nothing of it is left', async () => {
    const request = await only();
    await sign(request, signedByOpenssl(folder.path, bank.certificate, bank.key));
    await expect.poll(() => fetchText(`http://${health}/readyz`).then((answer) => answer.status, () => 0), PATIENCE).toBe(200);
    await expect.poll(reason, PATIENCE).toBe('Idle');
    expect(await names()).toEqual([]);
    const { issuers = [], request: open } = await status();
    expect(open).toBeUndefined();
    expect(issuers).toMatchObject([{ state: 'Active', root: 1, signs: ['client', 'server'] }]);
    expect(Date.parse(issuers[0]!.notAfter) - Date.now()).toBeGreaterThan(89 * DAY);
    await expect.poll(() => condition('Ready'), PATIENCE).toMatchObject({ status: 'True' });
    const socket = connect({ host: '127.0.0.1', port: gatewayPort, ca: readFileSync(bank.certificate), ALPNProtocols: ['h2'] });
    await new Promise((done) => { socket.once('secureConnect', done).once('error', done); });
    expect(socket.authorizationError ?? null).toBeNull();
    socket.destroy();
  });

  test('signed by cert-manager\'s own functions is one that the hub takes', async (context) => {
    const program = await goTool('cert-manager-ca');
    if ('problem' in program) {
      console.warn(`SKIPPED: ${program.problem}`);
      return context.skip(program.problem);
    }
    // Another hub of the same root: its first request.
    await hub.stop();
    for (const [kind, name] of [[Secret, 'isthmus-authority'], [ConfigMap, 'isthmus-trust']] as const) await admin.delete(kind, { namespace: NAMESPACE, name }, {}, signal);
    hub = launch(words);
    const request = await only();
    await sign(request, signedByCertManager(program.path, bank.certificate, bank.key));
    await expect.poll(reason, PATIENCE).toBe('Idle');
    expect((await status()).issuers).toMatchObject([{ state: 'Active', root: 1 }]);
    const { certificate } = await signedByCertManager(program.path, bank.certificate, bank.key)(request);
    writeFileSync(path('issued.crt'), Buffer.from(certificate, 'base64'));
    const text = execFileSync('openssl', ['x509', '-in', path('issued.crt'), '-noout', '-text'], { encoding: 'utf8' });
    // What the path length of its signer is for: cert-manager takes name constraints from the request, and never a path length.
    expect(text).toMatch(/X509v3 Basic Constraints: critical\s+CA:TRUE\n/);
    expect(text).toMatch(/X509v3 Name Constraints: critical[\s\S]*URI:isthmus\.local/);
  });

  test('and nothing was asked for that the chart does not grant, least of all an approval', () => {
    const asked = api.audit.read();
    expect(asked.filter(({ status: code }) => code === 401 || code === 403)).toEqual([]);
    expect([...new Set(asked.filter(({ group }) => group === 'cert-manager.io').map(({ verb, resource, namespace }) => `${verb} ${resource} ${namespace}`))].toSorted()).toEqual(['create', 'delete', 'list'].map((verb) => `${verb} certificaterequests ${NAMESPACE}`));
  });
});
