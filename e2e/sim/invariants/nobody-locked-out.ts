/** Whoever may come into a mesh etcd is let in, and finds whom it expects: by the roots that the pods there have read at their start, and by what kubelets have brought, not only by what stands in Secrets. */
import { chainProblem } from '../../../certs/testing/chain-problem.ts';
import { usersIn } from '../../../mesh/cilium/revoked.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { filesOf, rootsOfPods } from '../mesh-servers.ts';
import type { Invariant } from './invariant.ts';

interface Site {
  readonly cluster: string;
  readonly users: readonly string[];
  /** PEM, of each pod that runs. */
  readonly roots: readonly string[];
  readonly leaves: Readonly<Record<'server' | 'admin' | 'remote', string | undefined>>;
  readonly files: ReturnType<typeof filesOf>;
}

/** Make one for each simulation. Looks at clusters whose mesh servers are simulated alone. */
export function nobodyLockedOut(): Invariant<readonly Site[]> {
  const judged = new Map<string, string | undefined>();
  const judge = (chainPem: string, roots: string): string | undefined => {
    const key = `${chainPem} ${roots}`;
    if (!judged.has(key)) judged.set(key, chainProblem(chainPem, roots));
    return judged.get(key);
  };
  return {
    name: 'nobody is locked out of a mesh',
    capture: (fleet) => fleet.members.flatMap((member): Site[] => {
      const roots = rootsOfPods(member);
      if (roots.length === 0) return [];
      const leaf = (role: string): string | undefined => {
        const data = member.read<SecretObject>(Secret, { namespace: 'kube-system', name: `clustermesh-apiserver-${role}-cert` })?.data?.['tls.crt'];
        return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
      };
      const users = usersIn({ data: { ...member.read<ConfigMapObject>(ConfigMap, { namespace: 'kube-system', name: 'clustermesh-remote-users' })?.data } });
      return [{ cluster: member.name, users, roots, leaves: { server: leaf('server'), admin: leaf('admin'), remote: leaf('remote') }, files: filesOf(member) }];
    }),
    assert(sites) {
      for (const server of sites) {
        const clients = sites.filter((client) => client !== server && server.users.includes(client.cluster) && client.users.includes(server.cluster));
        for (const [client, role] of [...clients.map((one) => [one, 'remote'] as const), [server, 'admin'] as const]) {
          const [asks, answers] = [client.leaves[role], server.leaves.server];
          if (asks === undefined || answers === undefined) continue;
          for (const roots of server.roots) if (judge(asks, roots) !== undefined) return `${server.cluster} refuses ${role} of ${client.cluster}: ${judge(asks, roots)}`;
          for (const roots of client.roots) if (judge(answers, roots) !== undefined) return `${client.cluster} does not believe ${server.cluster}: ${judge(answers, roots)}`;
        }
        const late = [...clients.map(({ cluster, files }) => [`KVStoreMesh of ${cluster}`, files?.leaves.remote, files?.believes.kvstoremesh] as const), [`an agent of ${server.cluster}`, server.files?.leaves.local, server.files?.believes.agents] as const];
        for (const [who, asks, believes] of late) {
          for (const roots of server.roots) if (asks !== undefined && judge(asks, roots) !== undefined) return `${server.cluster} refuses ${who}: ${judge(asks, roots)}`;
          for (const answers of [server.leaves.server, server.files?.leaves.server]) if (answers !== undefined && believes !== undefined && judge(answers, believes) !== undefined) return `${who} does not believe ${server.cluster}: ${judge(answers, believes)}`;
        }
      }
      return undefined;
    },
    print: (sites) => sites.map(({ cluster, users, roots }) => `${cluster}: users ${users.join(' ')}; roots that its pods know: ${roots.map((pem) => pem.match(/BEGIN/g)?.length ?? 0).join(' ')}`).join('\n'),
  };
}
