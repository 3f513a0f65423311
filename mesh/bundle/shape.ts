/** Whether a value has the members that it should have. A problem is a sentence that begins with the place. */
import { isObject } from './json.ts';

export const first = <T>(items: readonly T[], problem: (item: T, index: number) => string | undefined): string | undefined => {
  for (const [index, item] of items.entries()) {
    const found = problem(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** An object with just these members. A member that is not known would be signed and then not acted on: refused. */
export function shapeProblem(field: string, value: unknown, required: readonly string[], optional: readonly string[] = []): string | undefined {
  if (!isObject(value)) return `${field}: is not an object`;
  const missing = required.find((key) => value[key] === undefined);
  if (missing !== undefined) return `${field}.${missing}: is missing`;
  const unknown = Object.keys(value).find((key) => !required.includes(key) && !optional.includes(key) && value[key] !== undefined);
  return unknown === undefined ? undefined : `${field}.${unknown}: is not a field of a bundle; take it out, or update Isthmus`;
}
