/** What a person wrote into a managed object stands until a person changes it. */
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { PersonEdit } from '../hosts.ts';
import type { Invariant } from './invariant.ts';

interface Seen extends PersonEdit { readonly actual: string | undefined }

export const personKept: Invariant<readonly Seen[]> = {
  name: 'a person\'s value stands',
  capture: (fleet) => fleet.personEdits.map((edit) => ({ ...edit, actual: fleet.member(edit.host).read<SecretObject>(Secret, edit)?.data?.[edit.key] })),
  assert(edits) {
    const lost = edits.find(({ value, actual }) => value !== actual);
    return lost === undefined ? undefined : `${lost.host}: Secret ${lost.namespace}/${lost.name} .data.${lost.key} was a person's and is overwritten`;
  },
  print: (edits) => edits.map(({ host, namespace, name, key, value, actual }) => `${host} ${namespace}/${name} .data.${key}: ${value === actual ? 'stands' : 'overwritten'}`).join('\n'),
};
