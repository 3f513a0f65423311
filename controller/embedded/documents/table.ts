/** `Table`: what `kubectl get` shows. */
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { type JsonObject, objectAt } from '../json.ts';
import type { ServedKind, TableColumn } from '../kinds.ts';
import { nameOf } from '../metadata.ts';
import { humanAge } from './duration.ts';

const NAME: TableColumn = { name: 'Name', type: 'string', priority: 0, description: 'Name must be unique within a namespace.', read: nameOf };

export type IncludedObject = 'Metadata' | 'Object' | 'None';

/** `now` in milliseconds: dates become ages. `withColumns`: false for all but the first event of a watch. */
export function tableOf(kind: ServedKind, objects: readonly JsonObject[], now: number, listMetadata: JsonObject, include: IncludedObject, withColumns = true): JsonObject {
  const columns = [NAME, ...kind.columns];
  return {
    kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: listMetadata,
    columnDefinitions: withColumns ? columns.map((column) => ({
      name: column.name, type: column.type === 'date' ? 'string' : column.type, format: column === NAME ? 'name' : '', description: column.description, priority: column.priority,
    })) : null,
    rows: objects.map((object) => ({
      cells: columns.map((column) => cell(column, object, now)),
      ...(include === 'None' ? {} : { object: include === 'Object' ? object : partialMetadata(object) }),
    })),
  };
}

function cell(column: TableColumn, object: JsonObject, now: number): unknown {
  const value = column.read(object);
  if (column.type !== 'date') return value ?? (column.type === 'string' ? '' : null);
  const instant = fromRfc3339(typeof value === 'string' ? value : undefined);
  return instant === undefined ? '<unknown>' : humanAge(now - instant);
}

export const partialMetadata = (object: JsonObject): JsonObject =>
  ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: objectAt(object, 'metadata') });
