/** SHA-256 for the pure code. */
import { createHash } from 'node:crypto';
import type { Digest } from '../../mesh/model/canonical.ts';

export const sha256Hex: Digest = (text) => createHash('sha256').update(text, 'utf8').digest('hex');
