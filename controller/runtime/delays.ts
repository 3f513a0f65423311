/** Keys waiting for their time, earliest first. */
import type { Instant } from '../../mesh/model/instant.ts';

interface Entry { readonly key: string; readonly at: Instant; readonly sequence: number }

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence);

export class Delays {
  readonly #byKey = new Map<string, Entry>();
  /** Latest first, so that the earliest is taken from the end. */
  readonly #sorted: Entry[] = [];
  #sequence = 0;

  get size(): number { return this.#byKey.size; }

  has(key: string): boolean { return this.#byKey.has(key); }

  /** A key that waits already keeps the earlier of both times. */
  set(key: string, at: Instant): void {
    const old = this.#byKey.get(key);
    if (old !== undefined) {
      if (old.at <= at) return;
      this.#sorted.splice(this.#position(old), 1);
    }
    const entry: Entry = { key, at, sequence: this.#sequence++ };
    this.#byKey.set(key, entry);
    this.#sorted.splice(this.#position(entry), 0, entry);
  }

  earliest(): Instant | undefined { return this.#sorted.at(-1)?.at; }

  /** Removes and returns the earliest key that is due. */
  takeDue(now: Instant): string | undefined {
    const entry = this.#sorted.at(-1);
    if (entry === undefined || entry.at > now) return undefined;
    this.#sorted.pop();
    this.#byKey.delete(entry.key);
    return entry.key;
  }

  /** Every time, by so many milliseconds: the clock was set. */
  shift(milliseconds: number): void {
    for (const [index, entry] of this.#sorted.entries()) {
      const moved = { ...entry, at: entry.at + milliseconds };
      this.#sorted[index] = moved;
      this.#byKey.set(entry.key, moved);
    }
  }

  clear(): void {
    this.#byKey.clear();
    this.#sorted.length = 0;
  }

  /** Index of `entry`, or where it belongs. */
  #position(entry: Entry): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(entry, this.#sorted[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
