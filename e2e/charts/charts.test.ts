/** The charts as people use them: lint, render, refuse, install on a real kube-apiserver, upgrade and uninstall. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { decodeJoinToken } from '../../controller/runtime/join-token.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { HUB_RESOURCES } from '../../mesh/api/resources/index.ts';
import { KubernetesError, type KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { type ApiServer, CustomResourceDefinition, missingAssets, startApiServer } from '../kube/apiserver.ts';
import { onPath } from '../kube/assets.ts';
import { grantsOf, grantText, isForPeople } from '../kube/grants.ts';
import { chartFolder, findHelm, type Outcome, refusal, renderChart, ROOT, run } from './helm.ts';
import { KINDS } from './samples.ts';

const CHARTS = ['isthmus-hub', 'isthmus-agent'] as const;
const MINIMAL = { 'isthmus-hub': ['--set', 'gateway.advertise=hub.example.com:8443'], 'isthmus-agent': ['--set', 'cluster.name=berlin', '--set', 'hub.address=hub.example.com:8443'] } as const;
const VALUES = CHARTS.flatMap((chart) => readdirSync(join(chartFolder(chart), 'ci')).sort().map((file) => ({ chart, file, path: join(chartFolder(chart), 'ci', file) })));

const helm = findHelm() ?? '';
const kubectl = onPath('kubectl') ?? '';
const withoutHelm = helm === '' ? 'helm is neither in KUBEBUILDER_ASSETS nor on PATH' : undefined;
const withoutServer = withoutHelm ?? (kubectl === '' ? 'kubectl is not on PATH' : missingAssets());
if (withoutHelm !== undefined) console.log(`no charts are tested: ${withoutHelm}`);
else if (withoutServer !== undefined) console.log(`the charts are not tried on a real kube-apiserver: ${withoutServer}`);

interface PodTemplate {
  readonly spec: {
    readonly automountServiceAccountToken?: boolean;
    readonly securityContext?: object;
    readonly containers: readonly { readonly name: string; readonly args: readonly string[]; readonly securityContext?: object; readonly resources?: { readonly requests?: object; readonly limits?: object }; readonly livenessProbe?: { httpGet: object }; readonly readinessProbe?: { httpGet: object }; readonly volumeMounts?: readonly object[] }[];
    readonly volumes?: readonly Readonly<Record<string, unknown>>[];
    readonly hostNetwork?: boolean;
    readonly initContainers?: readonly object[];
  };
}
const podOf = (objects: readonly KubernetesObject[]): PodTemplate => {
  const pods = objects.filter(({ kind }) => kind === 'Deployment').map((object) => (object as KubernetesObject & { readonly spec: { readonly template: PodTemplate } }).spec.template);
  expect(pods).toHaveLength(1);
  return pods[0]!;
};

describe.skipIf(withoutHelm !== undefined)('charts', () => {
  test.each(VALUES)('helm lint --strict $chart with $file', async ({ chart, path }) => {
    const { status, stdout, stderr } = await run(helm, ['lint', '--strict', chartFolder(chart), '--values', path]);
    expect(status, `${stdout}${stderr}`).toBe(0);
  });

  test.each(VALUES)('pods of $chart with $file run without any privilege', async ({ chart, path }) => {
    const objects = await renderChart(helm, chart, ['--values', path]);
    const { spec } = podOf(objects);
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } });
    expect(spec.containers).toHaveLength(1);
    expect(spec.initContainers).toBeUndefined();
    expect(spec.hostNetwork).toBeUndefined();
    for (const container of spec.containers) {
      expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
      expect(container.resources?.requests).toBeDefined();
      expect(container.resources?.limits).toHaveProperty('memory');
      expect(container.livenessProbe?.httpGet).toEqual({ path: '/healthz', port: 'health' });
      expect(container.readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'health' });
      const [data, ...others] = container.volumeMounts ?? [];
      expect(data).toEqual({ name: 'data', mountPath: '/var/lib/isthmus' });
      for (const other of others) expect(other).toMatchObject({ readOnly: true });
    }
    for (const { name, ...from } of spec.volumes ?? []) if (name !== 'data') expect(Object.keys(from)).toEqual([name === 'root-key' ? 'secret' : name === 'join' ? 'projected' : 'configMap']);
    for (const object of objects.filter(({ kind }) => kind !== 'CustomResourceDefinition')) {
      expect(object.metadata.labels, `${object.kind} ${object.metadata.name}`).toMatchObject({ 'app.kubernetes.io/name': chart, 'app.kubernetes.io/part-of': 'isthmus', 'helm.sh/chart': `${chart}-0.1.0` });
    }
  });

  test.each(CHARTS)('the program knows every flag of %s', async (chart) => {
    const known = (await run(process.execPath, [join(ROOT, 'controller/cli/main.ts'), chart.replace('isthmus-', ''), '--help'])).stdout;
    for (const { path } of VALUES.filter((values) => values.chart === chart)) {
      const [command, ...flags] = podOf(await renderChart(helm, chart, ['--values', path])).spec.containers[0]!.args;
      expect(chart).toBe(`isthmus-${command}`);
      for (const flag of flags) expect(known, flag).toMatch(new RegExp(`${flag.split('=')[0]}[ ,]`));
    }
  });

  test('gates and notifications have the rights, files and flags that values name, and none without', async () => {
    const of = async (...values: readonly string[]) => {
      const objects = await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...values.flatMap((value) => ['--set', value])]);
      const { containers, volumes } = podOf(objects).spec;
      return {
        grants: grantsOf(objects).filter(({ resource }) => resource === 'jobs').map(grantText), secrets: JSON.stringify(objects.filter(({ kind }) => kind === 'Role')).includes('"prometheus"'),
        flags: containers[0]!.args.filter((flag) => /notifications|ask-ca/.test(flag)), volumes: volumes?.map(({ name }) => name), files: objects.filter(({ kind }) => kind === 'ConfigMap').map((object) => (object as KubernetesObject & { readonly data: object }).data),
      };
    };
    expect(await of()).toEqual({ grants: [], secrets: false, flags: [], volumes: ['data'], files: [] });
    expect(await of('gates.jobNamespaces={checks}', 'gates.secrets={prometheus}', 'gates.caConfigMap=company-ca', 'notifications[0].url=https://chat.example.com/hook')).toEqual({
      grants: ['create jobs.batch * in checks', 'get jobs.batch * in checks'], secrets: true, flags: ['--notifications=/etc/isthmus/notifications/notifications.yaml', '--ask-ca-file=/etc/isthmus/ask-ca/ca.crt'],
      volumes: ['data', 'notifications', 'ask-ca'], files: [{ 'notifications.yaml': expect.stringContaining('url: https://chat.example.com/hook') as string }],
    });
  });

  test('several replicas of the hub elect a leader, and only then is there a right to its Lease', async () => {
    const leases = (objects: readonly KubernetesObject[]): readonly string[] => grantsOf(objects).filter(({ resource }) => resource === 'leases').map(grantText);
    const alone = await renderChart(helm, 'isthmus-hub', MINIMAL['isthmus-hub']);
    expect(podOf(alone).spec.containers[0]!.args).not.toContain('--leader-election');
    expect(alone.find(({ kind }) => kind === 'Deployment')).toMatchObject({ spec: { replicas: 1, strategy: { type: 'Recreate' } } });
    expect(leases(alone)).toEqual([]);
    const several = await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], '--set', 'replicas=3', '--set', 'records.postgres.existingSecret=records']);
    expect(podOf(several).spec.containers[0]!.args).toContain('--leader-election');
    expect(several.find(({ kind }) => kind === 'Deployment')).toMatchObject({ spec: { replicas: 3, strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 3 } } } });
    expect(several.map(({ kind }) => kind)).not.toContain('PersistentVolumeClaim');
    expect(leases(several)).toEqual(['create', 'get', 'update'].map((verb) => `${verb} leases.coordination.k8s.io ${verb === 'create' ? '*' : 'isthmus-hub'} in isthmus-system`));
  });

  test('alerts and their scraping come where the operator is, or when asked for, as values want them', async () => {
    const of = async (...more: readonly string[]): Promise<readonly KubernetesObject[]> =>
      (await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...more])).filter(({ apiVersion }) => apiVersion.startsWith('monitoring.'));
    const operator = ['ServiceMonitor', 'PrometheusRule'].flatMap((kind) => ['--api-versions', `monitoring.coreos.com/v1/${kind}`]);
    expect(await of()).toEqual([]);
    expect((await of(...operator, '--set', 'monitoring.rules=never')).map(({ kind }) => kind)).toEqual(['ServiceMonitor']);
    expect((await of('--set', 'monitoring.rules=always')).map(({ kind }) => kind)).toEqual(['PrometheusRule']);
    const plain = parse(readFileSync(join(chartFolder('isthmus-hub'), 'files/alerts/isthmus.rules.yaml'), 'utf8')) as { readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly for?: string; readonly annotations: { readonly runbook_url: string } }[] }[] };
    const [rule, monitor] = await of(...operator) as readonly (KubernetesObject & { readonly spec: typeof plain })[];
    expect(rule!.spec).toEqual(plain);
    expect(monitor).toMatchObject({ spec: { endpoints: [{ port: 'metrics' }] } });
    const [changed] = await of(...operator, '--set', 'monitoring.without={IsthmusRunWaits}', '--set', 'monitoring.for.IsthmusRunPaused=2h', '--set', 'monitoring.runbooks=https://docs.example.com/', '--set', 'monitoring.labels.release=prometheus') as readonly (KubernetesObject & { readonly spec: typeof plain })[];
    expect(changed!.metadata.labels).toMatchObject({ release: 'prometheus' });
    const rules = changed!.spec.groups.flatMap((group) => group.rules);
    expect(rules.map(({ alert }) => alert)).toEqual(plain.groups.flatMap((group) => group.rules.map(({ alert }) => alert)).filter((alert) => alert !== 'IsthmusRunWaits'));
    expect(rules.find(({ alert }) => alert === 'IsthmusRunPaused')).toMatchObject({ for: '2h', annotations: { runbook_url: 'https://docs.example.com/docs/reference/alerts.md#isthmusrunpaused' } });
  });

  test('roles for people are bound to nobody, approve and override only what they are named for, and let viewers see every kind that holds no answer and no token', async () => {
    const objects = await renderChart(helm, 'isthmus-hub', MINIMAL['isthmus-hub']);
    const roles = objects.filter(isForPeople).map((object) => object as KubernetesObject & { readonly rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[] });
    const rights = Object.fromEntries(roles.map(({ metadata, rules }) => [metadata.name, rules.flatMap(({ resources, verbs }) => verbs.filter((verb) => !['get', 'list', 'watch'].includes(verb)).flatMap((verb) => resources.map((resource) => `${verb} ${resource}`)))]));
    expect(rights).toEqual({
      'isthmus-run-approver': ['create approvals', 'create inquiries', 'delete inquiries'], 'isthmus-run-operator': ['create updateruns', 'patch updateruns', 'update updateruns', 'create inquiries', 'delete inquiries'],
      'isthmus-window-overrider': ['create windowoverrides', 'delete windowoverrides'], 'isthmus-authority-operator': ['patch certificateauthorities', 'update certificateauthorities'], 'isthmus-asker': ['create inquiries', 'delete inquiries'], 'isthmus-view': [],
    });
    expect(JSON.stringify(objects.filter(({ kind }) => kind === 'ClusterRoleBinding'))).not.toMatch(/approver|operator|overrider|asker|view/);
    const seen = roles.find(({ metadata }) => metadata.labels?.['rbac.authorization.k8s.io/aggregate-to-view'] === 'true')?.rules.flatMap(({ resources }) => resources);
    expect(seen).toEqual(HUB_RESOURCES.map(({ plural }) => plural).filter((plural) => plural !== 'inquiries' && plural !== 'jointokens').sort());
  });

  test('the agent may read credentials for single peers where they are named, and those alone; ranges of Services it may list', async () => {
    const of = async (...values: string[]): Promise<readonly string[]> => grantsOf(await renderChart(helm, 'isthmus-agent', [...MINIMAL['isthmus-agent'], ...values.flatMap((value) => ['--set', value])])).map(grantText);
    const usual = await of();
    expect(usual.filter((text) => /servicecidrs/.test(text))).toEqual(['list servicecidrs.networking.k8s.io * in *']);
    expect((await of('cilium.peerSecrets={oslo-client,rome-client}')).filter((text) => !usual.includes(text))).toEqual(['get secrets oslo-client in kube-system', 'get secrets rome-client in kube-system']);
  });

  test('rights to other inventories are there only where they are wanted', async () => {
    const of = async (...values: string[]): Promise<{ readonly grants: readonly string[]; readonly flags: readonly string[] }> => {
      const objects = await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...values.flatMap((value) => ['--set', value])]);
      return {
        grants: grantsOf(objects).filter(({ group, resource, verb, name }) => /x-k8s\.io|fluxcd/.test(group) || (resource === 'secrets' && (verb === 'list' || verb === 'watch' || (verb !== 'create' && name === '*')))).map(grantText),
        flags: podOf(objects).spec.containers[0]!.args.filter((flag) => /profiles|discover|argocd/.test(flag)),
      };
    };
    const ours = ['create', 'delete', 'get', 'list', 'patch', 'watch'].map((verb) => `${verb} clusterprofiles.multicluster.x-k8s.io * in isthmus-system`).concat('patch clusterprofiles/status.multicluster.x-k8s.io * in isthmus-system');
    const everywhere = ['clusterprofiles.multicluster.x-k8s.io', 'clusters.cluster.x-k8s.io', 'kustomizations.kustomize.toolkit.fluxcd.io', 'helmreleases.helm.toolkit.fluxcd.io'].map((what) => `list ${what} * in *`);
    expect(await of()).toEqual({ grants: ours, flags: ['--no-discover'] });
    expect(await of('inventory.clusterProfiles=false')).toEqual({ grants: [], flags: ['--no-cluster-profiles', '--no-discover'] });
    expect(await of('inventory.discover=true')).toEqual({ grants: [...everywhere, ...ours], flags: [] });
    expect(await of('inventory.discover=true', 'inventory.argocdNamespaces={argocd}')).toEqual({ grants: [...everywhere, ...ours, 'list secrets * in argocd'], flags: ['--argocd-namespace=argocd'] });
    expect(await of('inventory.argocdNamespaces={argocd}'), 'without discover nobody would ask').toEqual({ grants: ours, flags: ['--no-discover'] });
  });

  test.each(CHARTS)('%s mounts the pinned keys of bundles where they are, and asks for none where there are none', async (chart) => {
    const of = async (...values: readonly string[]): Promise<object> => {
      const { spec } = podOf(await renderChart(helm, chart, [...MINIMAL[chart], ...values.flatMap((value) => ['--set', value])]));
      const isKeys = (one: object): boolean => (one as { readonly name?: string }).name === 'bundle-keys';
      return { flags: spec.containers[0]!.args.filter((flag) => flag.startsWith('--bundle-keys')), mounts: spec.containers[0]!.volumeMounts?.filter(isKeys), volumes: spec.volumes?.filter(isKeys) };
    };
    const mounts = [{ name: 'bundle-keys', mountPath: '/etc/isthmus/bundle-keys', readOnly: true }];
    expect(await of()).toEqual({ flags: [], mounts: [], volumes: [] });
    expect(await of('bundleKeys.existingConfigMap=signers')).toEqual({ flags: ['--bundle-keys=/etc/isthmus/bundle-keys/keys.yaml'], mounts, volumes: [{ name: 'bundle-keys', configMap: { name: 'signers' } }] });
    expect(await of('bundleKeys.existingSecret=signers', 'bundleKeys.key=k')).toEqual({ flags: ['--bundle-keys=/etc/isthmus/bundle-keys/k'], mounts, volumes: [{ name: 'bundle-keys', secret: { secretName: 'signers' } }] });
    expect(await refusal(helm, chart, [...MINIMAL[chart], '--set', 'bundleKeys.existingSecret=a', '--set', 'bundleKeys.existingConfigMap=b'])).toContain('give existingConfigMap or existingSecret, not both');
  });

  test('the root is where it is said to be: its key is mounted, never rendered, and gives the hub no further right', async () => {
    const certificates = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    const of = async (...values: readonly string[]): Promise<object> => {
      const objects = await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...values.flatMap((value) => ['--set-string', value])]);
      const { spec } = podOf(objects);
      const isRoot = (one: object): boolean => (one as { readonly name?: string }).name?.startsWith('root') ?? false;
      return {
        flags: spec.containers[0]!.args.filter((flag) => flag.startsWith('--root')), mounts: spec.containers[0]!.volumeMounts?.filter(isRoot), volumes: spec.volumes?.filter(isRoot),
        grants: grantsOf(objects).map(grantText), files: objects.filter(({ metadata }) => metadata.name === 'isthmus-hub-root').map((object) => (object as unknown as { readonly data: object }).data),
      };
    };
    const usual = await of() as { readonly grants: readonly string[] };
    const mounted = { name: 'root', mountPath: '/etc/isthmus/root', readOnly: true };
    const files = [{ 'root.crt.pem': certificates }];
    expect(usual).toMatchObject({ flags: [], mounts: [], volumes: [], files: [] });
    expect(await of('root.source=offline', `root.certificates=${certificates}`)).toEqual({
      flags: ['--root-certificates=/etc/isthmus/root/root.crt.pem', '--root=offline'], mounts: [mounted], volumes: [{ name: 'root', configMap: { name: 'isthmus-hub-root' } }], grants: usual.grants, files,
    });
    expect(await of('root.source=file', `root.certificates=${certificates}`, 'root.keySecret.name=fleet-root', 'root.keySecret.passphraseKey=pass')).toEqual({
      flags: ['--root-certificates=/etc/isthmus/root/root.crt.pem', '--root-key-file=/etc/isthmus/root-key/root.key.pem', '--root-passphrase-file=/etc/isthmus/root-key/pass'],
      mounts: [mounted, { name: 'root-key', mountPath: '/etc/isthmus/root-key', readOnly: true }],
      volumes: [{ name: 'root', configMap: { name: 'isthmus-hub-root' } }, { name: 'root-key', secret: { secretName: 'fleet-root', defaultMode: 0o440 } }], grants: usual.grants, files,
    });
    expect(await of('root.source=signer', `root.certificates=${certificates}`, 'root.signer=/opt/kms sign --key x')).toMatchObject({ flags: ['--root-certificates=/etc/isthmus/root/root.crt.pem', '--root-signer=/opt/kms sign --key x'], grants: usual.grants });
    const refused = (...values: readonly string[]): ReturnType<typeof refusal> => refusal(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...values.flatMap((value) => ['--set-string', value])]);
    expect(await refused('root.source=offline')).toContain('give the root\'s certificate (PEM)');
    expect(await refused('root.source=offline', `root.certificates=${certificates}-----BEGIN PRIVATE KEY-----`)).toContain('holds a private key');
    expect(await refused('root.source=file', `root.certificates=${certificates}`)).toContain('name the Secret with the root\'s key');
    expect(await refused('root.source=signer', `root.certificates=${certificates}`)).toContain('give the program that signs');
    expect(await refused('root.source=hsm')).toMatch(/source/);
    const certManager = ['root.source=cert-manager', `root.certificates=${certificates}`, 'root.certManager.issuer=bank-ca'];
    const asked = { flags: ['--root-certificates=/etc/isthmus/root/root.crt.pem', '--root=cert-manager'], mounts: [mounted], volumes: [{ name: 'root', configMap: { name: 'isthmus-hub-root' } }], files };
    const requests = ['create', 'delete', 'list'].map((verb) => `${verb} certificaterequests.cert-manager.io * in isthmus-system`);
    const certManagerRoot = await of(...certManager) as { readonly grants: readonly string[] };
    expect(certManagerRoot).toMatchObject(asked);
    expect(certManagerRoot.grants.filter((grant) => !usual.grants.includes(grant)), 'it asks, and never approves').toEqual(requests);
    expect(usual.grants.filter((grant) => !certManagerRoot.grants.includes(grant))).toEqual([]);
    const args = async (...values: readonly string[]) => podOf(await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...[...certManager, ...values].flatMap((value) => ['--set-string', value])])).spec.containers[0]!.args.filter((flag) => flag.startsWith('--cert-manager'));
    expect(await args()).toEqual(['--cert-manager-issuer=bank-ca', '--cert-manager-issuer-kind=ClusterIssuer', '--cert-manager-issuer-group=cert-manager.io']);
    expect(await args('root.certManager.kind=AWSPCAClusterIssuer', 'root.certManager.group=awspca.cert-manager.io')).toEqual(['--cert-manager-issuer=bank-ca', '--cert-manager-issuer-kind=AWSPCAClusterIssuer', '--cert-manager-issuer-group=awspca.cert-manager.io']);
    expect(await refused('root.source=cert-manager', 'root.certManager.issuer=bank-ca')).toContain('give the root\'s certificate (PEM)');
    expect(await refused('root.source=cert-manager', `root.certificates=${certificates}`)).toContain('name the issuer that signs');
    expect(await refused(...certManager, 'root.certManager.kind=VaultIssuer')).toContain('give ClusterIssuer or Issuer');
    expect(await refused(...certManager, 'root.certManager.kind=issuer')).toMatch(/kind/);
    expect(await refused('root.certManager.issuer=bank-ca')).toContain('is for root.source cert-manager');
  });

  test('the join token is in a Secret and nowhere else', async () => {
    const token = 'isthmus-join-v1.c2VjcmV0';
    const objects = await renderChart(helm, 'isthmus-agent', [...MINIMAL['isthmus-agent'], '--set-string', `join.token=${token}`]);
    expect(objects.filter((object) => JSON.stringify(object).includes(token)).map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual(['Secret/isthmus-agent-join']);
  });

  test.each([
    { chart: 'isthmus-hub', values: [], says: /advertise/ },
    { chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com'], says: /advertise/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'replicas=2'], says: /existingSecret/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'replicas=0'], says: /replicas/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'gateway.service.type=ExternalName'], says: /type/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'gateway.port=80'], says: /port/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'logLevel=loud'], says: /logLevel/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'inventory.argocdNamespaces={Argo}'], says: /argocdNamespaces/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'gates.secrets={isthmus-authority}'], says: /secrets/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'notifications[0].url=https://ada:secret@chat'], says: /notifications/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'monitoring.rules=true'], says: /monitoring/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'monitoring.for.Nothing=2h'], says: /there is no alert "Nothing"; there are IsthmusHubMissing, / },
    { chart: 'isthmus-agent', values: ['--set', 'hub.address=hub.example.com:8443'], says: /name/ },
    { chart: 'isthmus-agent', values: ['--set', 'cluster.name=berlin'], says: /address/ },
    { chart: 'isthmus-agent', values: ['--set', 'cluster.name=Berlin', '--set', 'hub.address=h:1'], says: /name/ },
    { chart: 'isthmus-agent', values: ['--set', 'cluster.name=default', '--set', 'hub.address=h:1'], says: /name/ },
    { chart: 'isthmus-agent', values: ['--set', `cluster.name=${'a'.repeat(33)}`, '--set', 'hub.address=h:1'], says: /name/ },
    { chart: 'isthmus-agent', values: [...MINIMAL['isthmus-agent'], '--set', 'clutser.name=oslo'], says: /clutser/ },
    { chart: 'isthmus-agent', values: [...MINIMAL['isthmus-agent'], '--set', 'join.token=half-a-token'], says: /token/ },
  ] as const)('$chart refuses $values', async ({ chart, values, says }) => {
    const said = await refusal(helm, chart, values);
    // Names of alerts are in the rules' file alone: the template refuses what the schema cannot know.
    if (!values.some((value) => value.startsWith('monitoring.for.'))) expect(said).toContain("values don't meet the specifications of the schema");
    expect(said).toMatch(says);
  });
});

describe.skipIf(withoutServer !== undefined)('charts on a real kube-apiserver', () => {
  let server: ApiServer;
  let client: ConnectedKubernetes;
  const never = new AbortController().signal;

  beforeAll(async () => {
    server = await startApiServer({ namespaces: ['isthmus-system', 'cilium', 'argocd', 'checks'] });
    client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-charts-test', metrics: fakeMetrics() });
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  const withKubectl = (parameters: readonly string[], input?: string): Promise<Outcome> => run(kubectl, ['--kubeconfig', server.kubeconfigPath, ...parameters], input);
  const withHelm = async (...parameters: string[]): Promise<string> => {
    const { status, stdout, stderr } = await run(helm, ['--kubeconfig', server.kubeconfigPath, '--namespace', 'isthmus-system', ...parameters]);
    expect(status, `helm ${parameters.join(' ')}: ${stderr}`).toBe(0);
    return stdout;
  };
  const established = async (): Promise<void> => {
    for (const { definition } of KINDS) {
      const { status, stderr } = await withKubectl(['wait', '--for=condition=Established', '--timeout=30s', `crd/${definition.plural}.${definition.group}`]);
      expect(status, stderr).toBe(0);
    }
  };

  test.each(VALUES)('helm template $chart with $file | kubectl apply --dry-run=server', async ({ chart, path }) => {
    const objects = await renderChart(helm, chart, ['--values', path]);
    const { status, stdout, stderr } = await withKubectl(['apply', '--dry-run=server', '-f', '-'], objects.map((object) => `---\n${stringify(object, { aliasDuplicateObjects: false })}`).join(''));
    expect(status, stderr).toBe(0);
    expect(stderr).not.toContain('Warning');
    expect(stdout.trim().split('\n')).toHaveLength(objects.length);
  });

  test('helm install brings every definition', async () => {
    for (const chart of CHARTS) await withHelm('install', chart, chartFolder(chart), ...MINIMAL[chart]);
    await established();
  });

  test.each(KINDS)('the server takes a good $definition.kind and refuses a bad one by field', async ({ definition, accepted, refused }) => {
    const applied = await withKubectl(['apply', '--server-side', '-f', '-'], stringify(accepted));
    expect(applied.status, applied.stderr).toBe(0);
    for (const { object, field } of refused) {
      const error = await client.create(definition, object, { fieldManager: 'test' }, never).then(() => undefined, (thrown: unknown) => thrown);
      expect(error, JSON.stringify(object.spec)).toBeInstanceOf(KubernetesError);
      expect((error as KubernetesError).code).toBe(422);
      expect((error as KubernetesError).causes.map((cause) => cause.field)).toContain(field);
    }
    const unknown = await withKubectl(['apply', '--server-side', '--validate=strict', '-f', '-'], stringify({ ...accepted, spec: { ...accepted.spec as object, colour: 'blue' } }));
    expect(unknown.status).not.toBe(0);
    expect(unknown.stderr).toContain('colour');
  });

  test('a definition that lost a field gets it back by helm upgrade, and all are kept by helm uninstall', async () => {
    const name = 'drills.isthmus.dev';
    const path = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/objectiveSeconds';
    const objective = async (): Promise<boolean> => JSON.stringify(await client.get(CustomResourceDefinition, { name }, never)).includes('"objectiveSeconds"');
    await client.patch(CustomResourceDefinition, { name }, [{ op: 'remove', path }], { type: 'json', fieldManager: 'test' }, never);
    expect(await objective()).toBe(false);
    await withHelm('upgrade', 'isthmus-hub', chartFolder('isthmus-hub'), ...MINIMAL['isthmus-hub']);
    expect(await objective()).toBe(true);
    for (const chart of CHARTS) await withHelm('uninstall', chart);
    await established();
    for (const chart of CHARTS) await withHelm('install', chart, chartFolder(chart), ...MINIMAL[chart]);
  });

  test('the command that isthmus join prints installs the agent with its token', async () => {
    const trust = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'isthmus-trust', namespace: 'isthmus-system' }, data: { 'bundle.pem': 'PEM', trustDomain: 'isthmus.local', sequence: '1', hubAddress: 'hub.example.com:8443' } };
    expect((await withKubectl(['apply', '-f', '-'], stringify(trust))).status).toBe(0);
    const joined = await run(process.execPath, [join(ROOT, 'controller/cli/main.ts'), '--kubeconfig', server.kubeconfigPath, 'join', 'oslo']);
    expect(joined.status, joined.stderr).toBe(0);
    const command = joined.stdout.replace(/^helm /, `'${helm}' --kubeconfig '${server.kubeconfigPath}' `);
    const installed = await run('sh', ['-ec', command]);
    expect(installed.status, installed.stderr).toBe(0);
    const token = await withKubectl(['-n', 'isthmus-system', 'get', 'secret', 'isthmus-agent-join', '-o', 'jsonpath={.data.token}']);
    expect(decodeJoinToken(Buffer.from(token.stdout, 'base64').toString('utf8'))).toMatchObject({ cluster: 'oslo', hub: 'hub.example.com:8443' });
    const pod = await withKubectl(['-n', 'isthmus-system', 'get', 'deployment', 'isthmus-agent', '-o', 'jsonpath={.spec.template.spec.containers[0].args}']);
    expect(pod.stdout).toContain('--cluster=oslo');
  });
});
