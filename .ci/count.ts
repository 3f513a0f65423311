/**
 * `count.ts REPORT OUTPUT TOLD [may-skip-all]`: of a vitest JSON report the first line "passed failed", then each skipped test, so that nothing is silently absent.
 * What failed and why, in few lines, goes to the file TOLD for the end of the gate: whoever has nothing but its last lines learns it there.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[] }[];
}

const MOST_BLOCKS = 12;
const MOST_LINES = 24;
const LONGEST_LINE = 240;

const [, , reportFile = '', outputFile = '', toldFile = '', may] = process.argv;
const report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;

/** Of the default reporter's output the block of each failure, after what it printed while it ran. */
function failuresIn(output: string): readonly string[] {
  const lines = stripVTControlCharacters(output).split('\n').map((line) => line.slice(0, LONGEST_LINE));
  const below = (index: number, end: RegExp): readonly string[] => {
    const after = lines.slice(index + 1);
    const length = after.findIndex((line) => end.test(line));
    return [lines[index] ?? '', ...after.slice(0, length < 0 ? undefined : length).filter((line) => line.trim() !== '').slice(0, MOST_LINES)];
  };
  const failed = lines.flatMap((line, index) => (line.startsWith(' FAIL ') ? [{ index, title: line.split(' > ').at(-1) ?? '' }] : []));
  const printed = lines.flatMap((line, index) => (/^std(out|err) \| .* > /.test(line) && failed.some(({ title }) => line.endsWith(` > ${title}`)) ? [below(index, /^ *[✓×↓] |^std(out|err) \| /)] : []));
  const blocks = [...printed, ...failed.map(({ index }) => below(index, /^ FAIL |^⎯+/))];
  return [...blocks.slice(-MOST_BLOCKS).flat(), ...(blocks.length > MOST_BLOCKS ? [`and ${blocks.length - MOST_BLOCKS} more`] : [])];
}

const brokenFiles = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.every((result) => result.status !== 'failed'));
console.log(report.numPassedTests, report.numFailedTests + brokenFiles.length);
const told = failuresIn(readFileSync(outputFile, 'utf8'));
if (told.length > 0) writeFileSync(toldFile, `${told.join('\n')}\n`);

const skipped = report.testResults.flatMap((file) => file.assertionResults.filter((result) => result.status !== 'passed' && result.status !== 'failed'));
for (const result of skipped) console.log(`skipped: ${result.fullName}`);
const maySkipAll = may === 'may-skip-all' && skipped.length > 0;
if (report.numPassedTests + report.numFailedTests === 0 && !maySkipAll) {
  console.error('no test ran');
  process.exit(1);
}
