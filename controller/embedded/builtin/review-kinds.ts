/** Kinds that are asked and answered at once (`authorization.k8s.io` and `authentication.k8s.io`): none of them is kept, so that `create` is all that there is. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { withMetadata } from '../custom-kinds.ts';
import { builtInSchema } from './schemas.ts';

export interface ReviewKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly schema: StructuralSchema;
}

const AUTHENTICATION = 'authentication.k8s.io';
export const AUTHORIZATION = 'authorization.k8s.io';

function review(group: string, kind: string, namespaced = false): ReviewKind {
  const schema = builtInSchema(`io.k8s.api.${group.slice(0, group.indexOf('.'))}.v1.${kind}`);
  return { group, version: 'v1', kind, plural: `${kind.toLowerCase()}s`, namespaced, schema: withMetadata(schema) };
}

/** By group, then plural. */
export const REVIEW_KINDS: readonly ReviewKind[] = [
  review(AUTHENTICATION, 'SelfSubjectReview'), review(AUTHENTICATION, 'TokenReview'),
  review(AUTHORIZATION, 'LocalSubjectAccessReview', true), review(AUTHORIZATION, 'SelfSubjectAccessReview'), review(AUTHORIZATION, 'SelfSubjectRulesReview'), review(AUTHORIZATION, 'SubjectAccessReview'),
];
