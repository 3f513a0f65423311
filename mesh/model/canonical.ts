/** One text for one value: what content hashes are taken over. */

/** RFC 8785 for the values we use (no exponents outside JSON's own): keys sorted by UTF-16 code unit, no white space, `undefined` members left out. `shared` holds texts of objects that stand in many values. */
export function canonicalJson(value: unknown, shared?: ReadonlyMap<object, string>): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null, shared)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const known = shared?.get(value);
    if (known !== undefined) return known;
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member, shared)}`).join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

/** Lower-case hex SHA-256 of a text's UTF-8 bytes. A parameter everywhere in `mesh/`, which has no cryptography of its own. */
export type Digest = (text: string) => string;
