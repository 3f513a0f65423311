/** What a built-in kind says of itself; the rest has defaults. */
import type { ServedKind } from '../kinds.ts';

export type Given = Pick<ServedKind, 'kind' | 'plural' | 'columns'> & Partial<ServedKind> & {
  readonly schemaName: string;
  /** Members that are stored as null where they are empty. */
  readonly nullable?: readonly string[];
  /** Whether `check` says what must be there, and what of an enumeration, in place of the schema. */
  readonly checksRequired?: boolean;
};
