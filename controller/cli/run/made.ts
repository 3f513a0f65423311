/** What is said of a run that was made or changed. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { Environment } from '../environment.ts';
import { type Format, print } from '../output/index.ts';

export function printMade(environment: Environment, format: Format, run: UpdateRunObject, dryRun: boolean): void {
  const name = `updaterun.isthmus.dev/${run.metadata.name}`;
  if (format === 'table' || format === 'wide') environment.out(`${name} created${dryRun ? ' (dry run)' : ''}\n`);
  else print(environment, format, { headings: ['NAME'], rows: [[run.metadata.name]], value: run, names: [name], empty: '' });
}
