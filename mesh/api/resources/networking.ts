/** ServiceCIDR (KEP-1880, GA in Kubernetes 1.33), and the fields of it that we read. */
import type { KubernetesObject, ResourceKind } from '../../ports/kubernetes.ts';

export const ServiceCidr: ResourceKind = { group: 'networking.k8s.io', version: 'v1', kind: 'ServiceCIDR', plural: 'servicecidrs', namespaced: false };

export interface ServiceCidrObject extends KubernetesObject { readonly spec?: { readonly cidrs?: readonly string[] | null } }
