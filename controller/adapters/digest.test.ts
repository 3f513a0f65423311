import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256Hex } from './digest.ts';

test('the digest of a text', () => { expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'); });

test('parts one after another are as the text, whatever they hold and however long they are', () => {
  const part = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('ä'.repeat(70_000), 'x'.repeat(200_000), ''));
  fc.assert(fc.property(fc.array(part, { maxLength: 4 }), (parts) => { expect(sha256Hex.ofParts!(parts)).toBe(sha256Hex(parts.join(''))); }), { numRuns: 50 });
  const large = ['a'.repeat(5_000_000), 'é'];
  expect(sha256Hex.ofParts!(large)).toBe(sha256Hex(large.join('')));
});
