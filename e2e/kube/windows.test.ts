/** Change windows on a real kube-apiserver, with the rights that the hub's chart gives: who may override them, and what the hub says of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { apiVersionOf, ChangeWindow, type ResourceDefinition, UpdateRun, WindowOverride } from '../../mesh/api/resources/index.ts';
import type { ChangeWindowObject, WindowOverrideObject } from '../../mesh/api/resources/windows.ts';
import type { KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { findHelm } from '../charts/helm.ts';
import { isthmus, startHub } from '../embedded/hub-process.ts';
import { missingAssets } from './apiserver.ts';
import { type RestrictedApi, startRestricted } from './restricted.ts';

const helm = findHelm() ?? '';
const missing = missingAssets() ?? (helm === '' ? 'helm, which renders the chart\'s roles, is neither in KUBEBUILDER_ASSETS nor on PATH' : undefined);
if (missing !== undefined) console.log(`change windows are not tried on a real kube-apiserver: ${missing}`);

const USERS = [{ name: 'ann', token: 'ann-of-the-windows' }, { name: 'ben', token: 'ben-without-rights' }];
const ClusterRoleBinding: ResourceKind = { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'ClusterRoleBinding', plural: 'clusterrolebindings', namespaced: false };
const FAR = '2100-01-01T00:00:00Z';
const SOON = new Date(Date.now() + 3_600_000).toISOString();

describe.skipIf(missing !== undefined)('change windows on a real kube-apiserver', () => {
  const signal = new AbortController().signal;
  let api: RestrictedApi;
  let admin: ConnectedKubernetes;
  let folder: string;
  const kubeconfigs: Record<string, string> = {};
  const make = (client: ConnectedKubernetes, kind: ResourceDefinition, name: string, spec: object): Promise<KubernetesObject> =>
    client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as KubernetesObject, { fieldManager: 'test' }, signal);
  const override = (user: string, ...words: string[]) => isthmus(['--kubeconfig', kubeconfigs[user] ?? '', 'window', 'override', 'europe-1', '--reason', 'keys have leaked', '--for', '2h', ...words]);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-windows-'));
    api = await startRestricted({ helm, chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443', '--set', 'inventory.discover=false', '--set', 'inventory.clusterProfiles=false'], users: USERS });
    admin = connectKubernetes({ kubeconfig: api.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    for (const { name, token } of USERS) {
      kubeconfigs[name] = join(folder, `${name}.kubeconfig`);
      writeFileSync(kubeconfigs[name], api.server.kubeconfigFor(token), { mode: 0o600 });
    }
    await admin.create(ClusterRoleBinding, {
      apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'overriders' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'isthmus-window-overrider' }, subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ann' }],
    } as KubernetesObject, { fieldManager: 'test' }, signal);
    await admin.create(ClusterRoleBinding, {
      apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'readers' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'isthmus-view' }, subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ben' }],
    } as KubernetesObject, { fieldManager: 'test' }, signal);
    await make(admin, UpdateRun, 'europe-1', { strategy: { name: 'default', stages: [{ name: 'all', clusters: {} }] }, planDigest: 'none', reason: 'a test', requestedBy: 'admin' });
  });
  afterAll(async () => {
    await admin.close();
    await api.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('who has the role overrides, in the name that the API server knows', async () => {
    const made = await override('ann', '--clusters', 'berlin,oslo-*');
    expect(made).toMatchObject({ status: 0, stdout: expect.stringMatching(/^windowoverride\.isthmus\.dev\/europe-1-\w+ created\nrun europe-1 passes closed windows on berlin\|oslo-\* until /) });
    const [object] = (await admin.list<WindowOverrideObject>(WindowOverride, {}, signal)).items;
    expect(object?.spec).toMatchObject({ run: 'europe-1', requestedBy: 'ann', reason: 'keys have leaked', clusters: { names: ['berlin', 'oslo-*'] } });
  });

  test('who has not, who may read everything, does not; the way out is named', async () => {
    expect(await override('ben')).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(/^isthmus: .*cannot create resource "windowoverrides".*: whoever overrides windows needs a binding to ClusterRole isthmus-window-overrider\n$/s) });
  });

  test('nobody overrides in the name of another, and what was decided stays as it is', async () => {
    const ann = connectKubernetes({ kubeconfig: kubeconfigs['ann'] ?? '', userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    try {
      const spec = { run: 'europe-1', reason: 'a test', requestedBy: 'ann', expiresAt: SOON };
      await expect.poll(() => make(ann, WindowOverride, 'in-bens-name', { ...spec, requestedBy: 'ben' }).then(() => ann.delete(WindowOverride, { name: 'in-bens-name' }, {}, signal), String), { timeout: 10_000 }).toMatch(/spec\.requestedBy is ben, and you are ann/);
      await expect(make(ann, WindowOverride, 'for-ever', { ...spec, expiresAt: FAR })).rejects.toThrow(/spec\.expiresAt is 2100-01-01T00:00:00Z, and an override lasts 7 days at most/);
      await expect(make(ann, WindowOverride, 'no-reason', { ...spec, reason: ' ' })).rejects.toThrow(/spec\.reason/);
      await make(ann, WindowOverride, 'a-week', { ...spec, expiresAt: new Date(Date.now() + 7 * 86_400_000).toISOString() });
      const mine = await make(ann, WindowOverride, 'mine', spec);
      await expect(admin.update(WindowOverride, { ...mine, spec: { ...spec, expiresAt: '2101-01-01T00:00:00Z' } } as KubernetesObject, { fieldManager: 'test' }, signal)).rejects.toThrow('an override is what somebody decided; delete it and make another');
      await ann.delete(WindowOverride, { name: 'mine' }, {}, signal);
    } finally {
      await ann.close();
    }
  });

  test('the hub writes of each window whether it is open, and of each override whether it opens anything, with no more rights than its chart gives', async () => {
    await make(admin, ChangeWindow, 'freeze', { clusters: {}, kind: 'Deny', period: { from: '2020-01-01T00:00:00Z', to: FAR } });
    await make(admin, ChangeWindow, 'nights', { clusters: {}, kind: 'Allow', rrule: 'FREQ=MONTHLY;BYDAY=1XX', start: '2027-01-02T22:00:00', durationSeconds: 3600 });
    await make(admin, WindowOverride, 'nobody', { run: 'nowhere', reason: 'a test', requestedBy: 'admin', expiresAt: SOON });
    const hub = await startHub(folder, { kubeconfig: api.restricted, flags: ['--no-cluster-profiles', '--no-discover'] });
    try {
      const status = async (name: string) => (await admin.get<ChangeWindowObject>(ChangeWindow, { name }, signal))?.status;
      await expect.poll(() => status('freeze'), { timeout: 75_000 }).toMatchObject({ open: true });
      await expect.poll(async () => (await status('nights'))?.conditions?.find(({ type }) => type === 'Valid')?.message, { timeout: 75_000 }).toContain('spec.rrule, column 20: BYDAY: "1XX" is no day');
      await expect.poll(async () => (await admin.get<WindowOverrideObject>(WindowOverride, { name: 'nobody' }, signal))?.status?.conditions?.[0]?.reason, { timeout: 75_000 }).toBe('UnknownRun');
      const list = await isthmus(['--kubeconfig', kubeconfigs['ben'] ?? '', 'window', 'list']);
      expect(list.stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 3).join(' '))).toEqual(['NAME KIND STATE', 'freeze Deny open', 'nights Allow invalid', '']);
    } finally {
      await hub.stop();
    }
    const refused = api.audit.read().filter(({ status }) => status === 401 || status === 403);
    expect(refused.map(({ verb, resource, name }) => `${verb} ${resource} ${name}`)).toEqual([]);
  });
});
