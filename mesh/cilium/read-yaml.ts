/** As much YAML as people and tools write Cilium's peer files in: block maps and lists, plain and quoted texts, short flow lists. Anything else is not read, rather than guessed. */

/** Texts stay texts: nothing of these files is a number. null: a key without a value. */
export type Yaml = string | null | readonly Yaml[] | { readonly [name: string]: Yaml };

interface Line { readonly indent: number; readonly text: string }

const DEEPEST = 16;
const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#,&*!|>%@`[\]{}?-][^\s:#,[\]{}]*|-[^\s:#,[\]{}]+):(?:\s+(.*))?$/;

class Unreadable extends Error {}

/** undefined: not read. */
export function readYaml(text: string): Yaml | undefined {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, '')).filter((line) => !/^\s*(#|$)/.test(line))
    .map((line): Line => ({ indent: /^ */.exec(line)![0].length, text: line.trim() }));
  if (lines[0]?.text === '---' && lines[0].indent === 0) lines.shift();
  if (lines.length === 0) return null;
  try {
    const { value, next } = node(lines, 0, 0);
    return next === lines.length ? value : undefined;
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

interface Read { readonly value: Yaml; readonly next: number }

function node(lines: Line[], at: number, depth: number): Read {
  const line = lines[at];
  if (line === undefined || depth > DEEPEST || line.text.includes('\t')) throw new Unreadable();
  if (isItem(line)) return list(lines, at, line.indent, depth);
  if (KEY.test(line.text)) return map(lines, at, line.indent, depth);
  return { value: scalar(line.text), next: at + 1 };
}

const isItem = ({ text }: Line): boolean => text === '-' || text.startsWith('- ');

function list(lines: Line[], start: number, indent: number, depth: number): Read {
  const items: Yaml[] = [];
  let at = start;
  for (let line = lines[at]; line !== undefined && line.indent === indent && isItem(line); line = lines[at]) {
    const rest = line.text.slice(1).trimStart();
    const below = lines[at + 1];
    if (rest === '' && (below === undefined || below.indent <= indent)) {
      items.push(null);
      at += 1;
      continue;
    }
    // What follows the dash is a line of its own, indented as far as it stands.
    if (rest !== '') lines[at] = { indent: indent + line.text.length - rest.length, text: rest };
    const read = node(lines, rest === '' ? at + 1 : at, depth + 1);
    items.push(read.value);
    at = read.next;
  }
  return { value: items, next: end(lines, at, indent) };
}

function map(lines: Line[], start: number, indent: number, depth: number): Read {
  const members = new Map<string, Yaml>();
  let at = start;
  for (let line = lines[at]; line !== undefined && line.indent === indent && !isItem(line); line = lines[at]) {
    const [, key = '', rest = ''] = KEY.exec(line.text) ?? [];
    if (key === '') throw new Unreadable();
    const name = scalar(key);
    if (typeof name !== 'string' || members.has(name)) throw new Unreadable();
    const below = lines[at + 1];
    const nested = withoutComment(rest) === '' && below !== undefined && (below.indent > indent || (below.indent === indent && isItem(below)));
    const read = nested ? node(lines, at + 1, depth + 1) : { value: scalar(rest), next: at + 1 };
    members.set(name, read.value);
    at = read.next;
  }
  return { value: Object.fromEntries(members), next: end(lines, at, indent) };
}

/** A line that is neither of this block nor of one around it. */
function end(lines: readonly Line[], at: number, indent: number): number {
  const line = lines[at];
  if (line !== undefined && line.indent > indent) throw new Unreadable();
  return at;
}

const withoutComment = (text: string): string => (text.startsWith('#') ? '' : text.replace(/\s+#.*$/, '')).trim();

function scalar(text: string): Yaml {
  const double = /^("(?:[^"\\]|\\.)*")\s*(?:\s#.*)?$/.exec(text);
  if (double !== null) {
    try {
      return JSON.parse(double[1] ?? '') as string;
    } catch {
      throw new Unreadable();
    }
  }
  const single = /^'((?:[^']|'')*)'\s*(?:\s#.*)?$/.exec(text);
  if (single !== null) return (single[1] ?? '').replaceAll("''", "'");
  const plain = withoutComment(text);
  if (plain === '' || plain === '~' || plain === 'null') return null;
  if (plain === '[]') return [];
  if (plain === '{}') return {};
  const flow = /^\[([^[\]{}]*)\]$/.exec(plain);
  if (flow !== null) return (flow[1] ?? '').split(',').map((item) => scalar(item.trim()));
  if (/^(---|\.\.\.)/.test(plain) || /^["'[\]{}&*!|>%@`,#?]/.test(plain) || plain.includes(': ') || plain.endsWith(':')) throw new Unreadable();
  return plain;
}
