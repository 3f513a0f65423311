/** A Bundle's spec as content. What the API server fills in is filled in here too, so that a file has the digest that its object will have. */
import type { BundleContent, DsseSignature } from '../model/bundle.ts';
import { isObject, type JsonObject, jsonProblem, withoutNulls } from './json.ts';
import { readBundle } from './parse.ts';

/** As the schema of the kind has it. */
const HOOK_SECONDS = 600;
const MOST_SIGNATURES = 16;

export type ReadSpec = { readonly content: BundleContent; readonly signatures: readonly DsseSignature[]; readonly problem?: never } | { readonly content?: never; readonly problem: string };

/** Null in an object is nothing said (`creationTimestamp: null`); in the values of a chart it says something, and is left to be refused. */
function withDefaults(part: unknown): unknown {
  if (!isObject(part)) return part;
  const { manifests, hook, patch } = { ...part, ...(withoutNulls({ manifests: part['manifests'], hook: part['hook'], patch: part['patch'] }) as JsonObject) };
  return {
    ...part, ...(manifests === undefined ? {} : { manifests }), ...(hook === undefined ? {} : { hook }), ...(patch === undefined ? {} : { patch }),
    ...(isObject(hook) ? { hook: { timeoutSeconds: HOOK_SECONDS, ...hook } } : {}),
    ...(isObject(patch) && isObject(patch['object']) ? { patch: { ...patch, object: { namespace: '', ...patch['object'] } } } : {}),
  };
}

export function readBundleSpec(spec: unknown): ReadSpec {
  if (!isObject(spec)) return { problem: 'spec: is not an object' };
  const unreadable = jsonProblem('spec', spec, true);
  if (unreadable !== undefined) return { problem: unreadable };
  const { signatures = [], parts, health = [], ...rest } = spec as JsonObject & { readonly signatures?: unknown };
  if (!Array.isArray(signatures) || signatures.length > MOST_SIGNATURES) return { problem: `signatures: give at most ${MOST_SIGNATURES}` };
  const wrong = (signatures as readonly unknown[]).findIndex((signature) => !isObject(signature) || typeof signature['keyid'] !== 'string' || typeof signature['sig'] !== 'string');
  if (wrong >= 0) return { problem: `signatures[${wrong}]: is not a keyid and a sig` };
  const read = readBundle({ schema: 1, ...rest, parts: Array.isArray(parts) ? parts.map(withDefaults) : parts, health });
  return read.problem === undefined ? { content: read.content, signatures: (signatures as readonly DsseSignature[]).map(({ keyid, sig }) => ({ keyid, sig })) } : read;
}
