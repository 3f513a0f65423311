/** Who may reach what across clusters: as people write it, and as one cluster is asked to hold it. */
import type { ClusterSelector } from './selector.ts';
import type { Protocol, ServiceKey } from './service.ts';

/** `DefaultDeny`: the destination takes what is allowed and nothing else. `Allow`: whatever else holds there, this is let through. */
type AccessMode = 'DefaultDeny' | 'Allow';

export interface AccessPort {
  readonly port: number;
  readonly protocol: Protocol;
}

/** An AccessPolicy. Absent lists mean any. */
export interface AccessPolicyValue {
  readonly name: string;
  readonly mode: AccessMode;
  readonly from: readonly { readonly clusters?: ClusterSelector; readonly namespaces?: readonly string[]; readonly serviceAccounts?: readonly string[] }[];
  readonly to: {
    /** Of both exactly one. */
    readonly service?: ServiceKey;
    readonly namespaces?: readonly string[];
    readonly clusters?: ClusterSelector;
    /** Of a service its own ports, else ports of pods. */
    readonly ports?: readonly AccessPort[];
  };
  /** Its spec is not as the schema has it: nothing can be read of the rest. */
  readonly problem?: string;
}

/** Absent: any. Sorted. */
export interface AccessSource {
  /** As Cilium calls them (`cluster-name`). */
  readonly clusters?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly serviceAccounts?: readonly string[];
}

/** What one cluster holds of one AccessPolicy: which pods of the service these are, its agent looks up. */
export interface AccessRule {
  readonly policy: string;
  readonly mode: AccessMode;
  readonly to: { readonly service: ServiceKey } | { readonly namespaces: readonly string[] };
  /** Sorted; absent: every port of the service, or of the pods. */
  readonly ports?: readonly AccessPort[];
  /** Empty: nobody. */
  readonly from: readonly AccessSource[];
}

/** To an agent: who is there that policies with these destinations are about. */
export interface AccessQuestion {
  readonly services: readonly ServiceKey[];
  readonly namespaces: readonly string[];
}

/** What an agent sees of the pods of its cluster, summed and bounded. */
export interface AccessObservation {
  /** Pods with an identity, by where they are; largest first. */
  readonly sources: readonly { readonly namespace: string; readonly serviceAccount: string; readonly endpoints: number }[];
  /** Endpoints beyond those. */
  readonly sourcesOmitted: number;
  /** Pods of the namespaces asked for. `labels`: those that the services asked for select by, and the namespace. `enforcing`: so many let in only what policies allow. */
  readonly targets: readonly { readonly labels: Readonly<Record<string, string>>; readonly endpoints: number; readonly enforcing: number }[];
  readonly targetsOmitted: number;
  /** Of the services asked for, those that are there. */
  readonly services: readonly (ServiceKey & ServicePods)[];
  /** Policies of these namespaces, and of the whole cluster (namespace empty), that AccessPolicies did not bring. `denying`: so many deny something whatever is allowed. */
  readonly others: readonly { readonly namespace: string; readonly policies: number; readonly denying: number }[];
  /** Why something could not be read: sentences. */
  readonly problems: readonly string[];
}

/** What a Service says of its pods. */
export interface ServicePods {
  /** Empty: it has no selector. */
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly (AccessPort & { /** Of the pods, a number or the name of one of their ports. */ readonly targetPort: string })[];
}

export const MAX_ACCESS_GROUPS = 1000;
export const MAX_ACCESS_SERVICES = 256;

/** In one cluster: that many policies, and that much of canonical JSON. */
export const MAX_ACCESS_RULES = 256;
export const MAX_ACCESS_CHARACTERS = 1_000_000;

export const accessPortName = ({ port, protocol }: AccessPort): string => `${port}/${protocol}`;
