/** Webhooks that are told of update runs, from a file (YAML) that is read when the hub starts. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { originOf } from '../../mesh/model/origin.ts';
import type { NotificationSink } from '../hub/ports.ts';
import { AdvisedError } from '../runtime/errors.ts';
import { yamlProblem } from './yaml-problem.ts';

const sink = z.strictObject({
  url: z.string().max(2048).refine((text) => /^https?:\/\/[^\s@]+$/.test(text) && URL.canParse(text), 'must be an http:// or https:// URL without a user or a password: put them into a Secret, and name it in authSecret'),
  types: z.array(z.string().regex(/^dev\.isthmus\.run\.[-a-z]*\*?$/, 'must begin with dev.isthmus.run., and may end with *')).min(1).max(32).optional(),
  authSecret: z.string().max(253).optional(),
});
const sinks = z.array(sink).max(16);

/** Of something else than a list of webhooks a parser may need many seconds. */
const MOST_CHARACTERS = 262_144;

/** Throws a sentence that names the file and the place in it. */
export function readNotifications(path: string): readonly NotificationSink[] {
  const fail = (why: string): AdvisedError => new AdvisedError('user', `--notifications ${path}: ${why}`);
  let value: unknown;
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > MOST_CHARACTERS) throw fail(`has ${text.length} characters; at most ${MOST_CHARACTERS} are read`);
    value = parse(text);
  } catch (error) {
    if (error instanceof AdvisedError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw fail(error instanceof Error && error.name === 'YAMLParseError' ? `is not YAML: ${yamlProblem(error.message)}` : `cannot be read (${code ?? String(error)})`);
  }
  const parsed = sinks.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail(`${issue === undefined || issue.path.length === 0 ? 'it' : issue.path.join('.')}: ${issue?.message ?? 'is not understood'}; a list of {url, types, authSecret} is asked for`);
  }
  const seen = new Set<string>();
  for (const { url } of parsed.data) {
    if (seen.has(url)) throw fail(`names an address of ${originOf(url)} twice`);
    seen.add(url);
  }
  return parsed.data as readonly NotificationSink[];
}
