/** Reads a vitest JSON report: first line "passed failed", then each skipped test, so that nothing is silently absent. */
import { readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly testResults: readonly { readonly status: string; readonly name: string; readonly message: string; readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[] }[];
}

const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Report;
const brokenFiles = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.every((result) => result.status !== 'failed'));
console.log(report.numPassedTests, report.numFailedTests + brokenFiles.length);
const skipped = report.testResults.flatMap((file) => file.assertionResults.filter((result) => result.status !== 'passed' && result.status !== 'failed'));
for (const result of skipped) console.log(`skipped: ${result.fullName}`);
const maySkipAll = process.argv[3] === 'may-skip-all' && skipped.length > 0;
if (report.numPassedTests + report.numFailedTests === 0 && !maySkipAll) {
  console.error('no test ran');
  process.exit(1);
}
