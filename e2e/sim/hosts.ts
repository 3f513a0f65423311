/** What scenarios, invariants and simulated servers see of a hub and its clusters. */
import type { DemoClusterDefinition } from '../../controller/demo/clusters.ts';
import type { Assignment, JournalEntry } from '../../mesh/model/history.ts';
import type { Instant } from '../../mesh/model/instant.ts';
import type { RunTarget } from '../../mesh/model/rollout.ts';
import type { DnsPacketHandler } from '../../mesh/ports/dns.ts';
import type { KubernetesClient, KubernetesObject, ObjectRef, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { ClusterClaim } from './claims.ts';
import type { SimClock } from './clock.ts';
import type { SimulatedNetwork } from './network.ts';
import type { Life } from './life.ts';
import type { Outside } from './outside.ts';
import type { SavedStep } from './ports.ts';
import type { Trace } from './trace.ts';

/** A value that a person wrote into a managed Secret. */
export interface PersonEdit { readonly host: string; readonly namespace: string; readonly name: string; readonly key: string; readonly value: string }

export interface Host {
  readonly name: string;
  /** As people and controllers of the cluster's own see it. Each write shows in the trace. */
  readonly kubernetes: KubernetesClient;
  /** As its hub or agent sees it. */
  readonly own: KubernetesClient;
  /** What the API holds now; undefined: nothing of that name. Takes no time. */
  read<T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef): T | undefined;
  readAll<T extends KubernetesObject>(kind: ResourceKind): readonly T[];
  /** undefined: the process is down. */
  life: Life | undefined;
  start(): void;
  /** As SIGKILL would. */
  crash(): void;
}

export interface Member extends Host {
  readonly definition: DemoClusterDefinition;
  /** What its agent will say that is not so, from its next start on. */
  readonly claim: ClusterClaim;
  /** undefined: nobody listens. */
  readonly dns: DnsPacketHandler | undefined;
}

export interface Fleet {
  readonly seed: number;
  readonly clock: SimClock;
  readonly trace: Trace;
  readonly network: SimulatedNetwork;
  /** Of all runs, oldest first. */
  readonly journal: readonly JournalEntry[];
  /** Every one that was ever saved, oldest first. */
  readonly assignments: readonly Assignment[];
  targets(run: string): readonly RunTarget[];
  /** Durable steps of all runs, oldest first. */
  readonly steps: readonly SavedStep[];
  /** `PACKAGE VERSION` of what a desired state brings beside the plan. */
  bundlesOf(desiredId: string): readonly string[];
  /** The hub's API as somebody else than `PERSON` sees it. */
  as(user: string, groups: readonly string[]): KubernetesClient;
  /** What is neither the hub nor a cluster. */
  readonly outside: Outside;
  /** What people wrote into managed objects and did not take back; scenarios fill it. */
  readonly personEdits: PersonEdit[];
  readonly hub: Host;
  readonly members: readonly Member[];
  /** Clusters whose mesh etcd does not run; scenarios fill it. */
  readonly stoppedEtcds: Set<string>;
  host(name: string): Host;
  member(name: string): Member;
  /** What a person does once, as `isthmus join`, and the agent's first start. */
  join(cluster: string): Promise<void>;
  partition(a: string, b: string): void;
  heal(a: string, b: string): void;
  /** Since when both have run and nothing has parted them; undefined: it is not so now. */
  calmSince(a: string, b: string): Instant | undefined;
  /** First failure of a process that ended by itself; undefined: none did. */
  readonly failure: string | undefined;
}
