/** Values in an object by the paths that the API server names fields with (`.spec.ports[name="http"].port`), and as drift shows them. Pure. */
import { canonicalJson, type Digest } from '../../../mesh/model/canonical.ts';
import type { ObjectReference } from '../../../mesh/model/bundle.ts';

type Fields = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
export const ABSENT = 'absent';
const SHORT = 64;

/** Members that lead to the field, a list's item by a function; keys may hold dots, so the longest that is there is taken. undefined: no such place is said. */
function steps(object: unknown, path: string): readonly unknown[] | undefined {
  const way: unknown[] = [];
  let at = object;
  let rest = path;
  while (rest !== '') {
    const item = /^\[([^\]]*)\]/.exec(rest);
    if (item !== null) {
      if (!Array.isArray(at)) return undefined;
      const index = itemIndex(at, item[1] ?? '');
      if (index < 0) return undefined;
      way.push(index);
      at = at[index];
      rest = rest.slice(item[0].length);
      continue;
    }
    if (!rest.startsWith('.')) return undefined;
    const name = nextName(at, rest.slice(1), way.at(-1));
    way.push(name);
    at = isMap(at) ? at[name] : undefined;
    rest = rest.slice(1 + name.length);
  }
  return way;
}

/** Maps whose keys are anything. */
const FREE_KEYS: readonly unknown[] = ['labels', 'annotations', 'data', 'binaryData', 'stringData', 'matchLabels', 'nodeSelector'];

function nextName(at: unknown, rest: string, within: unknown): string {
  const known = isMap(at) ? Object.keys(at).filter((key) => rest === key || rest.startsWith(`${key}.`) || rest.startsWith(`${key}[`)).sort((a, b) => b.length - a.length)[0] : undefined;
  return known ?? (FREE_KEYS.includes(within) ? rest : /^[A-Za-z0-9_-]+(?=$|[.[])/.exec(rest)?.[0] ?? rest);
}

function itemIndex(list: readonly unknown[], selector: string): number {
  if (/^\d+$/.test(selector)) return Number(selector);
  const wanted = selector.split(',').map((pair) => /^([^=]+)=(.*)$/.exec(pair));
  if (wanted.some((pair) => pair === null)) return list.findIndex((item) => JSON.stringify(item) === selector.replace(/^=/, ''));
  return list.findIndex((item) => isMap(item) && wanted.every((pair) => JSON.stringify(item[pair?.[1] ?? '']) === pair?.[2]));
}

export function valueAt(object: unknown, path: string): unknown {
  return steps(object, path)?.reduce<unknown>((at, step) => (at === undefined || at === null ? undefined : (at as Record<string, unknown>)[step as string]), object);
}

/** A copy in which the field has the value, or is not there; the same object where the place cannot be told. */
export function withValueAt<T>(object: T, path: string, value: unknown): T {
  const way = steps(object, path);
  if (way === undefined || way.length === 0) return object;
  const set = (at: unknown, [step, ...more]: readonly unknown[]): unknown => {
    if (typeof step === 'number') return (at as readonly unknown[]).map((item, index) => (index === step ? (more.length === 0 ? value : set(item, more)) : item));
    const { [step as string]: before, ...others } = isMap(at) ? at : {};
    const next = more.length === 0 ? value : set(before, more);
    return next === undefined ? others : { ...others, [step as string]: next };
  };
  return set(object, way) as T;
}

/** Digests of what is long or secret; short values of all else as they are. */
export function shownValue({ apiVersion, kind }: Pick<ObjectReference, 'apiVersion' | 'kind'>, value: unknown, digest: Digest): string {
  if (value === undefined) return ABSENT;
  const text = typeof value === 'string' ? value : canonicalJson(value);
  return (apiVersion === 'v1' && kind === 'Secret') || text.length > SHORT || text === '' ? `sha256:${digest(text)}` : text;
}

/** What the server says of an object and nobody wants. */
const OF_THE_SERVER = new Set(['managedFields', 'resourceVersion', 'generation', 'uid', 'creationTimestamp', 'selfLink']);

/** Paths at which two states of one object differ; lists as a whole. Without `status`. */
export function differingPaths(one: unknown, other: unknown, path = ''): readonly string[] {
  if (isMap(one) && isMap(other)) {
    return [...new Set([...Object.keys(one), ...Object.keys(other)])].sort().filter((key) => !(path === '' && key === 'status') && !(path === '.metadata' && OF_THE_SERVER.has(key)))
      .flatMap((key) => differingPaths(one[key], other[key], `${path}.${key}`));
  }
  const same = one === other || (one !== undefined && other !== undefined && canonicalJson(one) === canonicalJson(other));
  return same ? [] : [path];
}
