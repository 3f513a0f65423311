/** Who stands behind an UpdateRun. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RunAuthor } from '../../../mesh/inventory/authors.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import { listed } from '../../../mesh/model/listed.ts';

const MOST_NAMED = 4;

/** Of a run that the hub made: who changed what it follows from, as far as that is known; null: nobody. */
function editorsOf({ status }: UpdateRunObject): string | null {
  const people = (status?.changedBy ?? []).map(({ person }) => person);
  return people.length === 0 ? null : listed(people, MOST_NAMED);
}

/** `approvers`: the people who have approved a gate of it. `overriddenBy`: who let it pass a closed window. */
export function runAuthor(object: UpdateRunObject | undefined, approvers: readonly string[], overriddenBy: string | undefined): RunAuthor | undefined {
  if (object === undefined) return undefined;
  const { requestedBy, reason } = object.spec;
  return { requestedBy: requestedBy === HUB_FIELD_MANAGER ? editorsOf(object) : requestedBy, reason, approvedBy: approvers, ...(overriddenBy === undefined ? {} : { overriddenBy }) };
}
