/** What a custom resource is made of. CRD YAML (`files/crds` of the charts), TypeScript types and reference pages all come from these definitions. */
import type { z } from 'zod';
import type { KubernetesObject, ObjectMeta, ResourceKind } from '../../ports/kubernetes.ts';

interface PrintColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  /** JSONPath as `kubectl` wants it: `.status.phase`. */
  readonly jsonPath: string;
  /** 1: only with `-o wide`. */
  readonly priority?: number;
}

export interface ResourceDefinition<Spec extends z.ZodType = z.ZodType, Status extends z.ZodType = z.ZodType> extends ResourceKind {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: Spec;
  /** undefined: no status subresource. */
  readonly status: Status | undefined;
  readonly printColumns: readonly PrintColumn[];
  /** CEL rules on the object root (`x-kubernetes-validations`). */
  readonly validations?: readonly { readonly rule: string; readonly message: string }[];
  /** Further served versions with the same fields (conversion strategy None). `version` is the stored one. */
  readonly alsoServed?: readonly string[];
}

/** The object type of a definition. Status is absent until its controller first writes it. */
export interface ResourceObject<Spec, Status> extends KubernetesObject {
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status;
}

const GROUP = 'isthmus.dev';
const VERSION = 'v1alpha1';

/** A cluster-scoped kind of `isthmus.dev`. */
export function defineResource<Spec extends z.ZodType, Status extends z.ZodType>(
  definition: Omit<ResourceDefinition<Spec, Status>, 'group' | 'version' | 'namespaced' | 'singular' | 'shortNames'> & { readonly shortNames?: readonly string[] },
): ResourceDefinition<Spec, Status> {
  return { group: GROUP, version: VERSION, namespaced: false, singular: definition.kind.toLowerCase(), shortNames: [], ...definition };
}

export const apiVersionOf = (kind: ResourceKind): string => (kind.group === '' ? kind.version : `${kind.group}/${kind.version}`);
