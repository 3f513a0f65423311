/** The part of JSONPath that printer columns use: `.a.b`, `['a.b']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`. */
import { isObject, member } from './json.ts';

type Step = { readonly field: string } | { readonly index: number } | { readonly all: true } | { readonly where: string; readonly equals: string };

const parsed = new Map<string, readonly Step[]>();

/** All values at `path`, in order; empty where there is none. */
export function valuesAt(path: string, value: unknown): readonly unknown[] {
  let steps = parsed.get(path);
  if (steps === undefined) {
    steps = stepsOf(path);
    parsed.set(path, steps);
  }
  let values: unknown[] = [value];
  for (const step of steps) {
    values = values.flatMap((at): unknown[] => {
      if ('field' in step) return isObject(at) && member(at, step.field) !== undefined ? [member(at, step.field)] : [];
      if (!Array.isArray(at)) return [];
      if ('index' in step) return at[step.index] === undefined ? [] : [at[step.index]];
      if ('all' in step) return at;
      return at.filter((item) => isObject(item) && String(member(item, step.where)) === step.equals);
    });
  }
  return values;
}

function stepsOf(path: string): readonly Step[] {
  const steps: Step[] = [];
  const pattern = /\.([A-Za-z0-9_$-]+)|\['([^']+)'\]|\[(\d+)\]|\[(\*)\]|\[\?\(@\.([A-Za-z0-9_-]+)\s*==\s*["']([^"']*)["']\)\]/y;
  while (pattern.lastIndex < path.length) {
    const found = pattern.exec(path);
    if (found === null) throw new Error(`JSONPath ${JSON.stringify(path)} is beyond .field, ['field'], [0], [*] and [?(@.field=="value")]`);
    const [, field, quoted, index, all, where, equals] = found;
    if (field !== undefined || quoted !== undefined) steps.push({ field: (field ?? quoted) as string });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else if (all !== undefined) steps.push({ all: true });
    else steps.push({ where: where as string, equals: equals as string });
  }
  return steps;
}
