/** What `isthmus mesh verify` says of every ordered pair, beside what Cilium's own kvstoremesh says. */
import { expect, test } from 'vitest';
import type { KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { MatrixCell } from '../../mesh/verify/matrix.ts';
import type { PeerStatus } from './pods.ts';
import { ALL, othersOf, said, type Scene } from './scene.ts';
import { connectedOf, PATIENCE } from './world.ts';

const kind = (plural: string, namespaced: boolean, name: string): ResourceKind => ({ group: 'cilium.io', version: 'v2', kind: name, plural, namespaced });
const CiliumNode = kind('ciliumnodes', false, 'CiliumNode');
const CiliumIdentity = kind('ciliumidentities', false, 'CiliumIdentity');
const CiliumEndpoint = kind('ciliumendpoints', true, 'CiliumEndpoint');

const ENTRIES = 'cilium-kvstoremesh';
const PAIRS = ALL.flatMap((from) => othersOf(from).map((to) => ({ from, to })));
/** Of each kind another number, and of each cluster, so that no count stands for another. */
const countsOf = (cluster: string) => {
  const index = ALL.indexOf(cluster);
  return { nodes: index + 1, services: 1, identities: index + 3, endpoints: index + 2, exports: 0 };
};

/** What both tell of a pair, in one form. */
const byCilium = (status: PeerStatus | undefined) => ({
  well: status?.connected === true && status.ready === true && status.config?.retrieved === true && Object.values(status.synced ?? {}).every(Boolean),
  nodes: status?.['num-nodes'] ?? 0, services: status?.['num-shared-services'] ?? 0, identities: status?.['num-identities'] ?? 0, endpoints: status?.['num-endpoints'] ?? 0, exports: status?.['num-service-exports'] ?? 0,
});
const byVerify = (cell: MatrixCell | undefined) => ({
  well: cell !== undefined && said(cell).endsWith(' well'),
  ...Object.fromEntries(['nodes', 'services', 'identities', 'endpoints', 'exports'].map((name) => [name, cell?.figures[name]])),
});

const told = (cells: readonly MatrixCell[]): string => cells.flatMap(({ reasons }) => reasons.map(({ code, text }) => `${code} (${text})`)).join('; ');

export function verdictCases(scene: () => Scene): void {
  /** Pods as Cilium's agents would tell of them. */
  async function populate(): Promise<void> {
    const { members, world } = scene();
    await Promise.all(members.flatMap(({ name, api }) => {
      const { nodes, identities, endpoints } = countsOf(name);
      const id = ((ALL.indexOf(name) + 1) << 16) + 1000;
      const host = `192.168.${ALL.indexOf(name) + 1}.`;
      const create = (of: ResourceKind, object: string, more: object): Promise<KubernetesObject> => api.create(of, { apiVersion: 'cilium.io/v2', kind: of.kind, metadata: { name: object, ...(of.namespaced ? { namespace: 'shop' } : {}) }, ...more } as KubernetesObject, { fieldManager: 'cilium-agent' }, world.signal);
      const times = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
      return [
        ...times(nodes).map((index) => create(CiliumNode, `node-${index}`, { spec: { addresses: [{ type: 'InternalIP', ip: `${host}${index + 1}` }] } })),
        ...times(identities).map((index) => create(CiliumIdentity, `${id + index}`, { 'security-labels': { 'k8s:app': `app-${index}`, 'k8s:io.cilium.k8s.policy.cluster': name, 'k8s:io.kubernetes.pod.namespace': 'shop' } })),
        ...times(endpoints).map((index) => create(CiliumEndpoint, `pod-${index}`, { status: { identity: { id: id + index }, networking: { addressing: [{ ipv4: `10.${ALL.indexOf(name) + 1}.0.${index + 20}` }], node: `${host}1` }, state: 'ready' } })),
      ];
    }));
  }

  test('is seen by mesh verify as by kvstoremesh itself, pair by pair', async () => {
    await populate();
    const { verify, member } = scene();
    const both = async () => {
      const [{ cells }, ...statuses] = await Promise.all([verify(), ...ALL.map(async (name) => [name, await member(name).pods.peers()] as const)]);
      const of = new Map(statuses);
      return {
        verify: PAIRS.map(({ from, to }) => ({ from, to, ...byVerify(cells.find((cell) => cell.from === from && cell.to === to)) })),
        cilium: PAIRS.map(({ from, to }) => ({ from, to, ...byCilium(of.get(from)?.find(({ name }) => name === to)) })),
      };
    };
    const expected = PAIRS.map(({ from, to }) => ({ from, to, well: true, ...countsOf(to) }));
    await expect.poll(both, PATIENCE).toEqual({ verify: expected, cilium: expected });
  });

  test('of which one is led to another cluster\'s etcd is red for verify, with the cause, where kvstoremesh only waits', async () => {
    const { text, edit, verify, member } = scene();
    const { pods } = member('oslo');
    const entry = await text('oslo', ENTRIES, 'virginia') ?? '';
    await edit('oslo', ENTRIES, 'virginia', entry.replace('https://virginia.', 'https://berlin.'));
    await expect.poll(() => connectedOf(member('oslo')), PATIENCE).toEqual(['berlin']);
    const { cells, tally } = await verify('--from', 'oslo');
    const status = (await pods.peers()).find(({ name }) => name === 'virginia');
    console.log(`kvstoremesh says: ${status?.status}; verify says: ${told(cells.filter(({ to }) => to === 'virginia'))}`);
    expect(status).toMatchObject({ connected: true, config: { required: true } });
    expect(byCilium(status).well).toBe(false);
    expect(cells.map(said)).toEqual(['oslo berlin well', expect.stringMatching(/^oslo virginia WrongCluster /)]);
    expect(tally.red).toBe(1);
    await edit('oslo', ENTRIES, 'virginia', entry);
    await expect.poll(() => connectedOf(member('oslo')), PATIENCE).toEqual(['berlin', 'virginia']);
  });
}

export function freezeCases(scene: () => Scene): void {
  test('whose etcd is frozen is red at once, while kvstoremesh still calls it ready', async () => {
    const { member, verify, world } = scene();
    const { pods } = member('virginia');
    const only = ['--from', 'berlin', '--to', 'virginia'];
    expect((await verify(...only)).cells.map(said)).toEqual(['berlin virginia well']);
    const begun = performance.now();
    pods.freeze();
    try {
      const { cells } = await verify(...only);
      console.log(`its etcd frozen, and said ${((performance.now() - begun) / 1000).toFixed(1)} s later: ${told(cells)}`);
      expect(cells.map(said)).toEqual(['berlin virginia Timeout']);
      expect(await connectedOf(member('berlin'))).toContain('virginia');
      const { status, stdout } = await world.outcome('doctor', 'europe', ...only);
      expect(stdout).toContain('RED berlin -> virginia: Timeout\n  virginia\'s mesh server takes the connection and then hangs.\n');
      expect(status).toBe(1);
    } finally {
      pods.thaw();
    }
    await expect.poll(async () => (await verify(...only)).cells.map(said), { ...PATIENCE, interval: 500 }).toEqual(['berlin virginia well']);
  });
}
