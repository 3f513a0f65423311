/** SHA-256 for the pure code. */
import { hash } from 'node:crypto';
import type { Digest } from '../../mesh/model/canonical.ts';

/** UTF-16 code units become at most three bytes each. */
const MOST_BYTES_A_UNIT = 3;
const SMALLEST_BYTES = 1 << 17;
/** Grows to the largest of many parts, of which there is one at a time; what is larger yet is put together. */
const LARGEST_BYTES = 1 << 23;
let room = Buffer.alloc(0);

function ofParts(parts: readonly string[]): string {
  const most = parts.reduce((sum, part) => sum + part.length * MOST_BYTES_A_UNIT, 0);
  if (most > LARGEST_BYTES) return hash('sha256', parts.join(''));
  if (room.length < most) room = Buffer.alloc(Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(most))));
  let end = 0;
  for (const part of parts) end += room.write(part, end, 'utf8');
  return hash('sha256', room.subarray(0, end));
}

export const sha256Hex: Digest = Object.assign((text: string) => hash('sha256', text), { ofParts });
