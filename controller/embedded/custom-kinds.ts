/** Kinds made from definitions (`mesh/api/resources`) or from a posted CustomResourceDefinition. */
import type { ResourceDefinition } from '../../mesh/api/resources/define.ts';
import { objectSchema, type StructuralSchema } from '../../mesh/api/schema/structural.ts';
import { builtInSchema, OBJECT_META } from './builtin/schemas.ts';
import { valuesAt } from './json-path.ts';
import { AGE, METADATA_FIELDS, type ServedKind, type TableColumn } from './kinds.ts';

interface Column { readonly name: string; readonly type: string; readonly jsonPath: string; readonly priority?: number; readonly description?: string }

function tableColumn(column: Column): TableColumn {
  return {
    name: column.name,
    type: column.type as TableColumn['type'],
    priority: column.priority ?? 0,
    description: column.description ?? `${column.name} at ${column.jsonPath}`,
    read: (object) => {
      const [value] = valuesAt(column.jsonPath, object);
      if (value === undefined || value === null) return undefined;
      return column.type === 'string' && typeof value !== 'string' ? JSON.stringify(value) : value;
    },
  };
}

/** The metadata of every kind is checked by the same schema. */
export const withMetadata = (schema: StructuralSchema): StructuralSchema =>
  ({ ...schema, properties: { ...schema.properties, apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: builtInSchema(OBJECT_META) } });

export function customKind(
  names: Pick<ServedKind, 'group' | 'versions' | 'kind' | 'plural' | 'singular' | 'shortNames' | 'namespaced' | 'description'> & { readonly categories?: readonly string[] },
  schema: StructuralSchema, statusSubresource: boolean, columns: readonly Column[],
): ServedKind {
  return {
    categories: [], ...names,
    builtIn: false,
    schema: withMetadata(schema),
    statusSubresource,
    hasGeneration: true,
    unconditionalUpdate: false,
    nameRule: 'subdomain',
    columns: columns.length === 0 ? [AGE] : columns.map(tableColumn),
    fields: METADATA_FIELDS,
  };
}

export function kindOfDefinition(definition: ResourceDefinition): ServedKind {
  const { group, kind, plural, singular, shortNames, namespaced, description } = definition;
  return customKind(
    { group, kind, plural, singular, shortNames, namespaced, description, versions: [definition.version, ...(definition.alsoServed ?? [])] },
    objectSchema(definition), definition.status !== undefined, definition.printColumns,
  );
}
