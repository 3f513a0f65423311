/** What a YAML parser says of a text, fit to be shown: it repeats what it stumbled over, and of a file that is something else altogether that is all of it. */
const LONGEST_QUOTE = 120;

export function yamlProblem(message: string): string {
  const line = message.split('\n', 1)[0] ?? '';
  if (line.startsWith('Maximum call stack size exceeded')) return 'it is nested too deep';
  const place = / at line \d+, column \d+:?$/.exec(line)?.[0] ?? '';
  const what = line.slice(0, line.length - place.length).replace(/[^\x20-\x7e]/g, '?');
  return `${what.length > LONGEST_QUOTE ? `${what.slice(0, LONGEST_QUOTE)}…` : what}${place.replace(/:$/, '')}`;
}
