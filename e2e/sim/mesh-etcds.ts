/**
 * The mesh etcd of each simulated cluster, as Cilium fills it: it shows its server certificate, lets in whom its roots vouch for and its users name, and holds what the cluster's
 * own objects say. Its content is computed when it is asked for, so clusters that nobody reads cost nothing.
 */
import { readCertificate } from '../../certs/authority/read.ts';
import { chainProblem } from '../../certs/testing/chain-problem.ts';
import { usersIn } from '../../mesh/cilium/revoked.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../mesh/api/resources/core.ts';
import { seconds } from '../../mesh/model/instant.ts';
import { type EtcdAnswer, type EtcdConnection, type EtcdConnector, EtcdError, type EtcdRange, type EtcdTarget } from '../../mesh/ports/etcd.ts';
import type { Member } from './hosts.ts';
import type { Life } from './life.ts';
import { rootsOfPods } from './mesh-servers.ts';

const NAMESPACE = 'kube-system';
const DOMAIN = '.mesh.cilium.io';
const LOCAL = `clustermesh-apiserver.${NAMESPACE}.svc`;
const HEARTBEAT_SECONDS = 60;
const KINDS = ['nodes', 'services', 'serviceexports', 'identities', 'ip'] as const;
const CONNECT_SECONDS = 5;

const text = (object: SecretObject | undefined, key: string): string => Buffer.from(object?.data?.[key] ?? '', 'base64').toString('utf8');
const secretOf = (member: Member, name: string): SecretObject | undefined => member.read<SecretObject>(Secret, { namespace: NAMESPACE, name });
const configOf = (member: Member, name: string): Readonly<Record<string, string>> => member.read<ConfigMapObject>(ConfigMap, { namespace: NAMESPACE, name })?.data ?? {};

const judged = new Map<string, string | undefined>();
function judge(chainPem: string, rootsPem: string): string | undefined {
  const key = `${chainPem} ${rootsPem}`;
  if (!judged.has(key)) judged.set(key, chainProblem(chainPem, rootsPem));
  return judged.get(key);
}

/** What etcd holds: its own cluster's state, and of peers what KVStoreMesh has copied, which here is at once. */
function contentOf(member: Member, members: readonly Member[], now: number): ReadonlyMap<string, string> {
  const beat = new Date(Math.floor(now / seconds(HEARTBEAT_SECONDS)) * seconds(HEARTBEAT_SECONDS)).toISOString().replace('.000', '');
  const config = (one: Member, cached: boolean): string => {
    const data = configOf(one, 'cilium-config');
    return JSON.stringify({ id: Number(data['cluster-id'] ?? 0), capabilities: { syncedCanaries: true, ...(cached ? { cached } : {}), maxConnectedClusters: Number(data['max-connected-clusters'] ?? 255), serviceExportsEnabled: true } });
  };
  const entries = new Map([['cilium/.heartbeat', beat], [`cilium/cluster-config/${member.name}`, config(member, false)]]);
  const fill = (one: Member, place: string): void => {
    for (const kind of KINDS) entries.set(`cilium/synced/${one.name}/cilium/${place}/${kind}/v1`, beat);
    for (const [index] of one.definition.nodes.entries()) entries.set(`cilium/${place}/nodes/v1/${one.name}/node-${index}`, '{}');
  };
  fill(member, 'state');
  const texts = secretOf(member, 'cilium-kvstoremesh')?.data ?? {};
  for (const peer of members) {
    if (texts[peer.name] === undefined) continue;
    entries.set(`cilium/cluster-config/${peer.name}`, config(peer, true));
    fill(peer, 'cache');
  }
  return entries;
}

/** As `pkg/kvstore/etcdinit` sets the roles up. */
const READABLE: Readonly<Record<'remote' | 'local', (cluster: string) => readonly string[]>> = {
  remote: (cluster) => ['cilium/.heartbeat', 'cilium/state/', `cilium/cluster-config/${cluster}`, `cilium/synced/${cluster}/`],
  local: () => ['cilium/.heartbeat', 'cilium/cache/', 'cilium/cluster-config/', 'cilium/synced/'],
};

function answerOf(content: ReadonlyMap<string, string>, { key, rangeEnd, limit = Number.POSITIVE_INFINITY, countOnly, keysOnly }: EtcdRange): EtcdAnswer {
  const found = [...content].filter(([name]) => (rangeEnd === undefined ? name === key : name >= key && name < rangeEnd)).sort(([a], [b]) => (a < b ? -1 : 1));
  return { count: found.length, revision: 1, entries: countOnly === true ? [] : found.slice(0, limit).map(([name, value]) => ({ key: name, value: keysOnly === true ? '' : value, modRevision: 1 })) };
}

export interface EtcdsParts {
  readonly from: string;
  readonly life: Life;
  /** Of the simulation, which is every cluster's own clock here. */
  readonly now: () => number;
  readonly members: () => readonly Member[];
  readonly parted: (a: string, b: string) => boolean;
  /** Clusters whose mesh etcd does not run. */
  readonly stopped: ReadonlySet<string>;
}

/** What the host `from` reaches of them. */
export function simulatedEtcds({ from, life, now, members, parted, stopped }: EtcdsParts): EtcdConnector {
  function greet({ endpoint, caPem, certPem }: EtcdTarget): { readonly member: Member; readonly role: 'remote' | 'local' | 'root' | undefined } {
    const host = new URL(endpoint).hostname;
    const name = host === LOCAL ? from : host.endsWith(DOMAIN) ? host.slice(0, -DOMAIN.length) : '';
    const member = members().find((one) => one.name === name);
    if (member === undefined) throw new EtcdError('NameUnresolved', `${endpoint}: getaddrinfo ENOTFOUND ${host}`);
    const server = secretOf(member, 'clustermesh-apiserver-server-cert');
    if (text(server, 'tls.crt') === '' || stopped.has(name)) throw new EtcdError('Unreachable', `${endpoint}: connect ECONNREFUSED`);
    const untrusted = judge(text(server, 'tls.crt'), caPem);
    if (untrusted !== undefined) throw new EtcdError('UntrustedServer', `${endpoint}: ${untrusted}`);
    const pods = rootsOfPods(member);
    for (const roots of pods.length > 0 ? pods : [text(server, 'ca.crt')]) {
      const refused = judge(certPem, roots);
      if (refused !== undefined) throw new EtcdError('ClientCertificateRefused', `${endpoint} refuses our client certificate: ${refused}`);
    }
    const user = readCertificate(certPem).commonName;
    const remote = user === 'remote' || usersIn({ data: { ...configOf(member, 'clustermesh-remote-users') } }).some((cluster) => user === `remote-${cluster}`);
    return { member, role: user === `admin-${member.name}` ? 'root' : user === `local-${member.name}` ? 'local' : remote ? 'remote' : undefined };
  }

  return {
    async open(target, signal): Promise<EtcdConnection> {
      const { member, role } = await life.call(() => greet(target));
      if (parted(from, member.name)) {
        await life.clock.sleepUntil(life.clock.now() + seconds(CONNECT_SECONDS), signal);
        throw new EtcdError('Unreachable', `${target.endpoint} takes no connection in ${CONNECT_SECONDS} s`);
      }
      let over = false;
      const permitted = (key: string, rangeEnd: string | undefined): boolean => role === 'root' || (role !== undefined && READABLE[role](member.name).some((own) => (own.endsWith('/') ? key.startsWith(own) : key === own && rangeEnd === undefined)));
      const ask = <T>(work: () => T): Promise<T> => life.call(() => {
        if (over) throw new EtcdError('Cancelled', `${target.endpoint}: the connection was closed`);
        if (parted(from, member.name)) throw new EtcdError('Timeout', `${target.endpoint} gives no answer`);
        return work();
      });
      const { notBefore, notAfter } = readCertificate(text(secretOf(member, 'clustermesh-apiserver-server-cert'), 'tls.crt'));
      return {
        server: { notBefore, notAfter },
        range: (request) => ask(() => {
          if (!permitted(request.key, request.rangeEnd)) throw new EtcdError('PermissionDenied', `${target.endpoint} answers: etcdserver: permission denied`);
          return answerOf(contentOf(member, members(), now()), request);
        }),
        mayWrite: () => ask(() => role === 'root'),
        close() { over = true; },
      };
    },
  };
}
