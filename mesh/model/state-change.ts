/** What is different between two desired states, field by field, fit to be shown: no secret, nothing long. */
import type { Digest } from './canonical.ts';
import { canonicalJson } from './canonical.ts';
import type { DesiredState } from './desired.ts';

export interface StateChange {
  /** `.peering.peers[oslo].clusterId`; items of a list by their name. */
  readonly path: string;
  /** JSON text; null: is not there. Secrets and long texts as `sha256:` and their digest. */
  readonly before: string | null;
  readonly after: string | null;
  /** Its values are never shown: neither is their digest where several clusters are spoken of. */
  readonly secret?: true;
}

const LONGEST_TEXT = 120;
const DIGEST_CHARACTERS = 12;
/** Desired states name Secrets and hold no key; should one ever be in a text, it is not shown. */
const isSecret = (value: unknown): boolean => value !== undefined && canonicalJson(value).includes('PRIVATE KEY');
/** What an item of a list is known by, the first that it has. */
const NAMES = ['name', 'package', 'cluster', 'object'] as const;

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

function itemName(item: unknown): string | undefined {
  if (!isMap(item)) return undefined;
  const parts = NAMES.flatMap((key) => (typeof item[key] === 'string' ? [item[key]] : []));
  if (parts.length === 0) return undefined;
  return typeof item['namespace'] === 'string' ? `${item['namespace']}/${parts[0]}` : parts[0];
}

/** A list whose items have names that tell them apart, as a map; undefined: it is a value as a whole. */
function byName(items: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const named = new Map(items.flatMap((item) => { const name = itemName(item); return name === undefined ? [] : [[name, item] as const]; }));
  return named.size === items.length ? named : undefined;
}

function members(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (isMap(value)) return new Map(Object.entries(value).map(([key, member]) => [/^[A-Za-z_][\w-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`, member]));
  if (!Array.isArray(value)) return undefined;
  const named = byName(value);
  return named === undefined ? undefined : new Map([...named].map(([name, item]) => [`[${name}]`, item]));
}

export function stateChanges(before: DesiredState | undefined, after: DesiredState | undefined, digest: Digest): StateChange[] {
  const found: StateChange[] = [];
  const digested = (text: string): string => `sha256:${digest(text).slice(0, DIGEST_CHARACTERS)}`;

  function shown(value: unknown): string | null {
    if (value === undefined) return null;
    const text = canonicalJson(value);
    return isSecret(value) || text.length > LONGEST_TEXT ? digested(text) : text;
  }

  function compare(path: string, left: unknown, right: unknown): void {
    if (left === right || (left !== undefined && right !== undefined && canonicalJson(left) === canonicalJson(right))) return;
    const [leftMembers, rightMembers] = [members(left), members(right)];
    // What comes or goes as a whole is told by its parts as well, so that nothing within is hidden.
    const isOpen = (one: ReadonlyMap<string, unknown> | undefined, other: unknown): boolean => one !== undefined && one.size > 0 && (other === undefined || other === null);
    if ((leftMembers !== undefined && rightMembers !== undefined) || isOpen(leftMembers, right) || isOpen(rightMembers, left)) {
      const names = new Set([...(leftMembers ?? new Map<string, unknown>()).keys(), ...(rightMembers ?? new Map<string, unknown>()).keys()]);
      for (const name of [...names].sort()) compare(`${path}${name}`, leftMembers?.get(name), rightMembers?.get(name));
      return;
    }
    found.push({ path, before: shown(left), after: shown(right), ...(isSecret(left) || isSecret(right) ? { secret: true as const } : {}) });
  }

  compare('', before, after);
  return found;
}
