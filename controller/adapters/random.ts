/** The operating system's randomness. */
import { randomBytes } from 'node:crypto';
import type { Random } from '../../mesh/ports/random.ts';

export const systemRandom: Random = {
  bytes: (count) => new Uint8Array(randomBytes(count)),
  uniform: () => Math.random(),
};
