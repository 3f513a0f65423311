/** Definitions of other projects: our own wording of them, or the projects' files where `ISTHMUS_UPSTREAM_DEFINITIONS` names a folder that holds them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { OTHER_DEFINITIONS } from '../../../controller/hub/others/testing/definitions.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';

const folder = process.env['ISTHMUS_UPSTREAM_DEFINITIONS'] ?? '';

/** Throws where the folder lacks one of the kinds. */
export function otherDefinitions(): readonly KubernetesObject[] {
  if (folder === '') return OTHER_DEFINITIONS;
  const given = readdirSync(folder).filter((file) => /\.ya?ml$/.test(file)).flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as KubernetesObject | null));
  return OTHER_DEFINITIONS.map(({ metadata: { name } }) => {
    const found = given.find((object) => object?.kind === 'CustomResourceDefinition' && object.metadata.name === name);
    if (found === undefined || found === null) throw new Error(`${folder} holds no CustomResourceDefinition ${name}`);
    return found;
  });
}

export const origin = folder === '' ? 'definitions in our words' : 'the projects\' definitions';
