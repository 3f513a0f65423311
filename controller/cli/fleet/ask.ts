/** Asks the hub a query, page by page; where no hub answers, reads the Clusters themselves. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { FleetQueryObject } from '../../../mesh/api/resources/fleet-query.ts';
import { Cluster, FleetQuery } from '../../../mesh/api/resources/index.ts';
import type { QueryAnswer, QueryRow } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { readSavedQuery, type SavedQuery } from '../../../mesh/api/saved-query.ts';
import { answerHead, shownRow, toldAt, USUAL_COLUMNS } from '../../../mesh/inventory/answer.ts';
import { createFleetIndex } from '../../../mesh/inventory/fleet-index.ts';
import { pointedAt } from '../../../mesh/inventory/pointing.ts';
import { readQuery } from '../../../mesh/inventory/reading.ts';
import { rowOf } from '../../../mesh/inventory/row.ts';
import { fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { inquire, NoAnswer } from '../inquire.ts';
import { listAll } from '../list.ts';

export type FleetQuestion = NonNullable<InquiryObject['spec']['query']>;

/** A hub answers in milliseconds, and whoever asks can also read the Clusters. */
const PATIENCE_SECONDS = 10;

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

/** `explain` is told in a sentence where the answer is not the hub's. */
export async function ask(environment: Environment, client: KubernetesClient, question: FleetQuestion, explain: (sentence: string) => void): Promise<QueryAnswer> {
  try {
    return await askHub(environment, client, question);
  } catch (error) {
    const reason = environment.signal.aborted ? undefined : reasonToReadObjects(error);
    if (reason === undefined) throw error;
    if (question.at !== undefined) throw new CommandFailure(`${reason.replace(/: is it running.*/, '')}; a past moment is known from its records alone, so the Cluster objects cannot stand in`);
    explain(`${reason}\nreading the Cluster objects instead: who is connected just now, they do not tell`);
    return fromObjects(environment, client, question);
  }
}

async function fromObjects(environment: Environment, client: KubernetesClient, question: FleetQuestion): Promise<QueryAnswer> {
  const index = createFleetIndex();
  for (const object of await listAll<ClusterObject>(client, Cluster, environment.signal)) index.put(rowOf(object.metadata.name, fieldsOf(object)));
  const { text, columns } = question.saved === undefined ? { text: question.text ?? '', columns: [] } : await savedQuery(environment, client, question.saved);
  const read = readQuery(text, question.orderBy, index.size === 0 ? undefined : index.keys);
  if ('problem' in read) throw new UsageProblem(pointedAt(read, read.text));
  const at = environment.now();
  const shown = [question.columns ?? [], columns].find((some) => some.length > 0) ?? USUAL_COLUMNS;
  const { head, rows } = await answerHead({ keys: index.keys, index: () => Promise.resolve(index), total: index.size, from: 'objects', at, heardAt: toldAt(at), notes: [] }, text, read, shown);
  return { ...head.answer, rows: rows.map((row) => shownRow(row, head)) };
}

async function savedQuery(environment: Environment, client: KubernetesClient, name: string): Promise<SavedQuery> {
  const all = await listAll<FleetQueryObject>(client, FleetQuery, environment.signal);
  const read = readSavedQuery(name, all.find(({ metadata }) => metadata.name === name), () => all.map(({ metadata }) => metadata.name));
  if ('problem' in read) throw new CommandFailure(read.problem);
  return read;
}
