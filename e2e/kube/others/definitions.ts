/** Definitions that the cases run on: in our own words, and the projects' own, as far as they are published where a test may get them. */
import { OTHER_DEFINITIONS } from '../../../controller/hub/others/testing/definitions.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { upstreamDefinitions } from '../upstream/definitions.ts';

export interface DefinitionSet {
  readonly origin: string;
  /** ClusterProfile first; then Cluster of Cluster API, Kustomization, HelmRelease. */
  readonly definitions: readonly KubernetesObject[];
}

export const inOurWords: DefinitionSet = { origin: 'definitions in our words', definitions: OTHER_DEFINITIONS };

/** Those of the projects, and in our words the ones that are not published; the origin names them. Once `prepareUpstream` has told of no problem. */
export function ofTheProjects(): DefinitionSet {
  const upstream = upstreamDefinitions();
  const ours: string[] = [];
  const definitions = OTHER_DEFINITIONS.map((words): KubernetesObject => {
    const found = upstream.find(({ metadata: { name } }) => name === words.metadata.name);
    if (found === undefined) ours.push(words.spec.names.kind);
    return found ?? words;
  });
  const application = upstream.filter(({ metadata: { name } }) => name === 'applications.argoproj.io');
  return { origin: `the projects' definitions${ours.length === 0 ? '' : `, ${ours.join(' and ')} in our words`}`, definitions: [...definitions, ...application] };
}
