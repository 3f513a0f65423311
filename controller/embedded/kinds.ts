/** A kind as the API serves it, and the registry of all of them. */
import type { StructuralSchema } from '../../mesh/api/schema/structural.ts';
import { fromRfc3339 } from '../../mesh/model/instant.ts';
import type { StatusCause } from '../../mesh/ports/kubernetes.ts';
import { humanAge } from './documents/duration.ts';
import { objectAt, textAt, type JsonObject } from './json.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name`: the name of the object, wherever it stands. */
  readonly format?: string;
  /** Above 0: only in the wide table. */
  readonly priority: number;
  readonly description: string;
  /** The cell; undefined: null. `now` in milliseconds, for ages. */
  readonly read: (object: JsonObject, now: number) => unknown;
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
  /** Served ones, best first. */
  readonly versions: readonly string[];
  /** What objects are kept in; not always a served one. */
  readonly storedVersion: string;
  /** The kind as each version shows it, where versions differ in fields, columns or subresources. */
  readonly views?: ReadonlyMap<string, ServedKind>;
  /** What whoever uses this version is warned of. */
  readonly deprecation?: string;
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
  /** PUT of an object that is not there makes it. */
  readonly createsOnUpdate?: boolean;
  /** `path`: anything that can stand in a URL. */
  readonly nameRule: 'subdomain' | 'label' | 'label1035' | 'path';
  readonly columns: readonly TableColumn[];
  readonly fields: Readonly<Record<string, (object: JsonObject) => string>>;
  /** Built-in kinds: what every object has, and nobody owns; `spec` and `status` where absent. */
  readonly blank?: JsonObject;
  /** Drops unknown fields that the schema cannot tell from known ones; their paths. In place. */
  readonly dropUnknown?: (object: JsonObject) => readonly string[];
  /** Values that decoding gives absent fields; they belong to the writer. In place. */
  readonly defaults?: (object: JsonObject) => void;
  /** Fills in what the server decides (addresses, phases) and nobody owns; `previous` undefined on create. In place. */
  readonly prepare?: (object: JsonObject, previous: JsonObject | undefined, around: WriteSurroundings) => void;
  /** Objects of another kind, seen through this one: they are kept as that kind only. */
  readonly keptAs?: { readonly kind: ServedKind; readonly show: (kept: JsonObject) => JsonObject; readonly keep: (shown: JsonObject) => JsonObject };
  /** Rules beyond the schema. */
  readonly check?: (object: JsonObject, previous: JsonObject | undefined, around: WriteSurroundings) => readonly StatusCause[];
}

export const METADATA_FIELDS: ServedKind['fields'] = {
  'metadata.name': (object) => textAt(objectAt(object, 'metadata'), 'name') ?? '',
  'metadata.namespace': (object) => textAt(objectAt(object, 'metadata'), 'namespace') ?? '',
};

export const AGE: TableColumn = {
  name: 'Age', type: 'string', priority: 0,
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. '
    + 'Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. '
    + 'More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
  read: (object, now) => {
    const made = fromRfc3339(textAt(objectAt(object, 'metadata'), 'creationTimestamp'));
    return made === undefined ? '<unknown>' : humanAge(now - made);
  },
};

export const kindKey = (kind: { readonly group: string; readonly plural: string }): string => `${kind.group}/${kind.plural}`;
export const apiVersionIn = (kind: { readonly group: string }, version: string): string => (kind.group === '' ? version : `${kind.group}/${version}`);

/** The kind that objects of `kind` are kept as. */
export const keptKind = (kind: ServedKind): ServedKind => kind.keptAs?.kind ?? kind;

/** The kind as `version` shows it. */
export const inVersion = (kind: ServedKind, version: string): ServedKind => kind.views?.get(version) ?? kind;
/** The kind as its objects are kept. */
export const asStored = (kind: ServedKind): ServedKind => inVersion(kind, kind.storedVersion);

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
    return kind?.versions.includes(version) === true ? inVersion(kind, version) : undefined;
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
