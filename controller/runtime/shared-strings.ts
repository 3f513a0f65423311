/** One copy of a text that many objects hold: parsing gives each object its own copy of the same image, label or node name. */

/** Shorter ones V8 shares by itself; longer ones are seldom met twice. */
const SHORTEST = 11;
const LONGEST = 128;
/** Of each generation: what was met since the last change of generations outlives names and digests, which are met once. */
const GENERATION = 4096;
const DEEPEST = 24;

export class SharedStrings {
  #recent = new Map<string, string>();
  #older = new Map<string, string>();

  /** Replaces texts inside of `value` by equal ones. Frozen parts stay as they are. */
  share(value: object, depth = 0): void {
    if (Object.isFrozen(value) || depth > DEEPEST) return;
    const members = value as Record<string, unknown>;
    for (const key of Object.keys(members)) {
      const member = members[key];
      if (typeof member === 'string') {
        if (member.length >= SHORTEST && member.length <= LONGEST) members[key] = this.#of(member);
      } else if (typeof member === 'object' && member !== null) this.share(member, depth + 1);
    }
  }

  #of(text: string): string {
    const recent = this.#recent.get(text);
    if (recent !== undefined) return recent;
    const shared = this.#older.get(text) ?? text;
    this.#recent.set(shared, shared);
    if (this.#recent.size >= GENERATION) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    return shared;
  }
}
