/** What a definition says of columns and selectable fields, as Kubernetes' apiextensions reads it (`registry/customresource/tableconvertor`). */
import { fromRfc3339 } from '../../mesh/model/instant.ts';
import { humanAge } from './documents/duration.ts';
import type { JsonObject } from './json.ts';
import { valuesAt } from './json-path.ts';
import { AGE, METADATA_FIELDS, type ServedKind, type TableColumn } from './kinds.ts';

export interface CustomColumn { readonly name: string; readonly type: string; readonly format?: string; readonly jsonPath: string; readonly priority?: number; readonly description?: string }

/** A definition without columns shows the age. */
export const customColumns = (columns: readonly CustomColumn[]): readonly TableColumn[] =>
  (columns.length === 0 ? [{ ...AGE, type: 'date' }] : columns.map(tableColumn));

function tableColumn({ name, type, format, jsonPath, priority = 0, description = '' }: CustomColumn): TableColumn {
  return {
    name, type: type as TableColumn['type'], priority, ...(format === undefined ? {} : { format }),
    description: description === '' ? `Custom resource definition column (in JSONPath format): ${jsonPath}` : description,
    read: (object, now) => cell(type, valuesAt(jsonPath, object)[0], now),
  };
}

/** undefined where the value is not of the column's type. */
function cell(type: string, value: unknown, now: number): unknown {
  if (value === undefined || value === null) return undefined;
  switch (type) {
    case 'string': return typeof value === 'string' ? value : JSON.stringify(value);
    case 'integer': return typeof value === 'number' ? Math.trunc(value) : undefined;
    case 'number': return typeof value === 'number' ? value : undefined;
    case 'boolean': return typeof value === 'boolean' ? value : undefined;
    case 'date': {
      if (typeof value !== 'string') return undefined;
      const instant = fromRfc3339(value);
      return instant === undefined ? '<invalid>' : humanAge(now - instant);
    }
    default: return undefined;
  }
}

/** `paths` are those of `selectableFields`: `.spec.colour`. Absent values are empty; definitions name fields with text, numbers and booleans alone. */
export function customFields(paths: readonly string[]): ServedKind['fields'] {
  const read = (path: string) => (object: JsonObject): string => {
    const [value] = valuesAt(path, object);
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  };
  return paths.length === 0 ? METADATA_FIELDS : { ...METADATA_FIELDS, ...Object.fromEntries(paths.map((path) => [path.replace(/^\./, ''), read(path)])) };
}
