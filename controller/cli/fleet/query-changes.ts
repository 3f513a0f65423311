/** Changes of a query's result, in each format: `kubectl get --watch --output-watch-events`. */
import { stringify } from 'yaml';
import type { QueryAnswer, QueryRow } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { Environment } from '../environment.ts';
import { aligned, type Cells, csv, type Format } from '../output/index.ts';
import { csvOf, provenance, tableOf } from './query-listing.ts';

const EVENT_WIDTH = 'MODIFIED'.length;
const LEAST_WIDTH = 12;
const MOST_COLUMNS = 66;

export interface ResultChange {
  /** `DELETED`: it is no longer part of the result; the row is as it was before. */
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly row: QueryRow;
}

export interface ChangePrinter {
  /** Before the changes of the first answer. */
  first(answer: QueryAnswer): void;
  changes(changes: readonly ResultChange[], answer: QueryAnswer): void;
}

export function createChangePrinter(environment: Environment, options: { readonly output: Format; readonly headers: boolean; readonly quiet: boolean }): ChangePrinter {
  const { output, quiet } = options;
  let { headers } = options;
  /** Columns stay as wide as they were, and are not narrow at first, so that lines that come later stand below. */
  let widths: readonly number[] = [EVENT_WIDTH, ...Array.from({ length: MOST_COLUMNS }, () => LEAST_WIDTH)];

  function lines(cells: Cells, changes: readonly ResultChange[], heading: string): readonly (readonly string[])[] {
    const all = [...headers ? [[heading, ...cells.headings]] : [], ...cells.rows.map((row, at) => [changes[at]?.type ?? '', ...row])];
    headers = false;
    return all;
  }

  function text(changes: readonly ResultChange[], answer: QueryAnswer): string {
    const changed = { ...answer, rows: changes.map(({ row }) => row) };
    switch (output) {
      case 'json': return changes.map(({ type, row }) => `${JSON.stringify({ type, object: row })}\n`).join('');
      case 'yaml': return changes.map(({ type, row }) => `---\n${stringify({ type, object: row })}`).join('');
      case 'name': return changes.map(({ row }) => `cluster.isthmus.dev/${row.name}\n`).join('');
      case 'csv': return csv(lines(csvOf(changed), changes, 'event'));
      case 'table': case 'wide': {
        const all = lines(tableOf(changed, output === 'wide'), changes, 'EVENT');
        const printed = aligned(all, widths);
        widths = printed.widths;
        return printed.text;
      }
    }
  }

  return {
    first(answer) {
      if (!quiet) environment.err(provenance(answer));
      if (answer.rows.length === 0) environment.err('No cluster matches yet.\n');
    },
    changes(changes, answer) {
      if (changes.length > 0) environment.out(text(changes, answer));
    },
  };
}
