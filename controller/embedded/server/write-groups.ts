/** Writes that arrive in one turn of the event loop are kept together: the disk is synced once for all of them, and each is answered after that. */

interface Waiting {
  /** Never throws; gives what tells the caller. */
  readonly attempt: () => () => void;
  readonly refuse: (error: unknown) => void;
}

/** So that a crowd of writers does not hold up the turn; the rest has the next one. */
const MOST_TOGETHER = 64;

export class WriteGroups {
  readonly #store: { together(run: () => void): void };
  readonly #later: (run: () => void) => void;
  readonly #waiting: Waiting[] = [];

  /** `store.together` keeps all that happens within it or, when it throws, nothing. */
  constructor(store: { together(run: () => void): void }, later: (run: () => void) => void = setImmediate) {
    this.#store = store;
    this.#later = later;
  }

  /** Writes run one after another, in the order in which they came. Rejects with what `write` throws, or with why its group could not be kept. */
  run<T>(write: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        refuse: reject,
        attempt() {
          try {
            const result = write();
            return () => resolve(result);
          } catch (error) {
            return () => reject(error as Error);
          }
        },
      });
      if (this.#waiting.length === 1) this.#later(() => this.#keep());
    });
  }

  #keep(): void {
    const group = this.#waiting.splice(0, MOST_TOGETHER);
    if (this.#waiting.length > 0) this.#later(() => this.#keep());
    const tell: (() => void)[] = [];
    try {
      this.#store.together(() => { for (const { attempt } of group) tell.push(attempt()); });
    } catch (error) {
      // Also those that were refused by themselves: it may have been for something that was not kept.
      for (const { refuse } of group) refuse(error);
      return;
    }
    for (const answer of tell) answer();
  }
}
