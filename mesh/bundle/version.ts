/** Semantic versions (semver.org 2.0.0) and ranges of them, as npm writes the latter. */
import { compareVersions, parseVersion } from '../model/compare.ts';

export type SemanticVersion = NonNullable<ReturnType<typeof parseVersion>>;

const NUMBER = '(?:0|[1-9][0-9]{0,8})';
const VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`);

/** Three numbers without leading zeros; no `v` before them. */
export function parseSemanticVersion(text: string): SemanticVersion | undefined {
  const version = text.length <= 64 && VERSION.test(text) ? parseVersion(text) : undefined;
  return version?.prerelease.some((part) => /^0\d+$/.test(part)) === true ? undefined : version;
}

interface Bound { readonly operator: '>=' | '>' | '<=' | '<'; readonly version: SemanticVersion }
/** All bounds of one of the alternatives must hold. */
export interface VersionRange { readonly alternatives: readonly (readonly Bound[])[] }

const PARTIAL = /^(\^|~|>=|<=|>|<|=)?\s*v?(x|X|\*|0|[1-9]\d{0,8})(?:\.(x|X|\*|0|[1-9]\d{0,8}))?(?:\.(x|X|\*|0|[1-9]\d{0,8}))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;
const MOST_ALTERNATIVES = 16;

const at = (major: number, minor = 0, patch = 0, prerelease: readonly string[] = []): SemanticVersion => ({ numbers: [major, minor, patch], prerelease });
/** Below every prerelease of it: what an upper bound that was not written out means. */
const before = (major: number, minor = 0, patch = 0): Bound => ({ operator: '<', version: at(major, minor, patch, ['0']) });
const from = (version: SemanticVersion): Bound => ({ operator: '>=', version });

/** `^1.4`, `~2.1.0`, `1.x`, `>=1.2 <2`, `1.2.3 || ^2`, `*`. `undefined`: no range. */
export function parseVersionRange(text: string): VersionRange | undefined {
  if (text.length > 256) return undefined;
  const parts = text.split('||');
  const alternatives = parts.length > MOST_ALTERNATIVES ? [undefined] : parts.map((part) => alternative(part.trim()));
  return alternatives.every((bounds) => bounds !== undefined) ? { alternatives } : undefined;
}

function alternative(text: string): Bound[] | undefined {
  if (text === '') return undefined;
  const bounds = text.replaceAll(/(\^|~|>=|<=|>|<|=)\s+/g, '$1').split(/\s+/).map(comparator);
  return bounds.every((bound) => bound !== undefined) ? bounds.flat() : undefined;
}

function comparator(text: string): Bound[] | undefined {
  const match = PARTIAL.exec(text);
  if (match === null) return undefined;
  const [, operator = '=', ...fields] = match;
  const numbers = fields.slice(0, 3).map((field) => (field === undefined || /^[xX*]$/.test(field) ? undefined : Number(field)));
  const open = numbers.findIndex((number) => number === undefined);
  const given = open === -1 ? 3 : open;
  // `1.x.3` means nothing.
  if (numbers.slice(given).some((number) => number !== undefined) || (fields[3] !== undefined && given < 3)) return undefined;
  const [major = 0, minor = 0, patch = 0] = numbers;
  const version = at(major, minor, patch, fields[3]?.split('.') ?? []);
  if (given === 0) return operator === '<' || operator === '>' ? undefined : [];
  const next = given === 1 ? before(major + 1) : given === 2 ? before(major, minor + 1) : undefined;
  switch (operator) {
    case '^': return [from(version), major > 0 || given === 1 ? before(major + 1) : minor > 0 || given === 2 ? before(0, minor + 1) : before(0, 0, patch + 1)];
    case '~': return [from(version), given === 1 ? before(major + 1) : before(major, minor + 1)];
    case '>=': return [from(version)];
    case '<': return [next === undefined ? { operator, version } : before(major, minor, patch)];
    case '>': return [next === undefined ? { operator, version } : { operator: '>=', version: next.version }];
    case '<=': return [next ?? { operator, version }];
    default: return next === undefined ? [{ operator: '>=', version }, { operator: '<=', version }] : [from(version), next];
  }
}

const HOLDS: Readonly<Record<Bound['operator'], (order: number) => boolean>> = { '>=': (order) => order >= 0, '>': (order) => order > 0, '<=': (order) => order <= 0, '<': (order) => order < 0 };

/** A prerelease is in a range only where one of the bounds names a prerelease of the same three numbers, as npm has it: nobody gets one unasked. */
export function isInRange(version: SemanticVersion, { alternatives }: VersionRange): boolean {
  return alternatives.some((bounds) => bounds.every((bound) => HOLDS[bound.operator](compareVersions(version, bound.version)))
    && (version.prerelease.length === 0 || bounds.some(({ version: { numbers, prerelease } }) => prerelease.length > 0 && !(prerelease.length === 1 && prerelease[0] === '0') && numbers.every((number, index) => number === version.numbers[index]))));
}
