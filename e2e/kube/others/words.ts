/** Compares a schema with one that may say more. */
import { isDeepStrictEqual } from 'node:util';

export type Schema = Readonly<Record<string, unknown>>;

const SAID_ELSEWHERE = new Set(['description', 'properties', 'items']);
const FREE = 'x-kubernetes-preserve-unknown-fields';

/** What `ours` says otherwise than `theirs`, for all fields that ours has. Fields that only they have are no difference, nor is what lies where ours takes anything. */
export function wordsThatDiffer(ours: Schema, theirs: Schema, path = ''): readonly string[] {
  const problems: string[] = [];
  for (const keyword of [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].toSorted()) {
    if (SAID_ELSEWHERE.has(keyword)) continue;
    const [a, b] = [ours, theirs].map((schema) => (keyword === 'required' ? (schema[keyword] as readonly string[] | undefined)?.toSorted() : schema[keyword]));
    if (!isDeepStrictEqual(a, b) && ours[FREE] !== true) problems.push(`${path}: ${keyword} is ${JSON.stringify(a)}, theirs ${JSON.stringify(b)}`);
  }
  if (ours[FREE] === true) return problems;
  const their = theirs['properties'] as Readonly<Record<string, Schema>> | undefined;
  for (const [name, schema] of Object.entries((ours['properties'] ?? {}) as Readonly<Record<string, Schema>>)) {
    const field = path === '' ? name : `${path}.${name}`;
    if (their?.[name] === undefined) problems.push(`${field}: they have no such field`);
    else problems.push(...wordsThatDiffer(schema, their[name], field));
  }
  if (ours['items'] !== undefined) problems.push(...wordsThatDiffer(ours['items'] as Schema, (theirs['items'] ?? {}) as Schema, `${path}[]`));
  return problems;
}
