/** `isthmus fleet query --watch`: the result, then each change of it as it comes, until Ctrl-C. */
import { Cluster } from '../../../mesh/api/resources/index.ts';
import type { QueryAnswer, QueryRow } from '../../../mesh/api/resources/inquiry-answers.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { type KubernetesClient, KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import type { Environment } from '../environment.ts';
import { NoAnswer } from '../inquire.ts';
import { ask, type FleetQuestion } from './ask.ts';
import type { ChangePrinter, ResultChange } from './query-changes.ts';

/** The hub may hear of a change a moment after this process has, so it is asked again that much later. */
const SECOND_LOOK_MILLISECONDS = 1000;
/** What moves with time alone (ages) is looked at so often. */
const LONGEST_PAUSE_MILLISECONDS = 15_000;
/** Of a large fleet something changes all the time: asking takes at most a tenth of it, whatever an answer costs. */
const PAUSE_PER_ANSWER = 9;
const TICK_MILLISECONDS = 100;
/** A watch outlives a hub that restarts, and gives up on an API that stays away. */
const PATIENCE_MILLISECONDS = 120_000;

interface Wakes {
  /** Answers that are still to be asked for. */
  due: number;
}

/** Whatever becomes of this watch, the next one begins with a look. */
async function listen(environment: Environment, client: KubernetesClient, wakes: Wakes, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const { resourceVersion } = await client.list(Cluster, { limit: 1 }, signal);
      wakes.due = 2;
      for await (const event of client.watch(Cluster, { resourceVersion }, signal)) if (event.type !== 'BOOKMARK') wakes.due = 2;
    } catch {
      // The asking says what is wrong.
      await environment.sleep(SECOND_LOOK_MILLISECONDS);
    }
  }
}

/** In the order of the new rows, after those that left. The age of a report alone is no change. */
function changesBetween(before: ReadonlyMap<string, QueryRow>, after: readonly QueryRow[]): ResultChange[] {
  const names = new Set(after.map(({ name }) => name));
  const content = ({ columns, unknown }: QueryRow): string => canonicalJson({ columns, unknown });
  return [
    ...[...before.values()].filter(({ name }) => !names.has(name)).map((row): ResultChange => ({ type: 'DELETED', row })),
    ...after.flatMap((row): ResultChange[] => {
      const old = before.get(row.name);
      if (old === undefined) return [{ type: 'ADDED', row }];
      return content(old) === content(row) ? [] : [{ type: 'MODIFIED', row }];
    }),
  ];
}

export async function watchFleet(environment: Environment, client: KubernetesClient, question: FleetQuestion, printer: ChangePrinter, explain: (sentence: string) => void): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([environment.signal, stop.signal]);
  const wakes: Wakes = { due: 1 };
  const listening = listen(environment, client, wakes, signal);
  let rows: ReadonlyMap<string, QueryRow> | undefined;
  let answeredAt = environment.now();
  let said = '';
  const sayOnce = (sentence: string): void => {
    if (sentence !== said) explain(sentence);
    said = sentence;
  };
  try {
    while (!environment.signal.aborted) {
      wakes.due = Math.max(0, wakes.due - 1);
      const began = environment.now();
      let answer: QueryAnswer | undefined;
      try {
        answer = await ask(environment, client, question, sayOnce);
        answeredAt = environment.now();
      } catch (error) {
        const away = error instanceof KubernetesUnreachable || error instanceof NoAnswer;
        if (environment.signal.aborted) return;
        if (rows === undefined || !away || environment.now() - answeredAt > PATIENCE_MILLISECONDS) throw error;
        sayOnce(`trying again: ${error.message}`);
        wakes.due = 1;
      }
      if (answer !== undefined) {
        if (rows === undefined) printer.first(answer);
        printer.changes(changesBetween(rows ?? new Map(), answer.rows), answer);
        rows = new Map(answer.rows.map((row) => [row.name, row]));
      }
      const askedAt = environment.now();
      const shortest = Math.min(LONGEST_PAUSE_MILLISECONDS, Math.max(SECOND_LOOK_MILLISECONDS, (askedAt - began) * PAUSE_PER_ANSWER));
      const pause = (): number => (wakes.due > 0 ? shortest : LONGEST_PAUSE_MILLISECONDS);
      while (!environment.signal.aborted && environment.now() < askedAt + pause()) await environment.sleep(TICK_MILLISECONDS);
    }
  } finally {
    stop.abort();
    await listening;
  }
}
