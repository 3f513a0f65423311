import { expect, test } from 'vitest';
import { activeIssuer, renewalTime, type Validity } from './schedule.ts';

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
