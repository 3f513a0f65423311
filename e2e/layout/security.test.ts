/** docs/security.md names a test for each line that is held: each is there, by file and title. Links of all pages lead somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
const lines = page.split('\n').filter((line) => line.startsWith('- '));
const held = lines.filter((line) => line.startsWith('- ✓ '));
const PROOF = /: `([\w./-]+\.ts)` "(.+)"$/;

/** Titles as they stand in the source: quotes escaped or not, of plain and of parametrised tests. */
function titlesOf(source: string): readonly string[] {
  return [...source.matchAll(/\b(?:test|it|describe)\b[^\n]*?\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"([^"\n]*)")/g), ...source.matchAll(/\]\)\(\s*'((?:[^'\\\n]|\\.)*)'/g)]
    .map(([, single, double]) => (single ?? double ?? '').replaceAll('\\\'', '\''));
}

test('each line is held, with a proof, or is not, and says so', () => {
  expect(held.length).toBeGreaterThan(40);
  expect(lines.filter((line) => !/^- [✓✗] /.test(line))).toEqual([]);
  expect(held.filter((line) => !PROOF.test(line))).toEqual([]);
});

describe('every proof is there', () => {
  test.each(held.map((line) => PROOF.exec(line) ?? []).map(([, file = '', title = '']) => [file, title] as const))('%s: %s', (file, title) => {
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    expect(titlesOf(readFileSync(join(ROOT, file), 'utf8'))).toContain(title);
  });
});

test('a title that is not there would be found out', () => {
  const source = 'describe(\'a\', () => {\n  test.each([1, 2])(\'b\\\'s %s\', () => {});\n  it("c", () => {});\n});\n// test(';
  expect(titlesOf(source)).toEqual(expect.arrayContaining(['a', 'b\'s %s', 'c']));
  expect(titlesOf(source)).not.toContain('d');
});

const anchorOf = (heading: string): string => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} -]/gu, '').replaceAll(' ', '-');

test('links of every page lead to pages and sections that are there', () => {
  const pages = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md')).map((name) => join('docs', name));
  expect(pages.length).toBeGreaterThan(80);
  for (const from of ['README.md', ...pages]) {
    // What stands in code is no link.
    const text = readFileSync(join(ROOT, from), 'utf8').replaceAll(/^```[\s\S]*?^```$|`[^`\n]*`/gm, '');
    for (const [, target = ''] of text.matchAll(/\]\(((?!https?:)[^)\s]+)\)/g)) {
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? join(ROOT, from) : resolve(ROOT, from, '..', file);
      expect(existsSync(path), `${from}: ${target}`).toBe(true);
      if (anchor !== undefined) expect([...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1] ?? '')), `${from}: ${target}`).toContain(anchor);
    }
  }
});
