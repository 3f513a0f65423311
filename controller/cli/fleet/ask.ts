/** Asks the hub a query, page by page; where no hub answers, reads the Clusters themselves. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { FleetQueryObject } from '../../../mesh/api/resources/fleet-query.ts';
import { Cluster, FleetQuery } from '../../../mesh/api/resources/index.ts';
import type { QueryAnswer, QueryRow } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { readSavedQuery, type SavedQuery } from '../../../mesh/api/saved-query.ts';
import { answerHead, type Head, shownRow, toldAt, USUAL_COLUMNS } from '../../../mesh/inventory/answer.ts';
import { createFleetIndex } from '../../../mesh/inventory/fleet-index.ts';
import { pointedAt } from '../../../mesh/inventory/pointing.ts';
import { readQuery } from '../../../mesh/inventory/reading.ts';
import { type FleetRow, rowOf } from '../../../mesh/inventory/row.ts';
import { fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { inquire, NoAnswer } from '../inquire.ts';
import { listAll } from '../list.ts';

export type FleetQuestion = NonNullable<InquiryObject['spec']['query']>;

/** A hub answers in milliseconds, and whoever asks can also read the Clusters. */
export const PATIENCE_SECONDS = 10;

/** As Inquiry and FleetQuery have it. */
const LONGEST_QUERY = 4096;

export function readable(query: string): string {
  if (query.length > LONGEST_QUERY) throw new UsageProblem(`the query has ${query.length} characters; at most ${LONGEST_QUERY} are read`);
  return query;
}

export async function askHub(environment: Environment, client: KubernetesClient, question: FleetQuestion): Promise<QueryAnswer> {
  const first = await inquire<QueryAnswer>(environment, client, { query: question }, PATIENCE_SECONDS);
  const rows: QueryRow[] = [...first.rows];
  for (let next = first.continue; next !== undefined && !environment.signal.aborted;) {
    const page = await inquire<QueryAnswer>(environment, client, { query: { continue: next } }, PATIENCE_SECONDS);
    rows.push(...page.rows);
    next = page.continue;
  }
  const { continue: _, ...answer } = first;
  return { ...answer, rows };
}

/** undefined: the error says nothing about whether a hub is there. */
function reasonToReadObjects(error: unknown): string | undefined {
  if (error instanceof NoAnswer) return error.message;
  const refused = error instanceof KubernetesError && (error.code === 403 || error.code === 404);
  return refused ? `the hub cannot be asked: ${error.message}` : undefined;
}

/** Where no hub answers, and it is about this moment, what the Cluster objects say. `explain` is told in a sentence that the answer is not the hub's. */
export async function orFromObjects<Answer>(environment: Environment, at: string | undefined, hub: () => Promise<Answer>, objects: () => Promise<Answer>, explain: (sentence: string) => void): Promise<Answer> {
  try {
    return await hub();
  } catch (error) {
    const reason = environment.signal.aborted ? undefined : reasonToReadObjects(error);
    if (reason === undefined) throw error;
    if (at !== undefined) throw new CommandFailure(`${reason.replace(/: is it running.*/, '')}; a past moment is known from its records alone, so the Cluster objects cannot stand in`);
    explain(`${reason}\nreading the Cluster objects instead: who is connected just now, they do not tell`);
    return objects();
  }
}

export const ask = (environment: Environment, client: KubernetesClient, question: FleetQuestion, explain: (sentence: string) => void): Promise<QueryAnswer> =>
  orFromObjects(environment, question.at, () => askHub(environment, client, question), () => fromObjects(environment, client, question), explain);

async function fromObjects(environment: Environment, client: KubernetesClient, question: FleetQuestion): Promise<QueryAnswer> {
  const { head, rows } = await matchObjects(environment, client, question);
  return { ...head.answer, rows: rows.map((row) => shownRow(row, head)) };
}

export async function matchObjects(environment: Environment, client: KubernetesClient, question: Pick<FleetQuestion, 'text' | 'saved' | 'orderBy' | 'columns'>): Promise<{ readonly head: Head; readonly rows: readonly FleetRow[]; readonly objects: ReadonlyMap<string, ClusterObject> }> {
  const index = createFleetIndex();
  const objects = new Map((await listAll<ClusterObject>(client, Cluster, environment.signal)).map((object) => [object.metadata.name, object]));
  for (const [name, object] of objects) index.put(rowOf(name, fieldsOf(object)));
  const { text, columns } = question.saved === undefined ? { text: question.text ?? '', columns: [] } : await savedQuery(environment, client, question.saved);
  const read = readQuery(text, question.orderBy, index.size === 0 ? undefined : index.keys);
  if ('problem' in read) throw new UsageProblem(pointedAt(read, read.text));
  const at = environment.now();
  const shown = [question.columns ?? [], columns].find((some) => some.length > 0) ?? USUAL_COLUMNS;
  return { ...await answerHead({ keys: index.keys, index: () => Promise.resolve(index), total: index.size, from: 'objects', at, heardAt: toldAt(at), notes: [] }, text, read, shown), objects };
}

async function savedQuery(environment: Environment, client: KubernetesClient, name: string): Promise<SavedQuery> {
  const all = await listAll<FleetQueryObject>(client, FleetQuery, environment.signal);
  const read = readSavedQuery(name, all.find(({ metadata }) => metadata.name === name), () => all.map(({ metadata }) => metadata.name));
  if ('problem' in read) throw new CommandFailure(read.problem);
  return read;
}
