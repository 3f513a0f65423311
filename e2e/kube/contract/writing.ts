/** What the groups of cases about writes have in common: paths, content types, definitions, and refusals in a form that can be compared. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, ServerSubject } from './subject.ts';

export const TYPES = {
  apply: 'application/apply-patch+yaml', merge: 'application/merge-patch+json', strategic: 'application/strategic-merge-patch+json', json: 'application/json-patch+json', yaml: 'application/yaml',
} as const;
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export const definitionPath = (name = ''): string => (name === '' ? DEFINITIONS : `${DEFINITIONS}/${name}`);

export interface Refusal {
  readonly code: number;
  readonly reason: string | undefined;
  /** `reason field`, each once, sorted. */
  readonly causes: readonly string[];
}

export function refusal({ code, body }: Answer): Refusal {
  const causes = (body.details?.causes ?? []) as readonly { readonly reason?: string; readonly field?: string }[];
  return { code, reason: body.reason, causes: [...new Set(causes.map((cause) => `${cause.reason} ${cause.field}`))].sort() };
}

/** Code, reason and causes of an object that is not valid. */
export const invalid = (...causes: readonly string[]): Refusal => ({ code: 422, reason: 'Invalid', causes: [...causes].sort() });

/** Texts of the `Warning` headers, however many there are of them. */
export function warningsOf({ headers }: Answer): readonly string[] {
  const header = headers['warning'];
  const lines = header === undefined ? [] : Array.isArray(header) ? header : [header];
  return lines.flatMap((line) => [...line.matchAll(/299 - ("(?:[^"\\]|\\.)*")/g)].map((match) => JSON.parse(match[1] as string) as string));
}

/** `manager`, `manager/status` → what it owns, by apply or by update. */
export function ownersOf({ body }: Answer, operation: 'Apply' | 'Update'): Record<string, unknown> {
  const entries = (body.metadata?.managedFields ?? []) as readonly { readonly manager: string; readonly operation: string; readonly subresource?: string; readonly fieldsV1: unknown }[];
  return Object.fromEntries(entries.filter((entry) => entry.operation === operation).map((entry) => [`${entry.manager}${entry.subresource === undefined ? '' : `/${entry.subresource}`}`, entry.fieldsV1]));
}

export async function until<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 150; tries++) {
    const result = await attempt();
    if (result !== undefined) return result;
    await sleep(100);
  }
  throw new Error(`${what}: not within 15 s`);
}

interface Version { readonly name: string; readonly schema: unknown; readonly [more: string]: unknown }

/** A definition of namespaced things of a group; of its versions the first is stored. */
export function definition(group: string, plural: string, kind: string, versions: readonly Version[], more: object = {}): { readonly metadata: { readonly name: string }; readonly [more: string]: unknown } {
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` },
    spec: {
      group, scope: 'Namespaced', names: { plural, kind },
      versions: versions.map(({ schema, ...version }, index) => ({ served: true, storage: index === 0, ...version, schema: { openAPIV3Schema: schema } })),
      ...more,
    },
  };
}

/** Posts a definition and waits until `paths` are served. */
export async function serve(subject: ServerSubject, posted: unknown, paths: readonly string[]): Promise<void> {
  const { code, body } = await subject.ask('POST', `${definitionPath()}?fieldManager=contract`, { body: posted });
  if (code !== 201 && body.reason !== 'AlreadyExists') throw new Error(`definition refused: ${JSON.stringify(body)}`);
  for (const path of paths) await until(path, async () => ((await subject.ask('GET', path)).code === 200 ? true : undefined));
}

/** Makes the namespace where it is absent. */
export async function makeNamespace(subject: ServerSubject, name: string): Promise<void> {
  const { code, body } = await subject.ask('POST', '/api/v1/namespaces?fieldManager=contract', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } });
  if (code !== 201 && body.reason !== 'AlreadyExists') throw new Error(`namespace ${name} refused: ${JSON.stringify(body)}`);
}
