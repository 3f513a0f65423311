/**
 * Settings of Cilium that are taken at its installation, so that a cluster must be changed, not the plan (Cilium's documentation, "Cluster Mesh: prerequisites";
 * `Documentation/network/clustermesh`, chart `templates/validate.yaml`). What a cluster does not tell is not judged.
 */
import type { CiliumSetting } from '../model/cluster.ts';
import { listed } from '../model/listed.ts';
import { compareText } from '../model/order.ts';
import type { MeshValue } from '../model/policy.ts';
import type { Conflict } from './conflict.ts';
import type { Member } from './members.ts';

const NAMED = 3;
/** `pkg/clustermesh/types`, `ClusterInfo.Validate`: strict since 1.17, and a warning before. */
const CLUSTER_NAME = /^(?=.{1,32}$)([a-z0-9][-a-z0-9]*)?[a-z0-9]$/;

export function settingConflicts(mesh: MeshValue, members: readonly Member[]): Conflict[] {
  return [...members.flatMap((member) => ownConflicts(mesh, member)), ...agreementConflicts(mesh, members), ...familyConflicts(members), ...proxyWarnings(mesh, members)];
}

function ownConflicts(mesh: MeshValue, { name, cilium }: Member): Conflict[] {
  const conflicts: Conflict[] = [];
  if (cilium.clusterName !== name) {
    conflicts.push({ reason: 'ClusterNameMismatch', message: `cluster ${name}: Cilium's cluster-name is ${JSON.stringify(cilium.clusterName)} and Isthmus knows it as ${JSON.stringify(name)}; set Cilium's Helm value cluster.name to ${name}, or join it under Cilium's name`, clusters: [name] });
  }
  if (!CLUSTER_NAME.test(cilium.clusterName) || cilium.clusterName === 'default') {
    conflicts.push({ reason: 'ClusterNameInvalid', message: `cluster ${name}: Cilium's cluster-name ${JSON.stringify(cilium.clusterName)} is none that a mesh takes (1 to 32 of a-z, 0-9 and "-", not "default"); set Cilium's Helm value cluster.name anew, and join the cluster under it`, clusters: [name] });
  }
  // With one user for all peers none could be cut off (chart, `clustermesh.apiserver.tls.authMode`).
  if (cilium.authMode === 'legacy') {
    conflicts.push({ reason: 'AuthModeLegacy', message: `cluster ${name}: Cilium's authMode is legacy, so its mesh would refuse the certificates that name each peer; set Cilium's Helm value clustermesh.apiserver.tls.authMode to cluster there (or migration first), and where the agent cannot read it, its property cilium-auth-mode`, clusters: [name] });
  }
  if (cilium.settings?.['identity-allocation-mode'] === 'kvstore') {
    conflicts.push({ reason: 'KvstoreIdentities', message: `cluster ${name}: Cilium's identityAllocationMode is kvstore, so peers would have to read it from its own etcd, of whose users and certificates Isthmus knows nothing; set the Helm value identityAllocationMode to crd there (by way of doublewrite-readkvstore and doublewrite-readcrd), or take the cluster out`, clusters: [name] });
  }
  if (cilium.maxConnectedClusters !== mesh.maxConnectedClusters) {
    conflicts.push({ reason: 'MaxConnectedClustersMismatch', message: `cluster ${name}: max-connected-clusters is ${cilium.maxConnectedClusters} in ${name} and ${mesh.maxConnectedClusters} in Mesh ${mesh.name}; it is set when Cilium is installed: install Cilium there with ${mesh.maxConnectedClusters}, or put the cluster into a mesh of ${cilium.maxConnectedClusters}`, clusters: [name] });
  }
  return conflicts;
}

interface Agreement {
  readonly reason: Conflict['reason'];
  /** What people set. */
  readonly value: string;
  /** undefined: not told, or of no matter here. */
  of(settings: Settings): string | undefined;
}
type Settings = Readonly<Partial<Record<CiliumSetting, string>>>;

/** Of Cilium's own defaults where the chart writes nothing: routing by tunnel, over VXLAN. */
const AGREEMENTS: readonly Agreement[] = [
  { reason: 'RoutingModeMismatch', value: 'routingMode', of: (settings) => settings['routing-mode'] },
  { reason: 'TunnelProtocolMismatch', value: 'tunnelProtocol', of: (settings) => (settings['routing-mode'] === 'native' ? undefined : settings['tunnel-protocol']) },
  { reason: 'EncryptionMismatch', value: 'encryption', of: encryptionOf },
  { reason: 'IdentityModeMismatch', value: 'identityAllocationMode', of: (settings) => identityModeOf(settings['identity-allocation-mode']) },
];

function encryptionOf(settings: Settings): string | undefined {
  const [wireguard, ipsec] = [settings['enable-wireguard'] === 'true', settings['enable-ipsec'] === 'true'];
  if (wireguard) return 'wireguard';
  if (ipsec) return 'ipsec';
  return Object.keys(settings).length === 0 ? undefined : 'none';
}

/** Of the modes of a migration between the two counts whence identities are read (Cilium's Helm value `identityAllocationMode`). */
const identityModeOf = (mode: string | undefined): string | undefined => mode?.replace(/^doublewrite-read/, '');

/** One conflict for each setting: the clusters of the rarer values are those to change. */
function agreementConflicts(mesh: MeshValue, members: readonly Member[]): Conflict[] {
  return AGREEMENTS.flatMap(({ reason, value, of }) => {
    const byValue = new Map<string, string[]>();
    for (const { name, cilium } of members) {
      const found = of(cilium.settings ?? {});
      const known = found === undefined ? undefined : byValue.get(found);
      if (known !== undefined) known.push(name);
      else if (found !== undefined) byValue.set(found, [name]);
    }
    if (byValue.size < 2) return [];
    const [common, ...others] = [...byValue].sort(([textA, a], [textB, b]) => b.length - a.length || compareText(textA, textB));
    const clusters = others.flatMap(([, names]) => names).sort(compareText);
    const values = [common, ...others].flatMap((one) => (one === undefined ? [] : [`${JSON.stringify(one[0])} in ${few(one[1])}`])).join(' and ');
    return [{ reason, message: `Mesh ${mesh.name}: Cilium's Helm value ${value} is ${values}; clusters of a mesh must have the same: change ${few(clusters)}, or put them into a mesh of their own`, clusters }];
  });
}

/** Two clusters without a family in common have no address for each other. */
function familyConflicts(members: readonly Member[]): Conflict[] {
  const only = (one: CiliumSetting, other: CiliumSetting): string[] => members.flatMap(({ name, cilium: { settings } }) => (settings?.[one] === 'true' && settings[other] === 'false' ? [name] : []));
  const [four, six] = [only('enable-ipv4', 'enable-ipv6'), only('enable-ipv6', 'enable-ipv4')];
  if (four.length === 0 || six.length === 0) return [];
  return [{ reason: 'IPFamilyMismatch', message: `clusters ${few(four)} have IPv4 alone and ${few(six)} IPv6 alone, so they could not reach each other; install Cilium with both in one of the two groups, or put them into meshes of their own`, clusters: (four.length < six.length ? four : six) }];
}

/** `partial` and `disabled` are of versions before 1.16. Not told: Cilium's default, which is off. */
function proxyWarnings(mesh: MeshValue, members: readonly Member[]): Conflict[] {
  const without = members.filter(({ cilium: { settings } }) => settings?.['kube-proxy-replacement'] === 'false').map(({ name }) => name);
  if (without.length === 0 || members.length < 2) return [];
  return [{ reason: 'KubeProxyReplacementOff', message: `Mesh ${mesh.name}: kube-proxy-replacement is false in ${few(without)}: there, NodePorts and pods in the host's network do not reach backends in other clusters; set Cilium's Helm value kubeProxyReplacement where that is needed`, clusters: without }];
}

const few = (names: readonly string[]): string => listed(names, NAMED);

/** Ids above 127 of each block of 256 collide with the marks that these put on packets (cilium#21330; chart `validate.yaml`). */
export function narrowIds({ settings }: Member['cilium']): boolean {
  return settings?.ipam === 'eni' || settings?.ipam === 'alibabacloud' || settings?.['cni-chaining-mode'] === 'aws-cni';
}

export const fitsNarrow = (id: number): boolean => id % 256 < 128;
