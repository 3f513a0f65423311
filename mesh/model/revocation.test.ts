import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isCutOff, isRefused, refusalText, revokedAt } from './revocation.ts';

const instant = fc.integer({ min: 0, max: 4_000_000_000_000 });
/** As the authority does: a minute back, in whole seconds. */
const notBefore = (issuedAt: number): number => Math.floor((issuedAt - 60_000) / 1000) * 1000;

test('nothing that was issued at the instant or before counts, and all that was issued from the next whole second on', () => {
  fc.assert(fc.property(instant, fc.integer({ min: -5000, max: 5000 }), (at, offset) => {
    const issuedAt = at + offset;
    if (issuedAt <= at) expect(isRefused({ at }, notBefore(issuedAt))).toBe(true);
    if (Math.floor(issuedAt / 1000) * 1000 > at) expect(isRefused({ at }, notBefore(issuedAt))).toBe(false);
  }));
  expect(isRefused({ at: 0 }, undefined), 'of which nobody knows when it was issued').toBe(true);
});

test('a cluster is cut off until it joins after that', () => {
  expect([undefined, 4999, 5000, 5001].map((joinedAt) => isCutOff(5000, joinedAt))).toEqual([true, true, true, false]);
});

test('what is declared is a time or nothing; a refusal names cluster, time, reason and the way back', () => {
  expect([revokedAt(undefined), revokedAt({ at: 'soon', reason: '' }), revokedAt({ at: '2030-01-01T00:00:00Z', reason: '' })]).toEqual([undefined, undefined, Date.UTC(2030, 0, 1)]);
  expect(refusalText({ cluster: 'berlin', at: Date.UTC(2030, 0, 1), reason: 'stolen laptop' })).toBe('cluster "berlin": was revoked at 2030-01-01T00:00:00.000Z (stolen laptop), and its certificate was issued before; to let it in again, make a new token with "isthmus join berlin"');
});
