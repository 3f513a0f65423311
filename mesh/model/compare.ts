/** Texts as things with an order: versions, numbers and quantities, times and ages. */
import { fromRfc3339, type Instant } from './instant.ts';

/** Everything that a text can be read as; `500m` is half of something and 500 minutes. */
export interface Scalar {
  readonly number?: number;
  readonly version?: Version;
  readonly time?: Instant;
  readonly durationMilliseconds?: number;
}

interface Version {
  readonly numbers: readonly number[];
  /** Identifiers after `-`; none: a release. */
  readonly prerelease: readonly string[];
}

const VERSION = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** `1.18.12`, `v1.33.1-gke.5`, `1.4`; parts that are left out count as 0. `undefined`: no version. */
export function parseVersion(text: string): Version | undefined {
  const match = text.length > 128 ? null : VERSION.exec(text);
  return match === null ? undefined : { numbers: match[1]!.split('.').map(Number), prerelease: match[2]?.split('.') ?? [] };
}

/** Precedence of Semantic Versioning 2.0.0, section 11: negative, zero or positive. Build metadata does not count. */
export function compareVersions(a: Version, b: Version): number {
  for (let part = 0; part < 4; part++) {
    const difference = (a.numbers[part] ?? 0) - (b.numbers[part] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length;
  for (let part = 0; part < Math.min(a.prerelease.length, b.prerelease.length); part++) {
    const difference = compareIdentifiers(a.prerelease[part]!, b.prerelease[part]!);
    if (difference !== 0) return difference;
  }
  return a.prerelease.length - b.prerelease.length;
}

function compareIdentifiers(a: string, b: string): number {
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aIsNumber && bIsNumber) return Number(a) - Number(b);
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

const QUANTITY = /^([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))(?:([eE][+-]?\d{1,3})|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$/;
const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};

/** A number as Kubernetes writes quantities: `4`, `2.5`, `500m`, `4Gi`, `1e3`. `undefined`: none, or out of range. */
export function parseQuantity(text: string): number | undefined {
  const match = QUANTITY.exec(text);
  if (match === null) return undefined;
  const number = Number(`${match[1]!}${match[2] ?? ''}`) * (FACTORS[match[3] ?? ''] ?? 1);
  return Number.isFinite(number) ? number : undefined;
}

const DURATION = /^(?:\d{1,9}(?:ms|w|d|h|m|s))+$/;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `7d`, `12h`, `1h30m`, `2w`, in milliseconds. `undefined`: none. */
export function parseDuration(text: string): number | undefined {
  if (text.length > 64 || !DURATION.test(text)) return undefined;
  return [...text.matchAll(/(\d+)(ms|w|d|h|m|s)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0);
}

const TIME = /^\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d))?$/;

/** RFC 3339, or a date alone for its first moment in UTC. */
export const parseTime = (text: string): Instant | undefined => (TIME.test(text) ? fromRfc3339(text.toUpperCase()) : undefined);

/** What kind of thing a key's values are. `time` lies behind us and has an age; `deadline` lies ahead and has time left; `list` holds several texts. */
export type ValueKind = 'any' | 'text' | 'boolean' | 'number' | 'version' | 'time' | 'deadline' | 'list';

/** Read as `kind` alone; as everything that it can be where the kind is `any`. */
export function scalarOf(text: string, kind: ValueKind): Scalar {
  const wants = (...kinds: ValueKind[]): boolean => kind === 'any' || kinds.includes(kind);
  const number = wants('number') ? parseQuantity(text) : undefined;
  const version = wants('version') ? parseVersion(text) : undefined;
  const time = wants('time', 'deadline') ? parseTime(text) : undefined;
  const durationMilliseconds = wants('time', 'deadline') ? parseDuration(text) : undefined;
  return {
    ...(number === undefined ? {} : { number }), ...(version === undefined ? {} : { version }),
    ...(time === undefined ? {} : { time }), ...(durationMilliseconds === undefined ? {} : { durationMilliseconds }),
  };
}

/** What `<` and its like can be asked of this kind with this text; a sentence where they cannot. */
export function operandProblem(text: string, kind: ValueKind): string | undefined {
  if (kind === 'text' || kind === 'boolean' || kind === 'list') return `has no order; use =, != or in (…)`;
  if (Object.keys(scalarOf(text, kind)).length > 0) return undefined;
  const wanted = { any: 'a number, a quantity (4Gi), a version (1.4), a time (2026-01-31T12:00:00Z) or an age (7d)', number: 'a number or a quantity (4Gi)', version: 'a version (1.4)', time: 'a time (2026-01-31T12:00:00Z) or an age (7d)', deadline: 'a time (2026-01-31T12:00:00Z) or a span (30d)' }[kind];
  return `is compared with ${JSON.stringify(text)}, which is not ${wanted}`;
}

/**
 * Sign of value - operand; `undefined`: they cannot be compared. Against a span, an age (now - value) is compared, and of a `deadline` the time left (value - now);
 * without `now` no span can be compared. Numbers go before versions: `1.10` against `1.9` are numbers where the key's kind does not say otherwise, `v1.10` is a version.
 */
export function compareScalars(value: Scalar, operand: Scalar, kind: ValueKind, now: Instant | undefined): number | undefined {
  if (value.time !== undefined) {
    if (operand.time !== undefined) return value.time - operand.time;
    if (operand.durationMilliseconds !== undefined && now !== undefined) return (kind === 'deadline' ? value.time - now : now - value.time) - operand.durationMilliseconds;
  }
  if (value.number !== undefined && operand.number !== undefined) return value.number - operand.number;
  if (value.version !== undefined && operand.version !== undefined) return compareVersions(value.version, operand.version);
  return undefined;
}

export type Comparison = '<' | '<=' | '>' | '>=';

export function holds(comparison: Comparison, sign: number): boolean {
  switch (comparison) {
    case '<': return sign < 0;
    case '<=': return sign <= 0;
    case '>': return sign > 0;
    case '>=': return sign >= 0;
  }
}
