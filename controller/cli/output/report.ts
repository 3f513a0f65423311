/** `-o text|json|yaml|name` of commands that do something and report: the same for all of them, also of a dry run. */
import { Option } from 'commander';
import { stringify } from 'yaml';
import type { Environment } from '../environment.ts';

const FORMATS = ['text', 'json', 'yaml', 'name'] as const;
export type ReportFormat = (typeof FORMATS)[number];

export const reportOption = (): Option => new Option('-o, --output <format>', 'of the report').choices(FORMATS).default('text');

export interface Report {
  readonly text: string;
  readonly value: object;
  /** `kind/name` of the object that was written. */
  readonly name: string;
}

export function printReport(environment: Pick<Environment, 'out'>, format: ReportFormat, { text, value, name }: Report): void {
  environment.out(format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : format === 'yaml' ? stringify(value) : format === 'name' ? `${name}\n` : text);
}
