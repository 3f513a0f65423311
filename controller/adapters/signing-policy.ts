/** Pinned keys of bundles' signers, from a file that whoever mounts it may replace: a revocation counts without a restart. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { readSigningPolicy } from '../../certs/index.ts';
import type { SigningPolicy } from '../../mesh/model/bundle.ts';
import type { Log } from '../../mesh/ports/log.ts';
import { AdvisedError } from '../runtime/errors.ts';
import { yamlProblem } from './yaml-problem.ts';

/** Throws a sentence that names the file and the place in it. */
function read(text: string): SigningPolicy {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new AdvisedError('user', `is not YAML: ${yamlProblem((error as Error).message)}`);
  }
  const { policy, problem } = readSigningPolicy(value);
  if (policy === undefined) throw new AdvisedError('user', problem);
  return policy;
}

/** Hundreds of keys fit. Of something else a parser may need many seconds, in which a hub does nothing. */
const MOST_CHARACTERS = 262_144;

function textOf(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AdvisedError('user', `--bundle-keys ${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  if (text.length > MOST_CHARACTERS) throw new AdvisedError('user', `--bundle-keys ${path}: has ${text.length} characters; at most ${MOST_CHARACTERS} are read`);
  return text;
}

function policyOf(path: string, text: string): SigningPolicy {
  try {
    return read(text);
  } catch (error) {
    throw new AdvisedError('user', `--bundle-keys ${path}: ${(error as Error).message}`);
  }
}

/** For one reading: a command's. */
export const readSigningPolicyFile = (path: string): SigningPolicy => policyOf(path, textOf(path));

/** Each call gives the file as it is now; where it cannot be read any more, as it was last, and that is logged once. */
export function watchedSigningPolicy(path: string, log: Log): () => SigningPolicy {
  let text = textOf(path);
  let policy = policyOf(path, text);
  let said = '';
  return () => {
    try {
      const now = textOf(path);
      if (now !== text) policy = policyOf(path, now);
      text = now;
      said = '';
    } catch (error) {
      const problem = (error as Error).message;
      if (problem !== said) log.error({ problem }, 'the pinned keys of bundles cannot be read; those read last are used');
      said = problem;
    }
    return policy;
  };
}
