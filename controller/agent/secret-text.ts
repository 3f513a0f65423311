/** What a Secret holds, as text. */
import type { SecretObject } from '../../mesh/api/resources/core.ts';

export const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
/** Empty: no such key. */
export const secretText = (secret: Pick<SecretObject, 'data'> | undefined, key: string): string => decoded(secret?.data?.[key] ?? '');
