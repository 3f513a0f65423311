/** Whom the API server takes the caller for: what an object says of its author must be that name. */
import { type KubernetesClient, KubernetesError } from '../../mesh/ports/kubernetes.ts';
import { askWhoAmI } from '../runtime/who.ts';
import type { Environment } from './environment.ts';
import { FIELD_MANAGER } from './field-manager.ts';

export interface Caller {
  readonly name: string;
  readonly groups: readonly string[];
}

/** An old server, or one that keeps it to itself, does not say: then the name that this process runs under. */
export async function callerOf({ user, signal }: Pick<Environment, 'user' | 'signal'>, client: KubernetesClient): Promise<Caller> {
  try {
    const { name, groups } = await askWhoAmI(client, FIELD_MANAGER, signal);
    return { name: name === '' ? user : name, groups };
  } catch (error) {
    if (error instanceof KubernetesError && [403, 404, 405, 501].includes(error.code)) return { name: user, groups: [] };
    throw error;
  }
}
