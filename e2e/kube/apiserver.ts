/** A real kube-apiserver with its etcd, on loopback, from `KUBEBUILDER_ASSETS`. Several at once do not meet. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { Namespace } from '../../mesh/api/resources/core.ts';
import { KubernetesError, type KubernetesObject, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { freePorts } from './free-ports.ts';
import { type ServerProcess, serverProcess } from './server-process.ts';

export interface ApiServerOptions {
  readonly namespaces?: readonly string[];
  /** CustomResourceDefinition objects. */
  readonly definitions?: readonly KubernetesObject[];
  /** Users beside the administrator, each with a token of its own; RBAC decides what they may do. */
  readonly users?: readonly { readonly name: string; readonly token: string; readonly groups?: readonly string[] }[];
  /** 10.0.0.0/24 unless given. */
  readonly serviceCidr?: string;
  /** etcd syncs every write to the disk, as it should anywhere but in a test. */
  readonly durable?: boolean;
  /** Members of its etcd; 1 unless given. */
  readonly etcdMembers?: 1 | 3;
  /** Served in place of one that it makes itself; replaced files are served without a restart. */
  readonly serving?: { readonly certificatePath: string; readonly keyPath: string; readonly certificateAuthorityPem: string };
  /** Further flags of kube-apiserver. */
  readonly flags?: readonly string[];
}

export interface ApiServer {
  /** Of the administrator (`system:masters`). */
  readonly kubeconfigPath: string;
  readonly url: string;
  readonly etcdUrl: string;
  readonly adminToken: string;
  readonly certificateAuthorityPem: string;
  /** Temporary; removed by `stop`. */
  readonly directory: string;
  /** To freeze, end and start again, on the same ports and with the same data. */
  readonly apiServer: ServerProcess;
  readonly etcd: readonly ServerProcess[];
  /** Resolves when the API answers, for example after `apiServer.start()`. */
  ready(): Promise<void>;
  kubeconfigFor(token: string): string;
  stop(): Promise<void>;
}

const START_MILLISECONDS = 60_000;
export const CustomResourceDefinition: ResourceKind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false };

/** Why no real API server can run here; undefined: it can. */
export function missingAssets(): string | undefined {
  const folder = process.env['KUBEBUILDER_ASSETS'];
  const wayOut = 'set KUBEBUILDER_ASSETS to a folder with kube-apiserver and etcd (setup-envtest makes one)';
  if (folder === undefined || folder === '') return wayOut;
  const missing = ['etcd', 'kube-apiserver'].filter((name) => !existsSync(join(folder, name)));
  return missing.length === 0 ? undefined : `${folder} has no ${missing.join(' and no ')}; ${wayOut}`;
}

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const missing = missingAssets();
  if (missing !== undefined) throw new Error(missing);
  try {
    return await startOnce(options);
  } catch (error) {
    if (!String(error).includes('address already in use')) throw error;
    return await startOnce(options);
  }
}

async function startOnce(options: ApiServerOptions): Promise<ApiServer> {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-apiserver-'));
  const members = options.etcdMembers ?? 1;
  const [apiPort, ...ports] = await freePorts(1 + 2 * members);
  const url = `https://127.0.0.1:${apiPort}`;
  const etcdUrls = ports.slice(0, members).map((port) => `http://127.0.0.1:${port}`);
  const peerUrls = ports.slice(members).map((port) => `http://127.0.0.1:${port}`);
  const initialCluster = peerUrls.map((peer, index) => `etcd-${index}=${peer}`).join(',');
  const adminToken = randomBytes(24).toString('hex');
  const users = [{ name: 'admin', token: adminToken, groups: ['system:masters'] }, ...(options.users ?? [])];
  writeFileSync(join(directory, 'tokens.csv'), users.map(({ name, token, groups = [] }) => `${token},${name},${name},"${groups.join(',')}"\n`).join(''), { mode: 0o600 });
  const keyPath = join(directory, 'service-account.key');
  writeFileSync(keyPath, generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs1', format: 'pem' }, publicKeyEncoding: { type: 'pkcs1', format: 'pem' } }).privateKey, { mode: 0o600 });

  const etcd = etcdUrls.map((client, index) => serverProcess('etcd', [
    `--name=etcd-${index}`, `--data-dir=${join(directory, `etcd-${index}`)}`, `--listen-client-urls=${client}`, `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peerUrls[index]}`, `--initial-advertise-peer-urls=${peerUrls[index]}`, `--initial-cluster=${initialCluster}`,
    ...(options.durable === true ? [] : ['--unsafe-no-fsync']), '--log-level=warn',
  ], join(directory, `etcd-${index}.log`)));
  const apiServer = serverProcess('kube-apiserver', [
    `--etcd-servers=${etcdUrls.join(',')}`, '--bind-address=127.0.0.1', `--secure-port=${apiPort}`, '--advertise-address=127.0.0.1', '--endpoint-reconciler-type=none',
    '--service-account-issuer=https://kubernetes.default.svc', `--service-account-key-file=${keyPath}`, `--service-account-signing-key-file=${keyPath}`,
    '--authorization-mode=RBAC', `--token-auth-file=${join(directory, 'tokens.csv')}`, ...(options.serving === undefined ? [`--cert-dir=${join(directory, 'certificates')}`] : [`--tls-cert-file=${options.serving.certificatePath}`, `--tls-private-key-file=${options.serving.keyPath}`]),
    '--disable-admission-plugins=ServiceAccount', `--service-cluster-ip-range=${options.serviceCidr ?? '10.0.0.0/24'}`, ...(options.flags ?? []),
  ], join(directory, 'kube-apiserver.log'));
  const stop = async (): Promise<void> => {
    // kube-apiserver waits for its etcd for ever, so it goes first.
    await apiServer.stop();
    await Promise.all(etcd.map((member) => member.stop()));
    rmSync(directory, { recursive: true, force: true });
  };

  try {
    for (const member of etcd) member.start();
    apiServer.start();
    const until = async (what: string, done: () => Promise<boolean>): Promise<void> => {
      const deadline = Date.now() + START_MILLISECONDS;
      while (!(await done().catch(() => false))) {
        const dead = [...etcd, apiServer].find((process) => !process.running);
        if (dead !== undefined) throw new Error(`${dead.name} ended: ${dead.lastLines()}`);
        if (Date.now() > deadline) throw new Error(`${what}: not within ${START_MILLISECONDS / 1000} s; ${apiServer.lastLines()}`);
        await sleep(100);
      }
    };
    const certificatePath = options.serving?.certificatePath ?? join(directory, 'certificates', 'apiserver.crt');
    await until('certificate', async () => existsSync(certificatePath) && readFileSync(certificatePath, 'utf8').includes('END CERTIFICATE'));
    const certificateAuthorityPem = options.serving?.certificateAuthorityPem ?? readFileSync(certificatePath, 'utf8');
    const kubeconfigFor = (token: string): string => JSON.stringify({
      apiVersion: 'v1', kind: 'Config', 'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': Buffer.from(certificateAuthorityPem).toString('base64') } }],
      users: [{ name: 'test', user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    }, null, 2);
    const kubeconfigPath = join(directory, 'kubeconfig');
    writeFileSync(kubeconfigPath, kubeconfigFor(adminToken), { mode: 0o600 });

    const withClient = async (action: (client: ConnectedKubernetes) => Promise<void>): Promise<void> => {
      const client = connectKubernetes({ kubeconfig: kubeconfigPath, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
      await action(client).finally(() => client.close());
    };
    const ready = (): Promise<void> => withClient((client) =>
      until('namespace kube-system', async () => await client.get(Namespace, { name: 'kube-system' }, new AbortController().signal) !== undefined));
    await ready();
    await withClient((client) => prepare(client, options, until));
    return { kubeconfigPath, url, etcdUrl: etcdUrls[0]!, adminToken, certificateAuthorityPem, directory, apiServer, etcd, ready, kubeconfigFor, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepare(client: ConnectedKubernetes, options: ApiServerOptions, until: (what: string, done: () => Promise<boolean>) => Promise<void>): Promise<void> {
  const never = new AbortController().signal;
  const create = async (kind: ResourceKind, object: KubernetesObject): Promise<void> => {
    await client.create(kind, object, { fieldManager: 'isthmus-e2e' }, never).catch((error: unknown) => {
      if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
    });
  };
  for (const name of options.namespaces ?? []) await create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const definition of options.definitions ?? []) await create(CustomResourceDefinition, definition);
  for (const definition of options.definitions ?? []) {
    await until(`definition ${definition.metadata.name} established`, async () => {
      const found = await client.get<KubernetesObject & { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } }>(CustomResourceDefinition, definition.metadata, never);
      return found?.status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True') === true;
    });
  }
}
