/** The charts on a real kube-apiserver: tried, installed, upgraded and uninstalled; their definitions take good objects and refuse bad ones. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { decodeJoinToken } from '../../controller/runtime/join-token.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { KubernetesError } from '../../mesh/ports/kubernetes.ts';
import { type ApiServer, CustomResourceDefinition, missingAssets, startApiServer } from '../kube/apiserver.ts';
import { onPath } from '../kube/assets.ts';
import { chartFolder, type Outcome, renderChart, ROOT, run } from './helm.ts';
import { CHARTS, helm, MINIMAL, VALUES, withoutHelm } from './rendered.ts';
import { KINDS } from './samples.ts';

const kubectl = onPath('kubectl') ?? '';
const withoutServer = withoutHelm ?? (kubectl === '' ? 'kubectl is not on PATH' : missingAssets());
if (withoutHelm === undefined && withoutServer !== undefined) console.log(`the charts are not tried on a real kube-apiserver: ${withoutServer}`);

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
