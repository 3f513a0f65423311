/** A kube-apiserver with what a chart installs short of the pods, and the account that its pods would have. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { eventually } from '../../controller/demo/eventually.ts';
import type { GivenApi } from '../../controller/demo/fleet.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../mesh/api/resources/guards.ts';
import { CHANGED_BY, CHANGED_KINDS } from '../../mesh/api/resources/guard-changes.ts';
import { apiVersionOf, Cluster } from '../../mesh/api/resources/index.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { renderChart } from '../charts/helm.ts';
import { type ApiServer, startApiServer } from './apiserver.ts';
import { type Audit, auditInto } from './audit.ts';

const NAMESPACE = 'isthmus-system';
const TOKEN_SECONDS = 3600;
const SETTLED_MILLISECONDS = 60_000;
/** Its authorizer reads them by a watch. */
const ROLES_READ_MILLISECONDS = 1000;
const rbac = (kind: string, plural: string, namespaced: boolean): ResourceKind => ({ group: 'rbac.authorization.k8s.io', version: 'v1', kind, plural, namespaced });
const mutating = (kind: string, plural: string): ResourceKind => ({ group: 'admissionregistration.k8s.io', version: 'v1', kind, plural, namespaced: false });
const INSTALLED: readonly ResourceKind[] = [
  { group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true },
  rbac('ClusterRole', 'clusterroles', false), rbac('ClusterRoleBinding', 'clusterrolebindings', false), rbac('Role', 'roles', true), rbac('RoleBinding', 'rolebindings', true), ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
  mutating('MutatingAdmissionPolicy', 'mutatingadmissionpolicies'), mutating('MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicybindings'),
];

export interface RestrictedApi extends GivenApi {
  /** What the chart rendered. */
  readonly objects: readonly KubernetesObject[];
  readonly audit: Audit;
  readonly server: ApiServer;
  stop(): Promise<void>;
}

/** A policy that changes objects refuses kinds whose schema the API server has not read yet ("There can be a delay …"), and does nothing before it has read the policy itself. Hubs and agents wait for that themselves (`runtime/settling.ts`); suites' people do not, and some suites count every refusal. */
async function areNamesWritten(client: KubernetesClient, signal: AbortSignal): Promise<boolean> {
  for (const kind of [Cluster, ...CHANGED_KINDS]) {
    try {
      const probe = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: 'probe' }, spec: {} } as KubernetesObject;
      const { metadata } = await client.create(kind, probe, { fieldManager: 'probe', dryRun: true }, signal);
      if (metadata.annotations?.[CHANGED_BY] === undefined) return false;
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      if (error.message.includes('There can be a delay')) return false;
    }
  }
  return true;
}

/** TokenRequest, as kubelet does it for a pod. */
function tokenOf(server: ApiServer, account: string): Promise<string> {
  const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: TOKEN_SECONDS } });
  return new Promise((resolve, reject) => {
    const call = request(`${server.url}/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${account}/token`, {
      method: 'POST', ca: server.certificateAuthorityPem, headers: { authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' },
    }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; }).once('end', () => {
        const token = (JSON.parse(text) as { status?: { token?: string } }).status?.token;
        if (token === undefined) reject(new Error(`no token for ${account}: ${text}`));
        else resolve(token);
      });
    });
    call.once('error', reject).end(body);
  });
}

export async function startRestricted({ helm, chart, values, serviceCidr, namespaces = [], users = [] }: { readonly helm: string; readonly chart: string; readonly values: readonly string[]; readonly serviceCidr?: string; readonly namespaces?: readonly string[]; readonly users?: NonNullable<Parameters<typeof startApiServer>[0]>['users'] }): Promise<RestrictedApi> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-restricted-'));
  const audit = auditInto(folder, [`system:serviceaccount:${NAMESPACE}:${chart}`]);
  let server: ApiServer | undefined;
  const stop = async (): Promise<void> => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const objects = await renderChart(helm, chart, values);
    server = await startApiServer({
      users, namespaces: [NAMESPACE, ...namespaces], definitions: objects.filter(({ kind }) => kind === 'CustomResourceDefinition'), flags: audit.flags, ...(serviceCidr === undefined ? {} : { serviceCidr }),
    });
    const client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    try {
      const never = new AbortController().signal;
      for (const kind of INSTALLED) {
        for (const object of objects.filter((one) => one.kind === kind.kind)) await client.create(kind, object, { fieldManager: 'helm' }, never);
      }
      // What every account may do, the API server gives by roles that it makes after it has become ready.
      await eventually('every account has its rights', SETTLED_MILLISECONDS, async () => await client.get(rbac('ClusterRoleBinding', 'clusterrolebindings', false), { name: 'system:basic-user' }, never) !== undefined);
      await new Promise((resolve) => { setTimeout(resolve, ROLES_READ_MILLISECONDS); });
      if (objects.some(({ kind }) => kind === 'MutatingAdmissionPolicy')) await eventually('the policy writes names down', SETTLED_MILLISECONDS, () => areNamesWritten(client, never));
    } finally {
      await client.close();
    }
    const restricted = join(folder, 'restricted.kubeconfig');
    writeFileSync(restricted, server.kubeconfigFor(await tokenOf(server, chart)), { mode: 0o600 });
    return { admin: server.kubeconfigPath, restricted, objects, audit, server, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
