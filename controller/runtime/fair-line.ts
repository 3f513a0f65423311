/** Keys that wait, in order of arrival within their kind; the kinds take turns, so that a flood of one does not hold up the others. */

interface Line { readonly keys: string[]; /** Read position: shifting a long array is slow. */ head: number }

export class FairLine {
  /** In order of turns. */
  readonly #lines = new Map<string, Line>();
  #size = 0;

  get size(): number { return this.#size; }

  push(kind: string, key: string): void {
    const line = this.#lines.get(kind);
    if (line === undefined) this.#lines.set(kind, { keys: [key], head: 0 });
    else line.keys.push(key);
    this.#size += 1;
  }

  shift(): string | undefined {
    for (const [kind, line] of this.#lines) {
      const key = line.keys[line.head];
      line.head += 1;
      this.#size -= 1;
      if (line.head === line.keys.length) this.#lines.delete(kind);
      else {
        if (line.head > 1024) {
          line.keys.splice(0, line.head);
          line.head = 0;
        }
        if (this.#lines.size > 1) {
          this.#lines.delete(kind);
          this.#lines.set(kind, line);
        }
      }
      return key;
    }
    return undefined;
  }
}
