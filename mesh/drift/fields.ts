/** Where an object is not what we would write: leaf by leaf, with short values. Pure. */
import { canonicalJson, type Digest } from '../model/canonical.ts';

export interface FieldDifference {
  /** `.spec.ports`; lists are compared as a whole. */
  readonly path: string;
  /** The same, member by member. */
  readonly members: readonly string[];
  /** JSON text where it is short, else its digest; `absent`. */
  readonly expected: string;
  readonly actual: string;
}

const LONGEST_VALUE = 80;
const DEEPEST = 16;
type Members = Readonly<Record<string, unknown>>;
const isMembers = (value: unknown): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value);
const isNothing = (value: unknown): boolean => value === undefined || value === null || (Array.isArray(value) && value.length === 0) || (isMembers(value) && Object.keys(value).length === 0);
const step = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);

function shortValue(value: unknown, digest: Digest): string {
  if (value === undefined) return 'absent';
  const text = canonicalJson(value);
  return text.length <= LONGEST_VALUE ? text : `sha256:${digest(text)}`;
}

/** Everything that `wanted` says stands in `actual`; members that only `actual` has are the server's defaults or others' additions, and no difference. */
function carries(wanted: unknown, actual: unknown): boolean {
  if (isNothing(wanted)) return isNothing(actual) || wanted === undefined;
  if (Array.isArray(wanted)) return Array.isArray(actual) && actual.length === wanted.length && wanted.every((item, index) => carries(item, actual[index]));
  if (isMembers(wanted)) return isMembers(actual) && Object.entries(wanted).every(([key, value]) => carries(value, actual[key]));
  return wanted === actual;
}

/** In the order of `wanted`'s sorted members; at most `limit`, and how many there are in all. */
export function diffFields(wanted: unknown, actual: unknown, digest: Digest, limit: number): { readonly differences: readonly FieldDifference[]; readonly count: number } {
  const differences: FieldDifference[] = [];
  let count = 0;
  const walk = (mine: unknown, theirs: unknown, members: readonly string[]): void => {
    if (carries(mine, theirs)) return;
    if (isMembers(mine) && isMembers(theirs) && members.length < DEEPEST) {
      for (const key of Object.keys(mine).sort()) walk(mine[key], theirs[key], [...members, key]);
      return;
    }
    count += 1;
    if (differences.length < limit) differences.push({ path: members.map(step).join(''), members, expected: shortValue(mine, digest), actual: shortValue(theirs, digest) });
  };
  walk(wanted, actual, []);
  return { differences, count };
}
