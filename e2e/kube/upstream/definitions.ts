/** What `prepareUpstream` has made, or the files of a folder that `ISTHMUS_UPSTREAM_DEFINITIONS` names, as objects to install. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { upstreamFolder } from './prepare.ts';

export interface UpstreamDefinition extends KubernetesObject {
  readonly kind: 'CustomResourceDefinition';
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly scope: 'Namespaced' | 'Cluster';
    readonly versions: readonly { readonly name: string; readonly served: boolean; readonly storage: boolean; readonly schema: { readonly openAPIV3Schema: Readonly<Record<string, unknown>> } }[];
  };
}

const isDefinition = (object: unknown): object is UpstreamDefinition => (object as KubernetesObject | null)?.kind === 'CustomResourceDefinition';

function definitionsOf(folder: string): readonly UpstreamDefinition[] {
  const files = readdirSync(folder).filter((file) => /\.ya?ml$/.test(file)).toSorted();
  return files.flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as unknown)).filter(isDefinition);
}

/**
 * Cluster of Cluster API, HelmRelease and Kustomization of Flux, ServiceExport and ServiceImport; of the named folder, whatever it has
 * (first) besides. Throws where `prepareUpstream` was not awaited or told of a problem.
 */
export function upstreamDefinitions(): readonly UpstreamDefinition[] {
  const given = process.env['ISTHMUS_UPSTREAM_DEFINITIONS'] ?? '';
  const first = given === '' ? [] : definitionsOf(given);
  const folder = upstreamFolder();
  const made = given !== '' && !existsSync(folder) ? [] : definitionsOf(folder);
  return [...first, ...made.filter(({ metadata: { name } }) => !first.some((one) => one.metadata.name === name))];
}
