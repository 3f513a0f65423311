/** Deleting all that a namespace or a kind holds: some of it at once, the rest in slices, so that nobody waits for ten thousand objects to go. */

/** Calls `slice` again and again until it says false. Each call looks at how things are then, so that one whose changes could not be kept is simply called again. */
export type Later = (slice: () => boolean) => void;

/** Where nobody waits. */
export const atOnce: Later = (slice) => { while (slice()); };

/** Objects that one slice deletes. */
const SLICE_DELETIONS = 128;

export class Emptying {
  readonly #later: Later;
  readonly #busy = new Set<string>();

  constructor(later: Later) {
    this.#later = later;
  }

  isBusy(name: string): boolean {
    return this.#busy.has(name);
  }

  /** Nothing where it has begun already. `slice`: whether there is more. */
  begin(name: string, slice: () => boolean): void {
    if (this.#busy.has(name)) return;
    const step = (): boolean => {
      this.#busy.add(name);
      let more = false;
      try {
        more = slice();
      } finally {
        if (!more) this.#busy.delete(name);
      }
      return more;
    };
    if (step()) this.#later(step);
  }

  /** `remove`: whether it did. true: this was enough for one slice. */
  deleteSome<T>(things: Iterable<T>, remove: (thing: T) => boolean): boolean {
    let count = 0;
    for (const thing of things) {
      if (count >= SLICE_DELETIONS) return true;
      if (remove(thing)) count += 1;
    }
    return false;
  }
}
