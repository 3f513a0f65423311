/** Objects inside objects (`x-kubernetes-embedded-resource`): each has a type and metadata of its own. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { builtInSchema, OBJECT_META } from '../builtin/schemas.ts';
import { objectAt, textAt, type JsonObject } from '../json.ts';
import { checkAnnotationsAndLabels } from '../metadata.ts';
import { invalidValue, required } from '../problems.ts';

/** The schema with what every embedded object has: the same where there is none. */
export function withEmbedded(schema: StructuralSchema): StructuralSchema {
  const { properties, items, additionalProperties } = schema;
  const members = properties === undefined ? undefined : Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, withEmbedded(child)]));
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  return {
    ...schema,
    ...(members === undefined && !embedded ? {} : { properties: { ...members, ...(embedded ? { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: builtInSchema(OBJECT_META) } : {}) } }),
    ...(items === undefined ? {} : { items: withEmbedded(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: withEmbedded(additionalProperties) }),
  };
}

export function checkEmbedded(value: JsonObject, path: string, causes: StatusCause[]): void {
  const [apiVersion, kind] = [textAt(value, 'apiVersion') ?? '', textAt(value, 'kind') ?? ''];
  if (apiVersion === '') causes.push(required(`${path}.apiVersion`));
  else if (apiVersion.split('/').length > 2) causes.push(invalidValue(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  if (kind === '') causes.push(required(`${path}.kind`));
  else if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/i.test(kind)) causes.push(invalidValue(`${path}.kind`, kind, 'may have mixed case, but should otherwise match: a DNS-1035 label'));
  checkAnnotationsAndLabels(objectAt(value, 'metadata'), `${path}.metadata`, causes);
}
