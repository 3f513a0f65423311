/** Objects of one kind in the order of their keys. A snapshot costs nothing: the next change copies what is still held. */
import type { JsonObject } from './json.ts';

export interface Row {
  /** `namespace/name`. */
  readonly key: string;
  readonly object: JsonObject;
}

/** `rows` from `from` to before `to`; they stay as they are, whatever happens to the shelf. */
export interface Snapshot {
  readonly rows: readonly Row[];
  readonly from: number;
  readonly to: number;
}

export class Shelf {
  readonly #byKey = new Map<string, JsonObject>();
  #rows: Row[] = [];
  /** Somebody may still read `#rows`. */
  #held = false;

  get(key: string): JsonObject | undefined {
    return this.#byKey.get(key);
  }

  put(key: string, object: JsonObject): void {
    const rows = this.#own();
    const row = { key, object };
    const last = rows.at(-1);
    // Most come in order: at start, and where names count up.
    if (last === undefined || last.key < key) rows.push(row);
    else if (this.#byKey.has(key)) rows[firstFrom(rows, key)] = row;
    else rows.splice(firstFrom(rows, key), 0, row);
    this.#byKey.set(key, object);
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return;
    const rows = this.#own();
    rows.splice(firstFrom(rows, key), 1);
  }

  rows(): readonly Row[] {
    this.#held = true;
    return this.#rows;
  }

  /** How they were where `changed` tells what the changed ones were; undefined: not there. */
  rowsWith(changed: ReadonlyMap<string, JsonObject | undefined>): readonly Row[] {
    const others = this.#rows.filter(({ key }) => !changed.has(key));
    const rows = [...changed].flatMap(([key, object]) => (object === undefined ? [] : [{ key, object }]));
    return [...others, ...rows].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #own(): Row[] {
    if (this.#held) {
      this.#rows = [...this.#rows];
      this.#held = false;
    }
    return this.#rows;
  }
}

/** The part of `rows` in a namespace (undefined: all) that comes after the key `after`. */
export function cut(rows: readonly Row[], namespace: string | undefined, after: string | undefined): Snapshot {
  // '0' follows '/', so that every key of the namespace is before it.
  const [low, high] = namespace === undefined ? [0, rows.length] : [firstFrom(rows, `${namespace}/`), firstFrom(rows, `${namespace}0`)];
  const from = after === undefined ? low : Math.max(low, firstFrom(rows, `${after}\0`));
  return { rows, from: Math.min(from, high), to: high };
}

/** Index of the first row whose key is not before `key`. */
function firstFrom(rows: readonly Row[], key: string): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as Row).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
