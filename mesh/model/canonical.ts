/** One text for one value: what content hashes are taken over. */

/** RFC 8785 for the values we use (no exponents outside JSON's own): keys sorted by UTF-16 code unit, no white space, `undefined` members left out. `shared` holds texts of objects that stand in many values. */
export function canonicalJson(value: unknown, shared?: ReadonlyMap<object, string>): string {
  const known = shared === undefined || typeof value !== 'object' || value === null ? undefined : shared.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null, shared)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member, shared)}`).join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

/** Lower-case hex SHA-256 of a text's UTF-8 bytes. A parameter everywhere in `mesh/`, which has no cryptography of its own. */
export interface Digest {
  (text: string): string;
  /** Of texts one after another, none of which is put together for it; absent: they are. */
  readonly ofParts?: (parts: readonly string[]) => string;
}

/** `digest` of the parts one after another. */
export const digestOfParts = (digest: Digest, parts: readonly string[]): string => (digest.ofParts === undefined ? digest(parts.join('')) : digest.ofParts(parts));
