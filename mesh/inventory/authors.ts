/** Who changed a field of a cluster, why, and by which run. */
import type { ClusterFields } from '../model/cluster-fields.ts';
import type { Assignment, HistoryEntry } from '../model/history.ts';

export type Author = Pick<HistoryEntry, 'by' | 'run' | 'reason' | 'approvedBy'>;

/** What is known of an UpdateRun. */
export interface RunAuthor {
  /** The person who asked for it, or the people whose changes it follows from; null: the hub planned it, and nobody is known. */
  readonly requestedBy: string | null;
  readonly reason: string | null;
  readonly approvedBy: readonly string[];
  /** Who let it pass a closed change window on this cluster, and why; absent: nobody, or the window was open. */
  readonly overriddenBy?: string;
}

/** `ManagedFieldsEntry` of the Kubernetes API, as far as it is read here. */
interface Owner {
  readonly manager?: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

export interface AuthorFacts {
  /** Of the cluster: the author of everything observed. */
  readonly agent: string;
  readonly managedFields: readonly Owner[];
  /** Of the object: `isthmus.dev/reason` says why its writer changed what it changed. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly before: ClusterFields;
  readonly after: ClusterFields;
  readonly assignment: Pick<Assignment, 'run'> | null;
  readonly run: (name: string) => RunAuthor | undefined;
}

export const REASON_ANNOTATION = 'isthmus.dev/reason';
const LONGEST_REASON = 1024;
const HUB_CONDITIONS = ['Joined', 'Connected', 'Consistent', 'Ready'];

export function authorsOf(facts: AuthorFacts): (field: string) => Author {
  return (field) => {
    const [head, key] = split(field);
    const plain = (by: string): Author => ({ by, run: null, reason: null, approvedBy: [] });
    switch (head) {
      case 'labels': case 'spec': case 'object': return byWriter(facts, field);
      case 'properties': return isDeclared(facts, field) ? byWriter(facts, `spec.${field}`) : plain(facts.agent);
      case 'identity': case 'revocation': case 'pending': return plain('hub');
      case 'desired': return withOverride(byRun(facts, asked), facts);
      case 'current': return byRun(facts, () => facts.agent);
      case 'conditions': return key === 'Applied' ? byRun(facts, isAssigned(facts, field) ? asked : () => facts.agent) : plain(HUB_CONDITIONS.includes(key) ? 'hub' : facts.agent);
      default: return plain(facts.agent);
    }
  };
}

const asked = (run: RunAuthor | undefined, name: string): string => run?.requestedBy ?? `run/${name}`;

/** Not yet the agent's doing: the hub has just said what is to be. */
const isAssigned = ({ before, after }: AuthorFacts, field: string): boolean => before['desired'] !== after['desired'] && before[field] !== after[field];

function split(field: string): readonly [string, string] {
  const dot = field.indexOf('.');
  return dot < 0 ? [field, ''] : [field.slice(0, dot), field.slice(dot + 1)];
}

/** The run that assigned what the cluster is to have: without one nothing is assigned, or it was taken back. */
function byRun({ assignment, run, agent }: AuthorFacts, by: (run: RunAuthor | undefined, name: string) => string): Author {
  if (assignment === null) return { by: agent, run: null, reason: null, approvedBy: [] };
  const known = run(assignment.run);
  return { by: by(known, assignment.run), run: assignment.run, reason: known?.reason ?? null, approvedBy: known?.approvedBy ?? [] };
}

/** What a window was overridden for stands beside the run's own reason. */
function withOverride(author: Author, { assignment, run }: AuthorFacts): Author {
  const overriddenBy = assignment === null ? undefined : run(assignment.run)?.overriddenBy;
  return overriddenBy === undefined ? author : { ...author, reason: `${author.reason ?? ''}; closed window overridden by ${overriddenBy}`.replace(/^; /, '') };
}

/** Now, or until this change: what is declared hides what the agent reports of the same name. */
const isDeclared = ({ before, after }: AuthorFacts, field: string): boolean => [before, after].some((fields) => Object.hasOwn(fields, `spec.${field}`));

/** Kubernetes tells managers, not users. A reason counts for what its own writer wrote. */
function byWriter({ managedFields, annotations }: AuthorFacts, field: string): Author {
  const writer = lastWriter(managedFields, field);
  const reason = owns(writer?.fieldsV1, ['f:metadata', 'f:annotations', `f:${REASON_ANNOTATION}`]) ? annotations?.[REASON_ANNOTATION]?.slice(0, LONGEST_REASON) : undefined;
  return { by: writer?.manager ?? 'unknown', run: null, reason: reason ?? null, approvedBy: [] };
}

/** Of those who own the field the last writer; where nobody does (it was removed) the last writer of the object. */
function lastWriter(owners: readonly Owner[], field: string): Owner | undefined {
  const writers = owners.filter(({ subresource, manager }) => (subresource ?? '') === '' && manager !== undefined);
  const path = pathOf(field);
  const owning = writers.filter(({ fieldsV1 }) => path.length > 0 && owns(fieldsV1, path));
  return (owning.length > 0 ? owning : writers).reduce<Owner | undefined>((newest, one) => (newest === undefined || (one.time ?? '') >= (newest.time ?? '') ? one : newest), undefined);
}

/** In the text form of FieldsV1 (structured-merge-diff): a member is `f:<name>`. */
function pathOf(field: string): readonly string[] {
  const [head, key] = split(field);
  if (head === 'labels') return ['f:metadata', 'f:labels', `f:${key}`];
  if (head !== 'spec') return [];
  return key.startsWith('properties.') ? ['f:spec', 'f:properties', `f:${key.slice('properties.'.length)}`] : ['f:spec', `f:${key}`];
}

function owns(fields: unknown, path: readonly string[]): boolean {
  let at = fields;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return false;
    at = (at as Readonly<Record<string, unknown>>)[step];
  }
  return true;
}
