/** Kinds of Kubernetes itself that we read or write, and the fields of them that we touch. */
import type { KubernetesObject, ResourceKind } from '../../ports/kubernetes.ts';

const core = (kind: string, plural: string, namespaced = true): ResourceKind => ({ group: '', version: 'v1', kind, plural, namespaced });

export const Namespace = core('Namespace', 'namespaces', false);
export const Node = core('Node', 'nodes', false);
export const Pod = core('Pod', 'pods');
export const StorageClass: ResourceKind = { group: 'storage.k8s.io', version: 'v1', kind: 'StorageClass', plural: 'storageclasses', namespaced: false };
export const Secret = core('Secret', 'secrets');
export const ConfigMap = core('ConfigMap', 'configmaps');
export const Event = core('Event', 'events');
export const RunEvent: ResourceKind = { group: 'events.k8s.io', version: 'v1', kind: 'Event', plural: 'events', namespaced: true };
export const Service = core('Service', 'services');
export const EndpointSlice: ResourceKind = { group: 'discovery.k8s.io', version: 'v1', kind: 'EndpointSlice', plural: 'endpointslices', namespaced: true };
export const DaemonSet: ResourceKind = { group: 'apps', version: 'v1', kind: 'DaemonSet', plural: 'daemonsets', namespaced: true };
export const Deployment: ResourceKind = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true };
export const Job: ResourceKind = { group: 'batch', version: 'v1', kind: 'Job', plural: 'jobs', namespaced: true };
export const Lease: ResourceKind = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true };

/** Who asks; nothing of it is kept. */
export const SelfSubjectReview: ResourceKind = { group: 'authentication.k8s.io', version: 'v1', kind: 'SelfSubjectReview', plural: 'selfsubjectreviews', namespaced: false };
export interface SelfSubjectReviewObject extends KubernetesObject { readonly status?: { readonly userInfo?: { readonly username?: string; readonly groups?: readonly string[] } } }

export interface SecretObject extends KubernetesObject { readonly type?: string; /** base64. */ readonly data?: Readonly<Record<string, string>> }
export interface EventObject extends KubernetesObject {
  readonly involvedObject: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string };
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly source: { readonly component: string };
  readonly reportingComponent: string;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly count: number;
}
/** `events.k8s.io/v1`. */
export interface RunEventObject extends KubernetesObject {
  /** With six digits behind the second. */
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly regarding: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string };
  readonly note: string;
  readonly type: 'Normal' | 'Warning';
}
export interface ConfigMapObject extends KubernetesObject { readonly data?: Readonly<Record<string, string>> }
export interface NodeObject extends KubernetesObject {
  readonly spec?: { readonly podCIDRs?: readonly string[] };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: { readonly kubeletVersion?: string; readonly architecture?: string; readonly operatingSystem?: string };
    readonly capacity?: ResourceList;
    readonly allocatable?: ResourceList;
  };
}
/** Resource name → quantity, as `500m` or `4Gi`. A client may write whole numbers as numbers. */
export type ResourceList = Readonly<Record<string, string | number>>;
export interface ContainerFields {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: ResourceList };
}
interface ContainerStatusFields {
  readonly name: string;
  readonly allocatedResources?: ResourceList;
  readonly resources?: { readonly requests?: ResourceList };
}
export interface PodObject extends KubernetesObject {
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly ContainerFields[];
    readonly initContainers?: readonly ContainerFields[];
    readonly overhead?: ResourceList;
    readonly resources?: { readonly requests?: ResourceList };
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
    readonly containerStatuses?: readonly ContainerStatusFields[];
    readonly initContainerStatuses?: readonly ContainerStatusFields[];
  };
}
interface VolumeItems { readonly items?: readonly { readonly key?: string; readonly path?: string }[] }
/** A DaemonSet or Deployment. */
interface ConfigMapVolume { readonly name?: string; readonly optional?: boolean }
interface VolumeObject {
  readonly configMap?: ConfigMapVolume;
  readonly secret?: { readonly secretName?: string; readonly optional?: boolean };
  readonly projected?: { readonly sources?: readonly { readonly configMap?: ConfigMapVolume & VolumeItems; readonly secret?: VolumeItems & { readonly name?: string; readonly optional?: boolean } }[] | null };
}

export interface WorkloadObject extends KubernetesObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }; readonly spec?: { readonly containers?: readonly { readonly name: string; readonly image?: string }[]; readonly hostAliases?: readonly { readonly ip: string; readonly hostnames?: readonly string[] }[]; readonly volumes?: readonly VolumeObject[] } };
  };
  /** Of a Deployment. */
  readonly status?: { readonly observedGeneration?: number; readonly replicas?: number; readonly updatedReplicas?: number; readonly availableReplicas?: number };
}
export interface ServiceObject extends KubernetesObject {
  readonly spec?: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly ipFamilies?: readonly ('IPv4' | 'IPv6')[];
    readonly ipFamilyPolicy?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly sessionAffinity?: 'None' | 'ClientIP';
    readonly ports?: readonly { readonly name?: string; readonly protocol?: 'TCP' | 'UDP' | 'SCTP'; readonly port: number; readonly targetPort?: number | string; readonly nodePort?: number; readonly appProtocol?: string }[];
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] } };
}
export interface EndpointSliceObject extends KubernetesObject {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean | null; readonly serving?: boolean | null; readonly terminating?: boolean | null };
    readonly hostname?: string;
    readonly zone?: string;
    readonly nodeName?: string;
  }[] | null;
  readonly ports?: readonly { readonly name?: string | null; readonly protocol?: 'TCP' | 'UDP' | 'SCTP' | null; readonly port?: number | null; readonly appProtocol?: string | null }[] | null;
}
export interface LeaseObject extends KubernetesObject {
  readonly spec?: { readonly holderIdentity?: string; readonly leaseDurationSeconds?: number; readonly acquireTime?: string; readonly renewTime?: string; readonly leaseTransitions?: number };
}
/** As much of a Job as gates copy and read; the rest is kept as it is. */
export interface JobObject extends KubernetesObject {
  readonly spec?: {
    readonly suspend?: boolean;
    readonly selector?: unknown;
    readonly manualSelector?: boolean;
    readonly ttlSecondsAfterFinished?: number;
    readonly activeDeadlineSeconds?: number;
    readonly template?: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec?: { readonly containers?: readonly { readonly name: string; readonly env?: readonly { readonly name: string; readonly value?: string }[] }[] };
    };
  };
  readonly status?: { readonly active?: number; readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[] };
}
