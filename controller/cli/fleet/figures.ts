/** Asks the hub about capacity, page by page, and shows figures as people read them. */
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { MatchedFleet } from '../../../mesh/inventory/capacity-answers.ts';
import { figuresOf, GIBIBYTE, gpuCount } from '../../../mesh/inventory/figures.ts';
import { pointedAt } from '../../../mesh/inventory/pointing.ts';
import { parseQuery } from '../../../mesh/inventory/query.ts';
import { fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import type { ResourceAmounts } from '../../../mesh/model/cluster.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { age } from '../output/index.ts';
import { matchObjects, orFromObjects, PATIENCE_SECONDS, readable } from './ask.ts';
import { pastInstant } from './at.ts';

/** Of which clusters, and when. */
export type OfClusters = Pick<NonNullable<InquiryObject['spec']['report']>, 'text' | 'saved' | 'at'>;

/** What the person wrote: a query, `@NAME` of a saved one, or nothing; and the moment. */
export function ofClusters(environment: Environment, query: string, at: string | undefined): OfClusters {
  const moment = at === undefined ? {} : { at: toRfc3339(pastInstant('--at', at, environment.now())) };
  const parsed = query.startsWith('@') ? undefined : parseQuery(readable(query));
  if (parsed !== undefined && 'problem' in parsed) throw new UsageProblem(pointedAt(parsed, query));
  return { ...(query.startsWith('@') ? { saved: query.slice(1) } : query.trim() === '' ? {} : { text: query }), ...moment };
}

interface Asked<Answer> {
  readonly of: OfClusters;
  readonly spec: (next: { readonly continue: string } | OfClusters) => InquiryObject['spec'];
  /** Puts the rows of a further page behind those before. */
  readonly join: (answer: Answer, page: Answer) => Answer;
  /** Where no hub answers. */
  readonly from: (fleet: MatchedFleet) => Answer;
}

/** The hub's answer, all pages of it, or what the Cluster objects tell. */
export async function askCapacity<Answer extends { readonly continue?: string }>(environment: Environment, { of, spec, join, from }: Asked<Answer>): Promise<Answer> {
  const client = await environment.connect();
  const inquireOf = (next: { readonly continue: string } | OfClusters): Promise<Answer> => inquire<Answer>(environment, client, spec(next), PATIENCE_SECONDS);
  return orFromObjects(environment, of.at, async () => {
    let answer = await inquireOf(of);
    for (let next = answer.continue; next !== undefined && !environment.signal.aborted;) {
      const page = await inquireOf({ continue: next });
      answer = join(answer, page);
      next = page.continue;
    }
    return answer;
  }, async () => {
    const { head, rows, objects } = await matchObjects(environment, client, of);
    const figures = rows.map(({ name }) => {
      const object = objects.get(name)!;
      const doubt = object.status?.conditions?.find(({ type }) => type === 'Consistent')?.message;
      return figuresOf(name, fieldsOf(object), { doubt });
    });
    return from({ head, figures });
  }, (sentence) => environment.err(`${sentence}\n`));
}

export const UNKNOWN = '<unknown>';
/** `12.5`; at most one decimal. */
const decimal = (value: number): string => String(Number(value.toFixed(1)));
export const cores = (amounts: ResourceAmounts | null): string => (amounts === null ? UNKNOWN : decimal(amounts.cpuMilli / 1000));
export const gibibytes = (amounts: ResourceAmounts | null): string => (amounts === null ? UNKNOWN : `${decimal(amounts.memoryBytes / GIBIBYTE)}Gi`);
export const gpus = (amounts: ResourceAmounts | null): string => (amounts === null ? UNKNOWN : String(gpuCount(amounts)));
/** `current`: of what is as of the asked moment. */
export const since = (asOf: number | null, at: number, current: string): string => (asOf === null ? current : asOf === 0 ? UNKNOWN : `${age(asOf, at)} ago`);
