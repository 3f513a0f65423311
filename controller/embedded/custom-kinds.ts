/** Kinds made from definitions (`mesh/api/resources`) or from a posted CustomResourceDefinition. */
import type { ResourceDefinition } from '../../mesh/api/resources/define.ts';
import { objectSchema, type StructuralSchema } from '../../mesh/api/schema/structural.ts';
import { builtInSchema, OBJECT_META } from './builtin/schemas.ts';
import { type CustomColumn, customColumns, customFields } from './custom-columns.ts';
import type { ServedKind } from './kinds.ts';
import { withEmbedded } from './schema/embedded-resource.ts';

/** The metadata of every kind is checked by the same schema. */
export const withMetadata = (schema: StructuralSchema): StructuralSchema =>
  ({ ...schema, properties: { ...schema.properties, apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: metadataSchema() } });

/** What owners must say is judged by rules of its own. */
function metadataSchema(): StructuralSchema {
  const schema = builtInSchema(OBJECT_META);
  const owners = schema.properties?.['ownerReferences'];
  if (owners?.items?.required === undefined) return schema;
  const { required: _required, ...items } = owners.items;
  return { ...schema, properties: { ...schema.properties, ownerReferences: { ...owners, items } } };
}

export function customKind(
  names: Pick<ServedKind, 'group' | 'versions' | 'storedVersion' | 'kind' | 'plural' | 'singular' | 'shortNames' | 'namespaced' | 'description'> & Partial<Pick<ServedKind, 'categories' | 'views' | 'deprecation'>>,
  schema: StructuralSchema, statusSubresource: boolean, columns: readonly CustomColumn[], selectable: readonly string[] = [],
): ServedKind {
  return {
    categories: [], ...names,
    builtIn: false,
    schema: withMetadata(withEmbedded(schema)),
    statusSubresource,
    hasGeneration: true,
    unconditionalUpdate: false,
    nameRule: 'subdomain',
    columns: customColumns(columns),
    fields: customFields(selectable),
  };
}

export function kindOfDefinition(definition: ResourceDefinition): ServedKind {
  const { group, kind, plural, singular, shortNames, namespaced, description } = definition;
  return customKind(
    { group, kind, plural, singular, shortNames, namespaced, description, versions: [definition.version, ...(definition.alsoServed ?? [])], storedVersion: definition.version },
    objectSchema(definition), definition.status !== undefined, definition.printColumns,
  );
}
