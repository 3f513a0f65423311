/** The two Secrets that tell Cilium whom it reads, followed as they stand; and the certificates and hosts files beside them, read when a look needs them. */
import { DaemonSet, Deployment, Secret, type SecretObject, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { MESH_SERVER, PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH } from '../../../mesh/cilium/words.ts';
import { seconds, type Instant } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { createCache } from '../../runtime/cache.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { meshSecretName } from '../identity/mesh-secrets.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import { decoded } from '../secret-text.ts';
import { type Files, peersOf } from './entries.ts';

/** Certificates and hosts files are read once for looks that come together, and anew where anything is not as it was. */
const READ_SECONDS = 2;
const CALM_READ_SECONDS = 900;

const ROOTS_FILE = 'common-etcd-client-ca.crt';

type Entries = Pick<Files, 'clustermesh' | 'kvstoremesh'>;
type Common = Pick<Files, 'remote' | 'local'> & {
  /** Addresses by name, as the pods' hosts files have them. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  /** The object that the pods have the roots for peers from, where it is another one than `remote`. */
  readonly rootsElsewhere: string | undefined;
};

export interface Standing {
  /** What stands was read once. */
  readonly begun: boolean;
  /** Another object whenever anything in it changed. */
  readonly entries: Entries;
  /** Of both Secrets. */
  peers(): readonly string[];
  /** `calm`: nothing has changed, so that what was read a while ago will do. */
  common(calm: boolean, signal: CancelSignal): Promise<Common>;
  /** Returns when it was read once, or `signal` aborted. From then on `changed` is told of peers whose entries are other than they were, or came, or went. What is returned ends it. */
  follow(changed: (peer: string) => void, signal: CancelSignal): Promise<() => Promise<void>>;
}

const textsOf = (object: SecretObject | undefined): Readonly<Record<string, string>> | undefined =>
  (object === undefined ? undefined : Object.fromEntries(Object.entries(object.data ?? {}).map(([key, value]) => [key, decoded(value)])));

/** With the Helm value `tls.caBundle` the volume has its `ca.crt` files from a ConfigMap or Secret of any name (chart, `templates/clustermesh-apiserver/deployment.yaml`). */
function rootsOf(pods: WorkloadObject | undefined): string | undefined {
  for (const { projected } of pods?.spec?.template?.spec?.volumes ?? []) {
    for (const { configMap, secret } of projected?.sources ?? []) {
      const [kind, source] = configMap === undefined ? ['Secret', secret] as const : ['ConfigMap', configMap] as const;
      if (source?.items?.some(({ path }) => path === ROOTS_FILE) === true && !(kind === 'Secret' && source.name === meshSecretName('remote'))) return `${kind} ${source.name ?? ''}`;
    }
  }
  return undefined;
}

export function createStanding(ports: AgentPorts, { cluster, ciliumNamespace: namespace }: Pick<AgentConfig, 'cluster' | 'ciliumNamespace'>): Standing {
  const { clock, kubernetes } = ports;
  const cacheOf = (name: string) => createCache<SecretObject>(kubernetes, Secret, { namespace, fieldSelector: `metadata.name=${name}` }, ports);
  const [clustermesh, kvstoremesh] = [cacheOf(PEERS_OF_AGENTS), cacheOf(PEERS_OF_KVSTOREMESH)];
  const caches = [clustermesh, kvstoremesh];
  let begun = false;
  let entries: Entries = { clustermesh: undefined, kvstoremesh: undefined };
  let read: { readonly at: Instant; readonly common: Promise<Common> } | undefined;

  async function readCommon(signal: CancelSignal): Promise<Common> {
    const secret = async (role: 'remote' | 'local') => textsOf(await kubernetes.get<SecretObject>(Secret, { namespace, name: meshSecretName(role) }, signal));
    // Before Cilium 1.20 addresses of peers stand in hosts files of the pods alone: of KVStoreMesh, or without it of the agents.
    const pods = entries.kvstoremesh === undefined ? await kubernetes.get<WorkloadObject>(DaemonSet, { namespace, name: 'cilium' }, signal) : await kubernetes.get<WorkloadObject>(Deployment, { namespace, name: MESH_SERVER }, signal);
    const aliases = new Map<string, readonly string[]>();
    for (const { ip, hostnames } of pods?.spec?.template?.spec?.hostAliases ?? []) for (const name of hostnames ?? []) aliases.set(name, [...aliases.get(name) ?? [], ip]);
    return { remote: await secret('remote'), local: await secret('local'), aliases, rootsElsewhere: rootsOf(pods) };
  }

  const stands = (): Entries => ({ clustermesh: textsOf(clustermesh.list()[0]), kvstoremesh: textsOf(kvstoremesh.list()[0]) });

  function compare(changed: (peer: string) => void): void {
    if (!begun) return;
    const before = entries;
    entries = stands();
    const entry = (of: Entries, peer: string): string => JSON.stringify([of.clustermesh?.[peer], of.kvstoremesh?.[peer]]);
    for (const peer of new Set([...peersOf(before, cluster), ...peersOf(entries, cluster)])) if (entry(before, peer) !== entry(entries, peer)) changed(peer);
  }

  return {
    get begun() { return begun; },
    get entries() { return entries; },
    peers: () => peersOf(entries, cluster),
    common(calm, signal) {
      if (read === undefined || clock.now() >= read.at + seconds(calm ? CALM_READ_SECONDS : READ_SECONDS)) read = { at: clock.now(), common: readCommon(signal) };
      read.common.catch(() => { read = undefined; });
      return read.common;
    },
    async follow(changed, signal) {
      for (const cache of caches) cache.subscribe(() => compare(changed));
      const inner = cancelWithin(signal);
      const running = caches.map((cache) => cache.start(inner.signal));
      await Promise.all(caches.map((cache) => cache.waitForSync(signal)));
      entries = stands();
      begun = caches.every(({ synced }) => synced);
      return async () => {
        inner.abort();
        inner.release();
        await Promise.all(running);
      };
    },
  };
}
