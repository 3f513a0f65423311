/** Whom the API server takes the caller for: what an object says of its author must be that name. */
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { Environment } from './environment.ts';
import { FIELD_MANAGER } from './field-manager.ts';

const SelfSubjectReview: ResourceKind = { group: 'authentication.k8s.io', version: 'v1', kind: 'SelfSubjectReview', plural: 'selfsubjectreviews', namespaced: false };
interface Review extends KubernetesObject { readonly status?: { readonly userInfo?: { readonly username?: string; readonly groups?: readonly string[] } } }

export interface Caller {
  readonly name: string;
  readonly groups: readonly string[];
}

/** An old server, or one that keeps it to itself, does not say: then the name that this process runs under. */
export async function callerOf({ user, signal }: Pick<Environment, 'user' | 'signal'>, client: KubernetesClient): Promise<Caller> {
  try {
    const { status } = await client.create<Review>(SelfSubjectReview, { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: { name: '' } }, { fieldManager: FIELD_MANAGER }, signal);
    return { name: status?.userInfo?.username ?? user, groups: status?.userInfo?.groups ?? [] };
  } catch (error) {
    if (error instanceof KubernetesError && [403, 404, 405, 501].includes(error.code)) return { name: user, groups: [] };
    throw error;
  }
}
