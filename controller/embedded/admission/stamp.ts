/** Writes down who changed what people want, as the MutatingAdmissionPolicy `isthmus-changes` of the hub's chart does elsewhere. This API has no such policies: it does it by itself, always. */
import { CHANGED_BY, CHANGED_KINDS, RUN_WORDS } from '../../../mesh/api/resources/guard-changes.ts';
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import { equal, isObject, type JsonObject, member, objectAt } from '../json.ts';
import type { ServedKind } from '../kinds.ts';
import type { User } from '../rbac/authority.ts';
import type { Stamp } from '../requests.ts';

const CHANGED = new Set(CHANGED_KINDS.map(({ plural }) => plural));

/** `by` undefined: nobody is named there. */
function name(owner: JsonObject, key: string, by: unknown): void {
  if (by === undefined || by === '') delete owner[key];
  else owner[key] = by;
}

function stampAnnotation(user: string, next: JsonObject, live: JsonObject | undefined): void {
  const changed = live === undefined || !equal(member(live, 'spec'), member(next, 'spec'));
  const before = live === undefined ? undefined : objectAt(objectAt(live, 'metadata'), 'annotations')[CHANGED_BY];
  const metadata = objectAt(next, 'metadata');
  const annotations = member(metadata, 'annotations');
  const by = changed ? user : before;
  if (!isObject(annotations) && by === undefined) return;
  const named = isObject(annotations) ? annotations : {};
  name(named, CHANGED_BY, by);
  metadata['annotations'] = named;
}

function stampWords(user: string, next: JsonObject, live: JsonObject | undefined): void {
  const spec = member(next, 'spec');
  if (!isObject(spec)) return;
  const before = live === undefined ? {} : objectAt(live, 'spec');
  for (const { word, by } of RUN_WORDS) {
    const said = (of: JsonObject): unknown => (of[word] === undefined || of[word] === false ? '' : of[word]);
    name(spec, by, said(before) === said(spec) ? before[by] : user);
  }
}

export const stampAs = ({ name: user }: User): Stamp => ({ group, plural }: ServedKind, next, live) => {
  if (group !== UpdateRun.group) return;
  if (plural === UpdateRun.plural) stampWords(user, next, live);
  else if (CHANGED.has(plural)) stampAnnotation(user, next, live);
};
