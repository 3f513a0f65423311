/** A bundle's content as a value, or a sentence why it is none. Total: whatever the text, it ends with one of both. */
import type { BundleContent, HealthRule } from '../model/bundle.ts';
import { canonicalJson } from '../model/canonical.ts';
import { dnsLabelProblem } from '../model/names.ts';
import { guardProblem } from './guard.ts';
import { healthRuleProblem } from './health.ts';
import { jsonProblem, utf8Length } from './json.ts';
import { bundleObjects, groupOf, objectKey, objectName } from './objects.ts';
import { API_VERSION, KIND, partProblem } from './part.ts';
import { first, shapeProblem } from './shape.ts';
import { parseSemanticVersion } from './version.ts';

const MOST_PARTS = 32;
const MOST_OBJECTS = 500;
const MOST_BYTES = 512 * 1024;
const MOST_RULES = 64;

export type ParsedBundle = { readonly content: BundleContent; readonly problem?: never } | { readonly content?: never; readonly problem: string };

/** As it was stored or sent: exactly the canonical form, so that one content has one text and one digest. */
export function parseBundle(text: string): ParsedBundle {
  if (utf8Length(text) > MOST_BYTES) return { problem: tooLarge(utf8Length(text)) };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'the content is not JSON' };
  }
  const read = readBundle(value);
  if (read.content !== undefined && canonicalJson(read.content) !== text) return { problem: 'the content is not in its canonical form (RFC 8785: sorted keys, no white space, no key twice), so it has no digest; write it anew from the Bundle' };
  return read;
}

const tooLarge = (bytes: number): string => `the content has ${bytes} bytes as canonical JSON, at most ${MOST_BYTES} are allowed; divide it into packages`;

/** From any value, as YAML or the Kubernetes API gives it. */
export function readBundle(value: unknown): ParsedBundle {
  const problem = jsonProblem('content', value) ?? contentProblem(value);
  if (problem !== undefined) return { problem };
  const content = value as BundleContent;
  const bytes = utf8Length(canonicalJson(content));
  return bytes > MOST_BYTES ? { problem: tooLarge(bytes) } : { content };
}

function contentProblem(value: unknown): string | undefined {
  const shape = shapeProblem('content', value, ['schema', 'package', 'version', 'parts', 'health']);
  if (shape !== undefined) return shape;
  const { schema, package: name, version, parts, health } = value as Record<keyof BundleContent, unknown>;
  if (schema !== 1) return `schema: ${JSON.stringify(schema)} is not known; this program reads 1`;
  if (typeof name !== 'string') return 'package: is not a text';
  if (typeof version !== 'string' || parseSemanticVersion(version) === undefined) return `version: ${JSON.stringify(version)} is not a semantic version; write MAJOR.MINOR.PATCH`;
  if (!Array.isArray(parts) || parts.length < 1 || parts.length > MOST_PARTS) return `parts: there are ${Array.isArray(parts) ? parts.length : 'none'}; give 1 to ${MOST_PARTS}`;
  if (!Array.isArray(health) || health.length > MOST_RULES) return `health: give at most ${MOST_RULES} rules`;
  return dnsLabelProblem('package', name) ?? first(parts as readonly unknown[], partProblem) ?? first(health as readonly unknown[], ruleProblem) ?? wholeProblem(value as BundleContent);
}

function ruleProblem(rule: unknown, index: number): string | undefined {
  const field = `health[${index}]`;
  const shape = shapeProblem(field, rule, ['apiVersion', 'kind', 'cel']);
  if (shape !== undefined) return shape;
  const { apiVersion, kind, cel } = rule as Record<keyof HealthRule, unknown>;
  if (typeof apiVersion !== 'string' || !API_VERSION.test(apiVersion) || typeof kind !== 'string' || !KIND.test(kind)) return `${field}: ${JSON.stringify(apiVersion)} ${JSON.stringify(kind)} names no kind`;
  const wrong = typeof cel === 'string' ? healthRuleProblem(cel) : 'is not a text';
  return wrong === undefined ? undefined : `${field}.cel: ${wrong}`;
}

/** What no part shows by itself. */
function wholeProblem(content: BundleContent): string | undefined {
  const { parts, health } = content;
  const objects = bundleObjects(content);
  if (objects.length > MOST_OBJECTS) return `parts: ${objects.length} objects in all, at most ${MOST_OBJECTS} are allowed; divide the bundle into packages`;
  return twice(parts.map(({ name }, index) => ({ key: name, place: `parts[${index}].name`, what: `"${name}"` })))
    ?? twice(objects.map(({ reference, place }) => ({ key: objectKey(reference), place, what: objectName(reference) })))
    ?? twice(parts.flatMap(({ agentVersion }, index) => (agentVersion === undefined ? [] : [{ key: '', place: `parts[${index}].agentVersion`, what: 'the agent\'s version' }])))
    ?? twice(health.map(({ apiVersion, kind }, index) => ({ key: `${kind}.${groupOf(apiVersion)}`, place: `health[${index}]`, what: `a rule for ${kind}` })))
    ?? first(objects, ({ reference, manifest, place }) => {
      const problem = guardProblem(reference, manifest);
      return problem === undefined ? undefined : `${place}: ${problem}`;
    });
}

function twice(items: readonly { readonly key: string; readonly place: string; readonly what: string }[]): string | undefined {
  const seen = new Map<string, string>();
  for (const { key, place, what } of items) {
    const before = seen.get(key);
    if (before !== undefined) return `${place}: ${what} is in ${before} already; give it once`;
    seen.set(key, place);
  }
  return undefined;
}
