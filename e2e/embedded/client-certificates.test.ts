/** `--client-ca-file` of `isthmus embedded` and `isthmus hub --embedded`: whose certificates are believed, and files that are refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { testAuthority } from '../../controller/adapters/kubernetes/testing/fake-server.ts';
import { freePort } from '../../controller/demo/free-port.ts';
import { type Answer, type Ask, bareHttps } from '../kube/contract/subject.ts';
import { isthmus, type Outcome, startHub, startMemberApi, temporaryFolder } from './hub-process.ts';

const REVIEWS = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const NAMESPACES = '/api/v1/namespaces';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const folder = temporaryFolder();
const authorities = [testAuthority('clients'), testAuthority('older clients')];
const authorityPath = join(folder.path, 'authorities.crt');

beforeAll(() => writeFileSync(authorityPath, `# Two: one of them is on its way out.\n${authorities.map(({ certificatePem }) => certificatePem).join('\n')}`));
afterAll(() => folder.remove());

interface ServedApi { readonly kubeconfig: string; stop(): Promise<unknown> }

describe.each<[string, () => Promise<ServedApi>]>([
  ['isthmus embedded', () => startMemberApi(folder.path, 'member', ['--client-ca-file', authorityPath])],
  ['isthmus hub --embedded', () => startHub(folder.path, { flags: ['--client-ca-file', authorityPath] })],
])('%s with --client-ca-file', (_, start) => {
  let api: ServedApi;
  let https: ReturnType<typeof bareHttps>;
  beforeAll(async () => {
    api = await start();
    const config = parse(readFileSync(api.kubeconfig, 'utf8')) as { readonly clusters: { readonly cluster: Record<string, string> }[]; readonly users: { readonly user: { readonly token: string } }[] };
    const cluster = config.clusters[0]?.cluster ?? {};
    https = bareHttps(cluster['server'] ?? '', Buffer.from(cluster['certificate-authority-data'] ?? '', 'base64').toString(), config.users[0]?.user.token ?? '');
  });
  afterAll(async () => {
    await https.close();
    await api.stop();
  });

  const shows = ({ certificatePem, keyPem }: { readonly certificatePem: string; readonly keyPem: string }): Ask => ({ certificate: { certPem: certificatePem, keyPem } });
  const whoAmI = (as: Ask): Promise<Answer> => https.ask('POST', REVIEWS, { ...as, body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' } });

  test.each([0, 1])('the subject of a certificate of authority %i is the user and the group', async (index) => {
    const carl = shows(authorities[index]!.issue('client', 'carl', 'weeders'));
    expect(await whoAmI(carl)).toMatchObject({ code: 201, body: { status: { userInfo: { username: 'carl', groups: ['weeders', 'system:authenticated'] } } } });
  });

  test('a certificate alone allows nothing; a Role that is bound to its group does', async () => {
    const carl = shows(authorities[0]!.issue('client', 'carl', 'weeders'));
    expect(await https.ask('GET', NAMESPACES, carl)).toMatchObject({ code: 403, body: { message: 'namespaces is forbidden: User "carl" cannot list resource "namespaces" in API group "" at the cluster scope' } });
    const name = 'weeders-read-namespaces';
    expect((await https.ask('POST', `${RBAC}/clusterroles`, { body: { metadata: { name }, rules: [{ apiGroups: [''], resources: ['namespaces'], verbs: ['list'] }] } })).code).toBe(201);
    expect((await https.ask('POST', `${RBAC}/clusterrolebindings`, { body: { metadata: { name }, subjects: [{ kind: 'Group', name: 'weeders' }], roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name } } })).code).toBe(201);
    expect((await https.ask('GET', NAMESPACES, carl)).code).toBe(200);
    expect((await https.ask('GET', NAMESPACES, shows(authorities[0]!.issue('client', 'carl', 'sowers')))).code).toBe(403);
  });

  test('a certificate of another authority, or one that is out of date, is refused; who shows none is anonymous', async () => {
    for (const stranger of [testAuthority('clients').issue('client', 'root', 'system:masters'), authorities[0]!.issue('client', 'root', 'system:masters', -60_000)]) {
      expect(await https.ask('GET', NAMESPACES, shows(stranger))).toMatchObject({ code: 401, body: { kind: 'Status', reason: 'Unauthorized' } });
    }
    expect(await https.ask('GET', NAMESPACES, { token: '' })).toMatchObject({ code: 403, body: { message: expect.stringContaining('User "system:anonymous"') as string } });
  });
});

describe('a file that cannot be used stops the start with a sentence', () => {
  const write = (name: string, text: string): string => {
    const path = join(folder.path, name);
    writeFileSync(path, text);
    return path;
  };
  const noise = '-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n';
  const leaf = (): string => authorities[0]!.issue('client', 'carl').certificatePem;

  const started = async (command: 'embedded' | 'hub', path: string): Promise<Outcome> => {
    const listen = `127.0.0.1:${await freePort()}`;
    return isthmus([...command === 'embedded' ? ['embedded', '--listen', listen] : ['hub', '--embedded', '--api-listen', listen, '--data-dir', join(folder.path, 'refused')], '--client-ca-file', path]);
  };

  test.concurrent.each<[string, 'embedded' | 'hub', () => string, RegExp]>([
    ['none there', 'embedded', () => join(folder.path, 'missing.crt'), /missing\.crt: cannot be read \(ENOENT\); give a PEM file/],
    ['none there', 'hub', () => join(folder.path, 'missing.crt'), /missing\.crt: cannot be read \(ENOENT\); give a PEM file/],
    ['a folder', 'embedded', () => folder.path, /: cannot be read \(EISDIR\); give a PEM file/],
    ['no PEM', 'embedded', () => write('text.crt', 'hello\n'), /text\.crt: holds no certificate; give a PEM file/],
    ['nothing', 'embedded', () => write('empty.crt', ''), /empty\.crt: holds no certificate; give a PEM file/],
    ['PEM of noise', 'embedded', () => write('noise.crt', noise), /noise\.crt: holds a certificate that cannot be read; give a PEM file/],
    ['noise after a good one', 'hub', () => write('half.crt', `${authorities[0]!.certificatePem}\n${noise}`), /half\.crt: holds a certificate that cannot be read; give a PEM file/],
    ['a caller\'s certificate', 'embedded', () => write('leaf.crt', leaf()), /leaf\.crt: holds a certificate that is no authority's; give a PEM file/],
  ])('%s, isthmus %s', async (_, command, path, sentence) => {
    const outcome = await started(command, path());
    expect([outcome.status, outcome.stdout]).toEqual([1, '']);
    const last = outcome.stderr.trimEnd().split('\n').at(-1);
    expect(last).toMatch(/^isthmus: --client-ca-file /);
    expect(last).toMatch(sentence);
  });
});
