/** Why approval gates of a run hold where nothing vouches for who changed what it carries, and the way out. */
import type { RunState } from '../../../mesh/model/rollout.ts';

const MOST_NAMED = 4;

export function unknownEditors(run: string, state: RunState | undefined): string | undefined {
  const unknown = state?.changedBy?.unknown ?? [];
  if (unknown.length === 0) return undefined;
  const more = unknown.length > MOST_NAMED ? `; and ${unknown.length - MOST_NAMED} more` : '';
  return `${unknown.slice(0, MOST_NAMED).join('; ')}${more}, and who did must not approve: stop this run, and let one who answers for all of it make it again with "isthmus run stop ${run}" and "isthmus run retry ${run}"`;
}
