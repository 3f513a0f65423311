/** What commands and expectations of a scenario work with. */
import * as core from '../../mesh/api/resources/core.ts';
import { CiliumClusterwideNetworkPolicy, CiliumEndpoint, CiliumNetworkPolicy } from '../../mesh/api/resources/cilium.ts';
import { Cluster, HUB_RESOURCES, MEMBER_RESOURCES } from '../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import type { Instant } from '../../mesh/model/instant.ts';
import type { ObjectRef, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { Faults } from './faults.ts';
import { HelmRelease } from './member-kinds.ts';
import type { HelmControllers } from './member-software.ts';
import { NAMESPACE } from './fleet.ts';
import type { Fleet } from './hosts.ts';

export interface Context {
  readonly fleet: Fleet;
  /** Names of update runs, in the order in which they began. */
  runs(): readonly string[];
  readonly remembered: Map<string, string | undefined>;
  readonly drills: string[];
  faults: Faults | undefined;
  /** undefined: clusters have no releases. */
  releases: HelmControllers | undefined;
  /** When the last command began that is no expectation. */
  changedAt: Instant;
  /** Lets time pass until `problem` gives undefined; throws what it says where that takes too long. */
  until(problem: () => string | undefined, withinMilliseconds: number): Promise<void>;
  advance(milliseconds: number): Promise<void>;
}

const KINDS: readonly ResourceKind[] = [core.ConfigMap, core.EndpointSlice, core.Namespace, core.Secret, core.Service, HelmRelease, CiliumClusterwideNetworkPolicy, CiliumEndpoint, CiliumNetworkPolicy, ...HUB_RESOURCES, ...MEMBER_RESOURCES];

export function kindOf(name: string | undefined): ResourceKind {
  const found = KINDS.find((kind) => kind.kind === name);
  if (found === undefined) throw new Error(`there is no kind "${name}": ${KINDS.map(({ kind }) => kind).join(', ')}`);
  return found;
}

export function refOf(text: string | undefined): ObjectRef {
  const [first = '', second] = (text ?? '').split('/');
  return second === undefined ? { name: first } : { namespace: first, name: second };
}

/** A run by its name, or by which it was in the order of beginnings. */
export const runNamed = ({ runs }: Pick<Context, 'runs'>, word = ''): string => (/^\d+$/.test(word) ? runs()[Number(word) - 1] ?? '' : word);

/** Versions of the peering Secrets and of the identities. */
export function held(fleet: Fleet): string {
  return fleet.members.flatMap(({ name, read }) => [['kube-system', 'cilium-clustermesh'], ['kube-system', 'cilium-kvstoremesh'], [NAMESPACE, 'isthmus-agent-identity']].map(([namespace, secret]) =>
    `${name}/${secret}@${read(core.Secret, { namespace: namespace!, name: secret! })?.metadata.resourceVersion}`)).join(' ');
}

export const clusterObject = (fleet: Fleet, name: string): ClusterObject | undefined => fleet.hub.read<ClusterObject>(Cluster, { name });
