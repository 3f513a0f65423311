import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { yamlProblem } from './yaml-problem.ts';

function problemOf(text: string): string {
  try {
    parse(text);
  } catch (error) {
    return yamlProblem((error as Error).message);
  }
  throw new Error('it was read');
}

test('a short mistake is told whole, with its place', () => {
  expect(problemOf('keys:\n  a: b: c\n')).toBe('Nested mappings are not allowed in compact mappings at line 2, column 6');
});

test('of a file that is something else altogether a person reads one short line that any terminal bears', () => {
  expect(problemOf(`\0\x1b[2J${'é%@'.repeat(100_000)}: ]`)).toMatch(/^[\x20-\x7e]{1,120}…? at line \d+, column \d+$/);
  expect(problemOf('a: ['.repeat(10_000))).toBe('it is nested too deep');
});
