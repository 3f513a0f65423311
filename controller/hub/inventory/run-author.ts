/** Who stands behind an UpdateRun. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RunAuthor } from '../../../mesh/inventory/authors.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';

/** `approvers`: the people who have approved a gate of it. `overriddenBy`: who let it pass a closed window. */
export function runAuthor(object: UpdateRunObject | undefined, approvers: readonly string[], overriddenBy: string | undefined): RunAuthor | undefined {
  if (object === undefined) return undefined;
  const { requestedBy, reason } = object.spec;
  return { requestedBy: requestedBy === HUB_FIELD_MANAGER ? null : requestedBy, reason, approvedBy: approvers, ...(overriddenBy === undefined ? {} : { overriddenBy }) };
}
