/** What kubeconfig files and a pod's own account say, read with client-node's parts. Its `KubeConfig` as a whole loads every model of the Kubernetes API: only users of its older providers get that. */
import { readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { type Cluster, type Context, newClusters, newContexts, newUsers, type User } from '@kubernetes/client-node/dist/config_types.js';
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js';
import { FileAuth } from '@kubernetes/client-node/dist/file_auth.js';
import { parse } from 'yaml';

export interface Kubeconfig {
  /** By user: whom to act as (`as`, `as-uid`, `as-groups`, `as-user-extra`), as headers of each request. */
  readonly impersonations: ReadonlyMap<string, Readonly<Record<string, string | string[]>>>;
  readonly clusters: readonly Cluster[];
  readonly users: readonly User[];
  readonly contexts: readonly Context[];
  readonly currentContext: string;
}

/** How to connect, and who we are. */
export interface Material {
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;
  readonly authorization: string | undefined;
}

interface Request extends RequestOptions { headers: OutgoingHttpHeaders }

export const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Paths in it are relative to the file. Throws where it is none; the message may quote it. */
export function parseKubeconfig(text: string, file: string): Kubeconfig {
  const { clusters, users, contexts, 'current-context': currentContext } = parse(text) as Record<string, unknown>;
  const folder = dirname(file);
  const absolute = <Name extends string>(name: Name, path: unknown): { readonly [name in Name]?: string } => (typeof path === 'string' && path !== '' ? { [name]: resolve(folder, path) } as Record<Name, string> : {});
  const tokenFiles = new Map((Array.isArray(users) ? users as readonly { readonly name?: unknown; readonly user?: { readonly tokenFile?: unknown } | null }[] : []).map(({ name, user }) => [name, absolute('tokenFile', user?.tokenFile)]));
  return {
    impersonations: impersonationsOf(users),
    clusters: newClusters(clusters).map((cluster) => ({ ...cluster, ...absolute('caFile', cluster.caFile) })),
    users: newUsers(users).map((user) => {
      const { token, ...rest } = { ...user, ...absolute('certFile', user.certFile), ...absolute('keyFile', user.keyFile) };
      const config = tokenFiles.get(user.name);
      // As in client-go it goes before `token`. client-node does not know it.
      if (config?.tokenFile !== undefined) return { ...rest, authProvider: { name: 'tokenFile', config } };
      return { ...rest, ...(token === undefined ? {} : { token }) };
    }),
    contexts: newContexts(contexts), currentContext: typeof currentContext === 'string' ? currentContext : '',
  };
}

interface ActsAs { readonly as?: unknown; readonly 'as-uid'?: unknown; readonly 'as-groups'?: unknown; readonly 'as-user-extra'?: unknown }

/** Headers as kube-apiserver's user impersonation has them. client-node knows `as` alone, and only in some of its calls. */
function impersonationsOf(users: unknown): Kubeconfig['impersonations'] {
  const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);
  const given = new Map<string, Readonly<Record<string, string | string[]>>>();
  for (const { name, user } of Array.isArray(users) ? users as readonly { readonly name?: unknown; readonly user?: ActsAs | null }[] : []) {
    const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = user ?? {};
    if (typeof name !== 'string' || (as ?? uid ?? groups ?? extra) === undefined) continue;
    // Without a user the server refuses the rest, and that is right: nobody is to act as herself who asked for another.
    given.set(name, {
      ...(typeof as === 'string' ? { 'impersonate-user': as } : {}), ...(typeof uid === 'string' ? { 'impersonate-uid': uid } : {}),
      ...(texts(groups).length === 0 ? {} : { 'impersonate-group': texts(groups) }),
      ...Object.fromEntries(Object.entries((extra ?? {}) as Record<string, unknown>).map(([key, values]) => [`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`, texts(values)])),
    });
  }
  return given;
}

/** The first one's context is current. Throws where both name the same thing. */
export function mergeKubeconfigs(first: Kubeconfig, second: Kubeconfig): Kubeconfig {
  const both = <T extends { readonly name: string }>(a: readonly T[], b: readonly T[]): readonly T[] => {
    if (b.some(({ name }) => a.some((one) => one.name === name))) throw new Error('a name is given twice');
    return [...a, ...b];
  };
  return { impersonations: new Map([...first.impersonations, ...second.impersonations]), clusters: both(first.clusters, second.clusters), users: both(first.users, second.users), contexts: both(first.contexts, second.contexts), currentContext: first.currentContext };
}

/** Of the pod that we run in. */
export function accountKubeconfig({ KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' }: NodeJS.ProcessEnv): Kubeconfig {
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return {
    impersonations: new Map(),
    clusters: [{ name: 'inCluster', caFile: `${ACCOUNT}/ca.crt`, server, skipTLSVerify: false }],
    users: [{ name: 'inClusterUser', authProvider: { name: 'tokenFile', config: { tokenFile: `${ACCOUNT}/token` } } }],
    contexts: [{ name: 'inClusterContext', cluster: 'inCluster', user: 'inClusterUser' }], currentContext: 'inClusterContext',
  };
}

export const currentOf = ({ clusters, users, contexts, currentContext }: Kubeconfig): { readonly cluster: Cluster | undefined; readonly user: User | undefined } => {
  const context = contexts.find(({ name }) => name === currentContext);
  return { cluster: clusters.find(({ name }) => name === context?.cluster), user: users.find(({ name }) => name === context?.user) };
};

/** Reads the files and runs the plugins that the current context names; what a plugin gave is kept as long as it says. */
export function createMaterials(config: Kubeconfig): () => Promise<Material> {
  const { cluster, user } = currentOf(config);
  const [plugin, tokenFile] = [new ExecAuth(), new FileAuth()];
  let whole: Promise<{ applyToHTTPSOptions(options: RequestOptions): Promise<void> }> | undefined;

  async function identify(request: Request): Promise<void> {
    if (user === undefined) return;
    if (plugin.isAuthProvider(user)) await plugin.applyAuthentication(user, request);
    else if (tokenFile.isAuthProvider(user)) await tokenFile.applyAuthentication(user, request);
    else if (user.authProvider !== undefined && user.authProvider !== null) {
      whole ??= import('@kubernetes/client-node').then(({ KubeConfig }) => {
        const made = new KubeConfig();
        made.loadFromOptions({ ...config });
        return made;
      });
      await (await whole).applyToHTTPSOptions(request);
    }
    if (typeof user.token === 'string' && user.token !== '') request.headers = { ...request.headers, Authorization: `Bearer ${user.token}` };
  }

  return async () => {
    const request: Request = { headers: {} };
    const [ca, cert, key] = [bytesOf(cluster?.caFile, cluster?.caData), bytesOf(user?.certFile, user?.certData), bytesOf(user?.keyFile, user?.keyData)];
    Object.assign(request, ca === undefined ? {} : { ca }, cert === undefined ? {} : { cert }, key === undefined ? {} : { key });
    await identify(request);
    const header = request.headers['Authorization'];
    const given = { ca: request.ca, cert: request.cert, key: request.key, rejectUnauthorized: cluster?.skipTLSVerify === true ? false : undefined, servername: cluster?.tlsServerName };
    return {
      tls: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null)) as Material['tls'],
      authorization: typeof header === 'string' ? header.trim() : typeof user?.username === 'string' && user.username !== '' ? `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}` : undefined,
    };
  };
}

function bytesOf(file: string | undefined, base64: string | undefined): Buffer | undefined {
  if (typeof file === 'string' && file !== '') return readFileSync(file);
  return typeof base64 === 'string' && base64 !== '' ? Buffer.from(base64, 'base64') : undefined;
}
