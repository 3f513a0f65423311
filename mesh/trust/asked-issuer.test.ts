import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Asked, pauseAfter, planAsking } from './asked-issuer.ts';

const START = 1_000_000_000_000;
const one = (attempt: number, more: Partial<Asked> = {}): Asked => ({ name: `r-${attempt}`, attempt, createdAt: START, state: 'waits-for-approval', said: '', ...more });

test('nothing is asked for where nothing is wanted, and what was asked for is removed', () => {
  expect(planAsking(false, [one(2), one(1)], START)).toEqual({ remove: ['r-1', 'r-2'], reason: 'Idle', message: 'no issuing CA waits for a signature' });
});

test('one request, and people are told whom it waits for', () => {
  expect(planAsking(true, [], START)).toMatchObject({ create: 1, reason: 'Asked' });
  expect(planAsking(true, [one(1)], START)).toMatchObject({ reason: 'WaitsForApproval', nextAt: START + 2000 });
  expect(planAsking(true, [one(1)], START + 3_600_000)).toMatchObject({ nextAt: START + 3_630_000 });
  expect(planAsking(true, [one(1, { state: 'waits-for-issuer', said: 'Referenced "ClusterIssuer" not found' })], START)).toMatchObject({ reason: 'WaitsForIssuer', message: expect.stringContaining('Referenced "ClusterIssuer" not found') as string });
  expect(planAsking(true, [one(1, { state: 'signed' })], START)).toMatchObject({ reason: 'Signed', take: 'r-1' });
});

test.each([
  ['denied', { state: 'denied', said: 'by security (Policy): no' }, 'Denied', 'was denied by security (Policy): no'],
  ['failed', { state: 'failed', said: 'signing failed' }, 'Failed', 'failed: signing failed'],
  ['signed by the wrong one', { state: 'signed', refusal: 'is not signed by the root' }, 'Refused', 'what came is not used: is not signed by the root'],
] as const)('%s: it is said, and asked once more after a pause', (_what, more, reason, text) => {
  const ended = one(1, { ...more, endedAt: START + 1000 });
  expect(planAsking(true, [ended], START + 2000)).toMatchObject({ reason, message: expect.stringContaining(text) as string });
  expect(planAsking(true, [ended], START + 1000 + 299_999).create).toBeUndefined();
  expect(planAsking(true, [ended], START + 1000 + 300_000)).toMatchObject({ create: 2, remove: [], reason });
});

test('pauses grow to twelve hours, and three requests stand at most', () => {
  expect([1, 2, 3, 9, 1000].map((attempt) => pauseAfter(attempt) / 60_000)).toEqual([5, 10, 20, 720, 720]);
  let [asked, now, made]: [Asked[], number, number] = [[], START, 0];
  for (let step = 0; step < 2000; step += 1) {
    const plan = planAsking(true, asked, now);
    asked = asked.filter(({ name }) => !plan.remove.includes(name));
    if (plan.create !== undefined) {
      asked.push(one(plan.create, { createdAt: now, endedAt: now, state: 'failed', said: 'no' }));
      made += 1;
    }
    expect(asked.length).toBeLessThanOrEqual(3);
    now += 60_000;
  }
  // 2,000 minutes: at 0, 5, 15, 35, 75, 155, 315, 635, 1275, 1995.
  expect(made).toBe(10);
});

test('whatever there is, a plan does one thing at most and looks again in time', () => {
  const asked = fc.uniqueArray(fc.record({
    attempt: fc.integer({ min: 1, max: 10_000 }), createdAt: fc.integer({ min: 0, max: START }), said: fc.string(),
    state: fc.constantFrom('waits-for-approval', 'waits-for-issuer', 'signed', 'denied', 'failed'), endedAt: fc.integer({ min: 0, max: START }),
  }), { selector: ({ attempt }) => attempt, maxLength: 8 }).map((list) => list.map((each) => ({ ...each, name: `issuing-${each.attempt}` })));
  fc.assert(fc.property(asked, fc.integer({ min: 0, max: 2 * START }), (list, now) => {
    const plan = planAsking(true, list as Asked[], now);
    expect(plan.create === undefined || plan.take === undefined).toBe(true);
    expect(plan.nextAt).toBeGreaterThan(now);
    expect(plan.remove).not.toContain(plan.take);
    if (plan.create !== undefined) expect(list.map(({ attempt }) => attempt)).not.toContain(plan.create);
  }));
});
