/** A Bundle in a file, as `kubectl apply -f` takes it; comments and order of what is not touched stay. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Document, parseAllDocuments } from 'yaml';
import { apiVersionOf, Bundle } from '../../../mesh/api/resources/index.ts';
import { bundleText, textDigest } from '../../../mesh/bundle/digest.ts';
import { readBundleSpec } from '../../../mesh/bundle/spec.ts';
import type { BundleDelivery } from '../../../mesh/model/bundle.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { yamlProblem } from '../../adapters/yaml-problem.ts';
import { CommandFailure, UsageProblem } from '../environment.ts';

export interface BundleFile {
  readonly path: string;
  readonly document: Document.Parsed;
  readonly name: string;
  readonly package: string;
  readonly version: string;
  readonly delivery: BundleDelivery;
}

interface BundleLike { readonly apiVersion?: unknown; readonly kind?: unknown; readonly metadata?: { readonly name?: unknown }; readonly spec?: unknown }

export function textOf(option: string, path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new UsageProblem(`${option} ${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

const MOST_ALIASES = 100;

/** Where two values differ first, in the order of their keys; undefined: nowhere. */
function difference(a: unknown, b: unknown, path: string): string | undefined {
  if (canonicalJson(a) === canonicalJson(b)) return undefined;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || a instanceof Date || b instanceof Date) return path;
  const [left, right] = [a, b] as readonly Readonly<Record<string, unknown>>[] as [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>];
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const found = difference(left[key] ?? null, right[key] ?? null, Array.isArray(a) ? `${path}[${key}]` : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return path;
}

/** kubectl reads YAML 1.1 (`on` is true, `0644` is 420), others 1.2: what the two read otherwise would get one digest here and another there. */
function ambiguity(text: string, object: unknown): string | undefined {
  const [older] = parseAllDocuments(text, { version: '1.1', schema: 'yaml-1.1' });
  return older === undefined ? undefined : difference(object, older.toJS({ maxAliasCount: MOST_ALIASES }), '')?.replace(/^\./, '');
}

/** One Bundle and nothing else: a signature over one of several would leave open which one was read. */
export function readBundleFile(path: string): BundleFile {
  const text = textOf('-f', path);
  const documents = parseAllDocuments(text);
  const [document, more] = 'empty' in documents ? [] : documents;
  if (document === undefined || more !== undefined) throw new UsageProblem(`-f ${path}: holds ${document === undefined ? 'no document' : 'several documents'}; give one Bundle a file`);
  const [wrong] = document.errors;
  if (wrong !== undefined) throw new UsageProblem(`-f ${path}: is no YAML that can be read: ${yamlProblem(wrong.message)}`);
  const object = document.toJS({ maxAliasCount: MOST_ALIASES }) as BundleLike | null;
  if (object?.kind !== 'Bundle' || object.apiVersion !== apiVersionOf(Bundle)) throw new UsageProblem(`-f ${path}: ${object?.kind === undefined ? 'has no kind' : `is ${JSON.stringify(object.apiVersion ?? null)} ${JSON.stringify(object.kind)}`}; give a Bundle of ${apiVersionOf(Bundle)}`);
  const unclear = ambiguity(text, object);
  if (unclear !== undefined) throw new CommandFailure(`${path}: ${unclear}: readers of YAML 1.1, such as kubectl, and of 1.2 read this otherwise; write it in quotes, or out in full`);
  const read = readBundleSpec(object.spec);
  if (read.content === undefined) throw new CommandFailure(`${path}: ${read.problem}`);
  const content = bundleText(read.content);
  return {
    path, document, name: typeof object.metadata?.name === 'string' ? object.metadata.name : '', package: read.content.package, version: read.content.version,
    delivery: { digest: textDigest(content, sha256Hex), content, signatures: read.signatures },
  };
}

/** Whole or not at all. */
export function writeBundleFile({ path, document }: Pick<BundleFile, 'path' | 'document'>): void {
  const beside = `${path}.${process.pid}.new`;
  writeFileSync(beside, document.toString({ lineWidth: 0 }));
  renameSync(beside, path);
}
