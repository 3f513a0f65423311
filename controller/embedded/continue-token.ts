/** Where the next page of a list begins: opaque to callers, bound to the version of the first page. */
import { isObject } from './json.ts';
import { badRequest } from './problems.ts';

interface ContinueToken {
  /** undefined: whatever is current, since the version of the first page is forgotten. */
  readonly version: number | undefined;
  /** Key of the last object that was looked at. */
  readonly after: string;
}

export const encodeContinue = (token: ContinueToken): string => Buffer.from(JSON.stringify(token)).toString('base64url');

export function decodeContinue(text: string): ContinueToken {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown;
    if (isObject(token) && (token['version'] === undefined || Number.isSafeInteger(token['version'])) && typeof token['after'] === 'string') return { version: token['version'] as number | undefined, after: token['after'] };
  } catch {
    // Refused below.
  }
  throw badRequest('invalid continue token: continue key is not valid: it was not made by this server');
}
