import { expect, test } from 'vitest';
import { frozenAt, isOver, thawsAt } from './frozen.ts';
import { toRfc3339 } from './instant.ts';

const NOW = Date.UTC(2027, 0, 1);
const reason = 'audit';

test.each([
  ['no freeze', undefined, false, undefined],
  ['no end', { reason }, true, undefined],
  ['an end that is no time', { reason, until: 'someday' }, true, undefined],
  ['an end that is past', { reason, until: toRfc3339(NOW - 1) }, false, undefined],
  ['an end that is now', { reason, until: toRfc3339(NOW) }, false, undefined],
  ['an end to come', { reason, until: toRfc3339(NOW + 1) }, true, NOW + 1],
  ['an end to come, told in another zone', { reason, until: '2027-01-01T01:00:01+01:00' }, true, NOW + 1000],
])('%s', (_name, frozen, holds, ends) => {
  expect(frozenAt(frozen, NOW)).toBe(holds ? frozen : undefined);
  expect(thawsAt(frozen, NOW)).toBe(ends);
});

test('an instant is over from itself on; none is never over', () => {
  expect([NOW - 1, NOW, NOW + 1, null, undefined].map((until) => isOver(until, NOW))).toEqual([true, true, false, false, false]);
});
