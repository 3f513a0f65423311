import fc from 'fast-check';
import { expect, test } from 'vitest';
import { activeIssuer, renewalTime, renewalTimeAfterCall, type Validity } from './schedule.ts';

const DAY = 86_400_000;

test('of documents of the first form, the issuing CA signs that has more than 7 days left, or the newest', () => {
  const [first, second]: readonly Validity[] = [{ notBefore: 0, notAfter: 90 * DAY }, { notBefore: 45 * DAY, notAfter: 135 * DAY }];
  expect(activeIssuer([first!, second!], 83 * DAY - 1)).toBe(0);
  expect(activeIssuer([first!, second!], 83 * DAY)).toBe(1);
  expect(activeIssuer([first!], 90 * DAY)).toBe(-1);
});

test('renewal falls between 40 % and 60 % of the life', () => {
  expect(renewalTime({ notBefore: 0, notAfter: 1000 }, 0)).toBe(400);
  expect(renewalTime({ notBefore: 0, notAfter: 1000 }, 0.5)).toBe(500);
  expect(renewalTime({ notBefore: 0, notAfter: 1000 }, 0.999999)).toBe(599);
});

test('what the hub called for is renewed between 10 % and 60 % of its life', () => {
  expect(renewalTimeAfterCall({ notBefore: 0, notAfter: 1000 }, 0)).toBe(100);
  expect(renewalTimeAfterCall({ notBefore: 0, notAfter: 1000 }, 0.5)).toBe(350);
  expect(renewalTimeAfterCall({ notBefore: 0, notAfter: 1000 }, 0.999999)).toBe(599);
});

test('a fleet whose certificates were called for together, or in two parts some time apart, is never renewed by more than twice the mean at a time', () => {
  const [CLUSTERS, HOUR, LIFE] = [8000, 60, 24 * 60];
  fc.assert(fc.property(fc.integer({ min: 1, max: 2_147_483_646 }), fc.integer({ min: 0, max: CLUSTERS }), fc.integer({ min: 0, max: 48 }), (seed, later, hours) => {
    let state = seed;
    const uniform = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const from = hours * HOUR;
    const quarters = new Uint32Array(48 * 4);
    for (let cluster = 0; cluster < CLUSTERS; cluster += 1) {
      const called = cluster < later ? from : 0;
      for (let at = renewalTimeAfterCall({ notBefore: called, notAfter: called + LIFE }, uniform()); at < from + 48 * HOUR; at = renewalTime({ notBefore: at, notAfter: at + LIFE }, uniform())) {
        if (at >= from) quarters[Math.floor((at - from) / 15)]! += 1;
      }
    }
    expect(Math.max(...quarters)).toBeLessThanOrEqual(2 * CLUSTERS / 48);
  }), { numRuns: 20 });
});
