/** A kind as the API serves it, and the registry of all of them. */
import type { StructuralSchema } from '../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../mesh/ports/kubernetes.ts';
import { objectAt, textAt, type JsonObject } from './json.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly priority: number;
  readonly description: string;
  /** The cell; dates are RFC 3339 here and become ages in the table. */
  readonly read: (object: JsonObject) => unknown;
}

/** What a kind may ask of the API while it is being written. */
export interface WriteSurroundings {
  readonly now: string;
  /** Objects of a kind, as stored. */
  readonly objects: (group: string, plural: string) => Iterable<JsonObject>;
}

export interface ServedKind {
  /** Empty for the core group. */
  readonly group: string;
  /** The first is the stored one; all have the same fields. */
  readonly versions: readonly string[];
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly builtIn: boolean;
  readonly description: string;
  readonly schema: StructuralSchema;
  readonly statusSubresource: boolean;
  /** `metadata.generation` counts changes of everything but metadata and status. */
  readonly hasGeneration: boolean;
  /** PUT without resourceVersion is taken. */
  readonly unconditionalUpdate: boolean;
  readonly nameRule: 'subdomain' | 'label' | 'label1035';
  readonly columns: readonly TableColumn[];
  readonly fields: Readonly<Record<string, (object: JsonObject) => string>>;
  /** Values that decoding gives absent fields; they belong to the writer. In place. */
  readonly defaults?: (object: JsonObject) => void;
  /** Fills in what the server decides (addresses, phases) and nobody owns; `previous` undefined on create. In place. */
  readonly prepare?: (object: JsonObject, previous: JsonObject | undefined, around: WriteSurroundings) => void;
  /** Rules beyond the schema. */
  readonly check?: (object: JsonObject, previous: JsonObject | undefined, around: WriteSurroundings) => readonly StatusCause[];
}

export const METADATA_FIELDS: ServedKind['fields'] = {
  'metadata.name': (object) => textAt(objectAt(object, 'metadata'), 'name') ?? '',
  'metadata.namespace': (object) => textAt(objectAt(object, 'metadata'), 'namespace') ?? '',
};

export const AGE: TableColumn = {
  name: 'Age', type: 'date', priority: 0,
  description: 'When the object was made.',
  read: (object) => objectAt(object, 'metadata')['creationTimestamp'],
};

export const kindKey = (kind: { readonly group: string; readonly plural: string }): string => `${kind.group}/${kind.plural}`;
export const apiVersionIn = (kind: { readonly group: string }, version: string): string => (kind.group === '' ? version : `${kind.group}/${version}`);

export class KindRegistry {
  readonly #kinds = new Map<string, ServedKind>();

  add(kind: ServedKind): void {
    this.#kinds.set(kindKey(kind), kind);
  }

  remove(group: string, plural: string): void {
    this.#kinds.delete(`${group}/${plural}`);
  }

  /** undefined: no such kind, or not in that version. */
  find(group: string, version: string, plural: string): ServedKind | undefined {
    const kind = this.#kinds.get(`${group}/${plural}`);
    return kind?.versions.includes(version) === true ? kind : undefined;
  }

  byKey(group: string, plural: string): ServedKind | undefined {
    return this.#kinds.get(`${group}/${plural}`);
  }

  byKind(group: string, kind: string): ServedKind | undefined {
    return this.all().find((candidate) => candidate.group === group && candidate.kind === kind);
  }

  /** By group, then plural. */
  all(): readonly ServedKind[] {
    return [...this.#kinds.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind);
  }
}
