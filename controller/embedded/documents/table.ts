/** `Table`: what `kubectl get` shows. */
import { type JsonObject, objectAt } from '../json.ts';
import type { ServedKind, TableColumn } from '../kinds.ts';
import { nameOf } from '../metadata.ts';

const NAME: TableColumn = {
  name: 'Name', type: 'string', format: 'name', priority: 0, read: nameOf,
  description: 'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. '
    + 'Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
};

export type IncludedObject = 'Metadata' | 'Object' | 'None';

/** The name comes first, unless the kind says where. */
const allColumns = ({ columns }: ServedKind): readonly TableColumn[] =>
  (columns.some((column) => column.format === 'name') ? columns.map((column) => (column.format === 'name' ? { ...NAME, priority: column.priority, read: (object: JsonObject, now: number) => column.read(object, now) || nameOf(object) } : column)) : [NAME, ...columns]);

export const columnsOf = (kind: ServedKind): readonly JsonObject[] =>
  allColumns(kind).map(({ name, type, format = '', description, priority }) => ({ name, type, format, description, priority }));

/** One row. `now` in milliseconds: dates become ages. */
export const cellsOf = (kind: ServedKind, object: JsonObject, now: number, include: IncludedObject): JsonObject =>
  ({ cells: allColumns(kind).map(({ read }) => read(object, now) ?? null), object: include === 'None' ? null : include === 'Object' ? object : partialMetadata(object) });

/** `withColumns`: false for all but the first event of a watch. */
export const tableOf = (kind: ServedKind, objects: readonly JsonObject[], now: number, listMetadata: JsonObject, include: IncludedObject, withColumns = true): JsonObject => ({
  kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: listMetadata,
  columnDefinitions: withColumns ? columnsOf(kind) : null,
  rows: objects.map((object) => cellsOf(kind, object, now, include)),
});

export const partialMetadata = (object: JsonObject): JsonObject =>
  ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: objectAt(object, 'metadata') });
