import fc from 'fast-check';
import { expect, test } from 'vitest';
import { activeIssuer, ISSUING_ACTIVATE_BEFORE, ISSUING_LIFETIME, ISSUING_PREPARE_BEFORE, issuerDuty, renewalTime, type Validity } from './schedule.ts';

const DAY = 86_400_000;

test('an issuing CA is prepared at 45 days left and signs at 7 days left of its forerunner', () => {
  const first: Validity = { notBefore: 0, notAfter: 90 * DAY };
  expect(issuerDuty([], 0).prepare).toBe(true);
  expect(issuerDuty([first], 45 * DAY - 1)).toEqual({ prepare: false, retire: [], nextAt: 45 * DAY });
  expect(issuerDuty([first], 45 * DAY).prepare).toBe(true);
  const second: Validity = { notBefore: 45 * DAY, notAfter: 135 * DAY };
  expect(activeIssuer([first, second], 83 * DAY - 1)).toBe(0);
  expect(activeIssuer([first, second], 83 * DAY)).toBe(1);
  expect(issuerDuty([first, second], 90 * DAY).retire).toEqual([0]);
  expect(activeIssuer([first], 90 * DAY)).toBe(-1);
});

test('a hub that wakes at any times never signs with an issuer that has less than 7 days left, and waits for something', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 40 * DAY }), { maxLength: 60 }), (steps) => {
    let now = 0;
    let issuers: Validity[] = [];
    for (const step of [0, ...steps]) {
      now += step;
      const duty = issuerDuty(issuers, now);
      issuers = issuers.filter((_, index) => !duty.retire.includes(index));
      if (duty.prepare) issuers.push({ notBefore: now, notAfter: now + ISSUING_LIFETIME });
      const active = issuers[activeIssuer(issuers, now)];
      expect(active?.notAfter ?? 0).toBeGreaterThan(now + ISSUING_ACTIVATE_BEFORE);
      expect(duty.nextAt).toBeGreaterThan(now);
      expect(duty.nextAt).toBeLessThanOrEqual(now + ISSUING_LIFETIME - ISSUING_PREPARE_BEFORE);
      expect(issuers.length).toBeLessThanOrEqual(3);
    }
  }));
});

test('renewal falls between 40 % and 60 % of the life', () => {
  expect(renewalTime({ notBefore: 0, notAfter: 1000 }, 0)).toBe(400);
  expect(renewalTime({ notBefore: 0, notAfter: 1000 }, 0.5)).toBe(500);
  expect(renewalTime({ notBefore: 0, notAfter: 1000 }, 0.999999)).toBe(599);
});
