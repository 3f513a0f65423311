/** The whole thread on four real kube-apiservers and PostgreSQL, with only the rights that the charts give, and then: was each of these rights used? */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCertificateRequest } from '../../certs/authority/request.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../../controller/adapters/records/testing/postgres-server.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { callerOf } from '../../controller/cli/caller.ts';
import { CLUSTERS } from '../../controller/demo/clusters.ts';
import { type DemoResult, runDemo } from '../../controller/demo/demo.ts';
import { eventually } from '../../controller/demo/eventually.ts';
import { STEPS } from '../../controller/demo/steps/index.ts';
import type { Walk } from '../../controller/demo/walk.ts';
import { clusterProfileDefinition } from '../../controller/hub/others/testing/definitions.ts';
import { decodeJoinToken } from '../../controller/runtime/join-token.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { Service, type ServiceObject } from '../../mesh/api/resources/core.ts';
import { apiVersionOf, ChangeWindow, Cluster, Inquiry, ServiceExport, ServiceImport, WindowOverride } from '../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../mesh/api/resources/inquiry.ts';
import { CLUSTER_PROFILES } from '../../mesh/api/resources/other-inventories.ts';
import type { ChangeWindowObject, WindowOverrideObject } from '../../mesh/api/resources/windows.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { findHelm, ROOT } from '../charts/helm.ts';
import { CustomResourceDefinition, missingAssets } from './apiserver.ts';
import type { AuditedRequest } from './audit.ts';
import { grantsOf, grantText, unusedGrants } from './grants.ts';
import { type RestrictedApi, startRestricted } from './restricted.ts';

const helm = findHelm() ?? '';
const missing = missingAssets() ?? (helm === '' ? 'helm, which renders the charts\' roles, is neither in KUBEBUILDER_ASSETS nor on PATH' : undefined);
if (missing !== undefined) console.log(`the thread is not walked on real kube-apiservers: ${missing}`);

/** Rights that no walk can be sure to use. Anything else that stays unused is one too many. */
const NOT_IN_THE_WALK: Readonly<Record<string, string>> = {
  'get meshes.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get drills.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get driftdecisions.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get driftpolicies.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get exportpolicies.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get fleetqueries.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get changewindows.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get windowoverrides.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get approvals.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'patch approvals.isthmus.dev * in *': 'an approval is given to its run: e2e/kube/approvals',
  'update approvals/status.isthmus.dev * in *': 'whether an approval counts: e2e/kube/approvals',
  'get bundles.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get clusteradmissions.isthmus.dev * in *': 'read where a cluster joins by its service account: e2e/kube/identity',
  'update clusteradmissions/status.isthmus.dev * in *': 'a service-account token is remembered: e2e/kube/identity',
  'get channels.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'update bundles/status.isthmus.dev * in *': 'the walk has no bundles: e2e/kube/updates',
  'update channels/status.isthmus.dev * in *': 'the walk has no channels',
  'get certificateauthorities.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'delete driftdecisions.isthmus.dev * in *': 'those that are over go after a week',
  'delete updateruns.isthmus.dev * in *': 'runs that are over go when there are many',
  'delete approvals.isthmus.dev * in *': 'those of runs that are gone go with their records',
  'delete windowoverrides.isthmus.dev * in *': 'those of runs that are gone go with their records',
  'get updateruns.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'get inquiries.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'update exportpolicies/status.isthmus.dev * in *': 'said of policies whose selectors mean nothing, and the walk has none',
  'update updatestrategies/status.isthmus.dev * in *': 'said of strategies whose selectors mean nothing, and the walk has none',
  'get configmaps * in isthmus-system': 'inventories of bundles, and the walk brings none',
  'create configmaps * in isthmus-system': 'inventories of bundles, and the walk brings none',
  'patch configmaps * in isthmus-system': 'inventories of bundles, and the walk brings none',
  'delete configmaps * in isthmus-system': 'inventories of bundles, and the walk brings none',
  'patch deployments.apps clustermesh-apiserver in kube-system': 'its pods are replaced after a revocation: e2e/kube/revocation',
  'delete configmaps clustermesh-remote-users in kube-system': 'users of former readers stay while these drain, which takes longer than the walk',
  'get deployments.apps isthmus-agent in isthmus-system': 'for a bundle that brings another version of the agent',
  'patch deployments.apps isthmus-agent in isthmus-system': 'for a bundle that brings another version of the agent',
  'get accesspolicies.isthmus.dev * in *': 'read again after someone else wrote at the same moment',
  'update accesspolicies/status.isthmus.dev * in *': 'the walk has no access policies',
  'create ciliumnetworkpolicies.cilium.io * in *': 'what access policies ask for, and the walk has none and no Cilium',
  'delete ciliumnetworkpolicies.cilium.io * in *': 'what access policies ask for, and the walk has none and no Cilium',
  'patch ciliumnetworkpolicies.cilium.io * in *': 'what access policies ask for, and the walk has none and no Cilium',
  'watch ciliumnetworkpolicies.cilium.io * in *': 'what access policies ask for, and the walk has none and no Cilium',
  'create ciliumclusterwidenetworkpolicies.cilium.io * in *': 'what access policies ask for, and the walk has none and no Cilium',
  'delete ciliumclusterwidenetworkpolicies.cilium.io * in *': 'what access policies ask for, and the walk has none and no Cilium',
  'list ciliumclusterwidenetworkpolicies.cilium.io * in *': 'what access policies ask for, and the walk has none and no Cilium',
  'patch ciliumclusterwidenetworkpolicies.cilium.io * in *': 'what access policies ask for, and the walk has none and no Cilium',
  'watch ciliumclusterwidenetworkpolicies.cilium.io * in *': 'what access policies ask for, and the walk has none and no Cilium',
  'list ciliumendpoints.cilium.io * in *': 'for the preview of an access policy',
  'list networkpolicies.networking.k8s.io * in *': 'for the preview of an access policy',
  'update secrets isthmus-authority in isthmus-system': 'the next issuing authority is made after 45 days',
};

const FORGOTTEN = 'forgotten';

/** What the walk leaves out and the roles allow: exports end, and a cluster joins whose Cluster object is gone. */
async function endings(walk: Walk): Promise<void> {
  for (const name of ['berlin', 'oslo']) await walk.cluster(name).api.delete(ServiceExport, { namespace: 'shop', name: 'checkout' }, {}, walk.signal);
  for (const { name, api } of walk.fleet.clusters) {
    await eventually(`nothing is imported in ${name}`, 45_000, async () =>
      (await api.list(ServiceImport, {}, walk.signal)).items.length === 0
      && (await api.list<ServiceObject>(Service, { labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' }, walk.signal)).items.length === 0);
  }
  const token = decodeJoinToken((await walk.isthmus('join', 'lima', '-o', 'token')).stdout);
  if ('problem' in token) throw new Error(token.problem);
  const { api } = walk.fleet.hub;
  await api.delete(Cluster, { name: 'lima' }, {}, walk.signal);
  await grpcHubConnector().join(
    { address: token.hub, trustDomain: token.trustDomain, caPem: token.ca },
    { cluster: 'lima', secret: Buffer.from(token.secret, 'base64url'), csrDer: createCertificateRequest(p256Signer.generate()) }, walk.signal,
  );
  await eventually('the hub made Cluster lima', 45_000, async () => await api.get(Cluster, { name: 'lima' }, walk.signal) !== undefined);
  const profile = { namespace: 'isthmus-system', name: 'lima' };
  await eventually('the hub published lima', 45_000, async () => await api.get(CLUSTER_PROFILES[0], profile, walk.signal) !== undefined);
  await api.delete(Cluster, { name: 'lima' }, {}, walk.signal);
  await eventually('and no longer does', 45_000, async () => await api.get(CLUSTER_PROFILES[0], profile, walk.signal) === undefined);
  await windows(walk);
  if ((await walk.isthmus('fleet', 'discovered')).status !== 0) throw new Error('isthmus fleet discovered failed');
  await eventually('the hub removes an inquiry that nobody took away', 90_000, async () => await api.get(Inquiry, { name: FORGOTTEN }, walk.signal) === undefined);
}

/** A change window and an override of it, of which the hub says what they do. */
async function windows(walk: Walk): Promise<void> {
  const { api } = walk.fleet.hub;
  const window = { apiVersion: apiVersionOf(ChangeWindow), kind: 'ChangeWindow', metadata: { name: 'nights' }, spec: { clusters: { names: ['nowhere'] }, kind: 'Allow', cron: '0 22 * * *', durationSeconds: 3600, timeZone: 'Europe/Berlin' } };
  const requestedBy = (await callerOf({ user: '', signal: walk.signal }, api)).name;
  const override = { apiVersion: apiVersionOf(WindowOverride), kind: 'WindowOverride', metadata: { name: 'leak' }, spec: { run: 'nowhere', reason: 'a test', requestedBy, expiresAt: new Date(Date.now() + 3_600_000).toISOString() } };
  await api.create(ChangeWindow, window as KubernetesObject, { fieldManager: 'test' }, walk.signal);
  await api.create(WindowOverride, override as KubernetesObject, { fieldManager: 'test' }, walk.signal);
  await eventually('the hub says when the window opens', 45_000, async () => (await api.get<ChangeWindowObject>(ChangeWindow, { name: 'nights' }, walk.signal))?.status?.open !== undefined);
  await eventually('and that the override has nothing to open', 45_000, async () => (await api.get<WindowOverrideObject>(WindowOverride, { name: 'leak' }, walk.signal))?.status?.conditions?.[0]?.reason === 'UnknownRun');
}

/** Before the hub runs: a question that is old when the walk is over, and a kind of others that it then need not wait for. */
async function prepareHub(hub: RestrictedApi): Promise<void> {
  const client = connectKubernetes({ kubeconfig: hub.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
  const inquiry: InquiryObject = { apiVersion: apiVersionOf(Inquiry), kind: 'Inquiry', metadata: { name: FORGOTTEN }, spec: { history: { limit: 1 } } };
  const { signal } = new AbortController();
  try {
    await client.create(Inquiry, inquiry, { fieldManager: 'test' }, signal);
    await client.create(CustomResourceDefinition, clusterProfileDefinition, { fieldManager: 'test' }, signal);
  } finally {
    await client.close();
  }
}

describe.skipIf(missing !== undefined)('the thread on real kube-apiservers', () => {
  const apis: Record<string, RestrictedApi> = {};
  const lines: string[] = [];
  let result: DemoResult | undefined;
  let postgres: TestPostgres | undefined;

  beforeAll(async () => {
    // As in production where it can be: the hub takes over what its environment says.
    const programs = findPostgres();
    if (programs === undefined) console.log('the hub keeps its records in SQLite here: initdb and postgres are not installed');
    else {
      postgres = await startPostgres(programs);
      process.env['ISTHMUS_RECORDS'] = postgres.url;
    }
    const starting = [
      startRestricted({ helm, chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443', '--set', 'inventory.discover=true'] }).then((api) => { apis['hub'] = api; }),
      ...CLUSTERS.map(({ name, serviceCidr }) => startRestricted({ helm, chart: 'isthmus-agent', values: ['--set', `cluster.name=${name}`, '--set', 'hub.address=hub.example.com:8443'], serviceCidr })
        .then((api) => { apis[name] = api; })),
    ];
    const outcomes = await Promise.allSettled(starting);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  });
  afterAll(async () => {
    delete process.env['ISTHMUS_RECORDS'];
    await Promise.all([postgres?.stop(), ...Object.values(apis).map((api) => api.stop())]);
  });

  test('holds from join to drift', async () => {
    await prepareHub(apis['hub']!);
    result = await runDemo({ entry: join(ROOT, 'controller/cli/main.ts'), apis, signal: new AbortController().signal, say: (text) => lines.push(text), afterWalk: endings });
    expect(result.ok, lines.join('\n')).toBe(true);
    expect(result.steps.map((step) => step.name)).toEqual(STEPS.map((step) => step.name));
    console.log(result.steps.map(({ name, milliseconds }) => `${name}: ${milliseconds} ms`).join('\n'));
  });

  test.each([{ chart: 'isthmus-hub', servers: ['hub'] }, { chart: 'isthmus-agent', servers: CLUSTERS.map(({ name }) => name) }])('the roles of $chart hold nothing that was not used, and nothing was refused', ({ servers }) => {
    expect(result?.ok, 'the walk held').toBe(true);
    const requests: readonly AuditedRequest[] = servers.flatMap((name) => apis[name]?.audit.read() ?? []);
    expect(requests.length).toBeGreaterThan(100);
    const refused = requests.filter(({ status }) => status === 401 || status === 403);
    expect(refused.map(({ verb, resource, namespace, name }) => `${verb} ${resource} ${namespace}/${name}`)).toEqual([]);
    const grants = grantsOf(apis[servers[0] ?? '']?.objects ?? []);
    expect(grants.length).toBeGreaterThan(10);
    expect(unusedGrants(grants, requests).map(grantText).filter((text) => !(text in NOT_IN_THE_WALK))).toEqual([]);
  });

  test('every exception names a right that a chart still gives', () => {
    const given = Object.values(apis).flatMap((api) => grantsOf(api.objects).map(grantText));
    expect(Object.keys(NOT_IN_THE_WALK).filter((text) => !given.includes(text))).toEqual([]);
  });
});
