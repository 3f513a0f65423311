/** Whom the API server takes the caller for: SelfSubjectReview, which everybody may ask. */
import { SelfSubjectReview, type SelfSubjectReviewObject } from '../../mesh/api/resources/core.ts';
import { apiVersionOf } from '../../mesh/api/resources/index.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';

export interface Person {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Nothing is stored by it. */
export async function askWhoAmI(client: KubernetesClient, fieldManager: string, signal: CancelSignal): Promise<Person> {
  const answer = await client.create<SelfSubjectReviewObject>(SelfSubjectReview, { apiVersion: apiVersionOf(SelfSubjectReview), kind: SelfSubjectReview.kind, metadata: { name: '' } }, { fieldManager }, signal);
  const { username = '', groups = [] } = answer.status?.userInfo ?? {};
  // A list of tokens may hold an empty group.
  return { name: username, groups: groups.filter((group) => group !== '') };
}
