/** Where the next page of a list begins: opaque to callers, bound to the version of the first page. */
import { isObject } from './json.ts';
import { badRequest } from './problems.ts';

interface ContinueToken {
  readonly version: number;
  /** Sort key of the last object that was given out. */
  readonly after: string;
}

export const encodeContinue = (token: ContinueToken): string => Buffer.from(JSON.stringify(token)).toString('base64url');

export function decodeContinue(text: string): ContinueToken {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown;
    if (isObject(token) && Number.isSafeInteger(token['version']) && typeof token['after'] === 'string') return { version: token['version'] as number, after: token['after'] };
  } catch {
    // Refused below.
  }
  throw badRequest('continue key is not valid');
}
