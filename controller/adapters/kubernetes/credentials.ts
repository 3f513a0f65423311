/** Where the API server is and how to prove who we are: kubeconfig, in-cluster account, exec plugins, client certificates, tokens. Reads them again when files change or the server says 401. */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { ACCOUNT, accountKubeconfig, createMaterials, currentOf, type Kubeconfig, type Material, mergeKubeconfigs, parseKubeconfig } from './kubeconfig.ts';

interface Session {
  readonly server: string;
  /** One each for all requests and for all watches, until a certificate or CA changes. */
  readonly dispatchers: Dispatchers;
  readonly authorization: string | undefined;
  /** Headers that say whom to act as. */
  readonly impersonation: Readonly<Record<string, string | string[]>>;
  /** Counts how often everything was read again. */
  readonly generation: number;
}

/** Apart, so that watches, however many, never take the last connection from the requests. */
interface Dispatchers { readonly requests: Dispatcher; readonly watches: Dispatcher }

export interface Credentials {
  session(): Promise<Session>;
  /** The server refused this session: read everything again, once for all who ask. */
  refused(session: Session): void;
  close(): Promise<void>;
}

export interface CredentialOptions {
  /** Path; left out: the pod's own account, else `$KUBECONFIG`, else `~/.kube/config`. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly connectMilliseconds: number;
  /** Called when a connection has come up (1) or gone (-1). */
  readonly onConnection?: (change: 1 | -1) => void;
}

const FILE_CHECK_MILLISECONDS = 1000;
/** More requests at once than this wait for each other. */
const MOST_REQUEST_CONNECTIONS = 8;
/** Each watch has its own connection. */
const MOST_WATCH_CONNECTIONS = 1024;

const filesOf = (path: string | undefined): readonly string[] | undefined => {
  if (path !== undefined) return [path];
  if (process.env['KUBERNETES_SERVICE_HOST'] !== undefined && stamp([`${ACCOUNT}/token`]) !== `${ACCOUNT}/token:none`) return undefined;
  const listed = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  return listed.length > 0 ? listed : [join(homedir(), '.kube', 'config')];
};

/** Changes whenever one of the files does. Links are followed: the kubelet swaps a link. */
function stamp(files: readonly string[]): string {
  return files.map((file) => {
    const stat = statSync(file, { throwIfNoEntry: false });
    return `${file}:${stat === undefined ? 'none' : `${stat.mtimeMs}/${stat.ino}/${stat.size}`}`;
  }).join('\n');
}

interface Loaded {
  readonly config: Kubeconfig;
  readonly cluster: NonNullable<ReturnType<typeof currentOf>['cluster']>;
  readonly user: ReturnType<typeof currentOf>['user'];
  /** Whatever a change of means to read all again. */
  readonly files: readonly string[];
  readonly material: () => Promise<Material>;
}

/** Never quotes the file: it holds secrets, and so do a YAML parser's error messages. */
function readConfig(options: CredentialOptions): Loaded {
  const files = filesOf(options.kubeconfig);
  let config = files === undefined ? accountKubeconfig(process.env) : undefined;
  for (const file of files ?? []) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      throw new AdvisedError('user', `kubeconfig ${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}); give the path of a kubeconfig with --kubeconfig or KUBECONFIG`);
    }
    try {
      const one = parseKubeconfig(text, file);
      config = config === undefined ? one : mergeKubeconfigs(config, one);
    } catch {
      throw new AdvisedError('user', `kubeconfig ${file}: is no valid kubeconfig; "kubectl --kubeconfig ${file} config view" shows where`);
    }
  }
  if (config === undefined) throw new AdvisedError('user', 'kubeconfig: none is named; give the path of one with --kubeconfig or KUBECONFIG');
  if (options.context !== undefined) {
    if (!config.contexts.some(({ name }) => name === options.context)) throw new AdvisedError('user', `kubeconfig: has no context ${JSON.stringify(options.context)}; it has ${config.contexts.map((context) => context.name).join(', ') || 'none'}`);
    config = { ...config, currentContext: options.context };
  }
  const { cluster, user } = currentOf(config);
  if (cluster === undefined) throw new AdvisedError('user', `kubeconfig${files === undefined ? '' : ` ${files.join(', ')}`}: current-context ${JSON.stringify(config.currentContext)} names no cluster`);
  const tokenFile = (user?.authProvider as { readonly config?: { readonly tokenFile?: unknown } } | null | undefined)?.config?.tokenFile;
  const watched = [...(files ?? []), cluster.caFile, user?.certFile, user?.keyFile, tokenFile].filter((file): file is string => typeof file === 'string' && file !== '');
  return { config, cluster, user, files: watched, material: createMaterials(config) };
}

export function createCredentials(options: CredentialOptions): Credentials {
  let loaded = readConfig(options);
  let stamped = stamp(loaded.files);
  let checkedAt = Date.now();
  let generation = 0;
  let tls: { readonly fingerprint: string; readonly dispatchers: Dispatchers } | undefined;
  let opening: Promise<Session> | undefined;
  /** Replaced, with requests still under way. */
  const retiring = new Set<Dispatcher>();
  const retire = (dispatcher: Dispatcher): void => {
    retiring.add(dispatcher);
    void dispatcher.close().catch(() => undefined).then(() => retiring.delete(dispatcher));
  };

  const reload = (): void => {
    loaded = readConfig(options);
    stamped = stamp(loaded.files);
    generation += 1;
  };

  async function open(): Promise<Session> {
    if (Date.now() - checkedAt >= FILE_CHECK_MILLISECONDS) {
      checkedAt = Date.now();
      if (stamp(loaded.files) !== stamped) reload();
    }
    const { config, cluster, user } = loaded;
    let material: Material;
    try {
      material = await loaded.material();
    } catch (error) {
      const command = (user?.exec as { readonly command?: string } | null | undefined)?.command;
      const code = (error as NodeJS.ErrnoException).code;
      // The message of the failure may hold what the plugin printed: a token.
      throw new KubernetesUnreachable(`credentials of context ${config.currentContext}: ${command === undefined ? 'cannot be read' : `"${command}" gave none`}${code === undefined ? '' : ` (${code})`}`);
    }
    const fingerprint = JSON.stringify([cluster.server, cluster.proxyUrl, ...Object.entries(material.tls).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value])]);
    if (tls?.fingerprint !== fingerprint) {
      // Requests under way, watches among them, end on the old one by themselves.
      if (tls !== undefined) bothOf(tls.dispatchers).forEach(retire);
      const make = (connections: number): Dispatcher =>
        counted(dispatcherFor(cluster, { connections, connectMilliseconds: options.connectMilliseconds, material: material.tls }), options.onConnection);
      tls = { fingerprint, dispatchers: { requests: make(MOST_REQUEST_CONNECTIONS), watches: make(MOST_WATCH_CONNECTIONS) } };
    }
    return { server: cluster.server.replace(/\/+$/, ''), dispatchers: tls.dispatchers, authorization: material.authorization, impersonation: config.impersonations.get(user?.name ?? '') ?? {}, generation };
  }

  return {
    session() {
      // Together, so that a slow exec plugin runs once.
      opening ??= open().finally(() => { opening = undefined; });
      return opening;
    },
    refused(session) {
      if (session.generation !== generation) return;
      try {
        reload();
      } catch {
        // A file that is being replaced: the next look finds it.
      }
    },
    async close() {
      await Promise.all([...retiring, ...(tls === undefined ? [] : bothOf(tls.dispatchers))].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

const bothOf = ({ requests, watches }: Dispatchers): readonly Dispatcher[] => [requests, watches];

function counted(dispatcher: Dispatcher, onConnection: (change: 1 | -1) => void = () => {}): Dispatcher {
  return dispatcher.on('connect', () => onConnection(1)).on('disconnect', () => onConnection(-1));
}

interface DispatcherOptions { readonly connections: number; readonly connectMilliseconds: number; readonly material: Material['tls'] }

function dispatcherFor({ server, proxyUrl, skipTLSVerify }: Loaded['cluster'], { connections, connectMilliseconds, material }: DispatcherOptions): Dispatcher {
  if (server.startsWith('http:') && !skipTLSVerify) throw new AdvisedError('user', `kubeconfig: server ${server} would get credentials in the clear; give it https:// or, where that does not matter, insecure-skip-tls-verify: true`);
  // HTTP/1.1: docs/decisions/0009-http-1-to-the-api-server.md.
  const common = { allowH2: false, connections, keepAliveTimeout: 30_000 } as const;
  const connect = { ...material, timeout: connectMilliseconds, keepAlive: true, keepAliveInitialDelay: 30_000 };
  // No Agent: it forgets its pools when it is closed, and could not destroy them afterwards.
  if (proxyUrl === undefined || proxyUrl === '') return new Pool(new URL(server).origin, { ...common, connect });
  if (!/^https?:/.test(proxyUrl)) throw new AdvisedError('user', 'kubeconfig: proxy-url must begin with http:// or https://; SOCKS is not supported');
  return new ProxyAgent({ ...common, uri: proxyUrl, requestTls: connect });
}
