import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Measurement, MeasurementPhase, MetricGateValue } from '../../model/metric-gate.ts';
import { keepMeasurements, type KeptMeasurements, metricVerdict, MOST_MEASUREMENTS } from './metric.ts';

const gateOf = (more: Partial<MetricGateValue> = {}): MetricGateValue => ({
  address: 'http://prometheus:9090', query: 'up', successCondition: 'result[0] > 0.5', initialDelaySeconds: 0, intervalSeconds: 60, count: 3, failureLimit: 0, inconclusiveLimit: 0, consecutiveErrorLimit: 2, timeoutSeconds: 5, ...more,
});
const LETTERS: Readonly<Record<string, MeasurementPhase>> = { s: 'Successful', f: 'Failed', i: 'Inconclusive', e: 'Error' };
const measured = (letters: string): Measurement[] => letters.split('').map((letter, index) => ({ at: 1000 * index, phase: LETTERS[letter]!, values: [], message: '' }));
const verdictOf = (letters: string, more: Partial<MetricGateValue> = {}) => metricVerdict(gateOf(more), measured(letters), 1_000_000, 0);

describe('verdict', () => {
  test.each([
    ['', {}, 'Waiting'],
    ['ss', {}, 'Waiting'],
    ['sss', {}, 'Passed'],
    ['f', {}, 'Failed'],
    ['f', { failureLimit: 1 }, 'Waiting'],
    ['fsss', { failureLimit: 1 }, 'Passed'],
    ['ff', { failureLimit: 1 }, 'Failed'],
    ['i', {}, 'Inconclusive'],
    ['isss', { inconclusiveLimit: 1 }, 'Passed'],
    ['ee', {}, 'Waiting'],
    ['eee', {}, 'Inconclusive'],
    ['eeseesees', {}, 'Passed'],
    ['eeiee', { inconclusiveLimit: 1 }, 'Waiting'],
    ['sssf', {}, 'Failed'],
    ['fi', {}, 'Failed'],
    ['if', {}, 'Failed'],
    ['eeef', {}, 'Failed'],
  ] as const)('%s with %o is %s', (letters, more, phase) => expect(verdictOf(letters, more).phase).toBe(phase));

  test('the first waits for its delay, the others for the interval, one after an error a shorter time', () => {
    expect(metricVerdict(gateOf({ initialDelaySeconds: 30 }), [], 5000, 5000)).toEqual({ phase: 'Waiting', message: '0 of 3 successful measurements; next at 1970-01-01T00:00:35.000Z', nextAt: 35_000 });
    expect(verdictOf('s').nextAt).toBe(60_000);
    expect(verdictOf('e').nextAt).toBe(10_000);
    expect(verdictOf('see').nextAt).toBe(22_000);
    expect(verdictOf('e', { intervalSeconds: 2 }).nextAt).toBe(2000);
    expect(verdictOf('sss').nextAt).toBeNull();
  });

  test('what was measured before the gate asks does not count', () => expect(metricVerdict(gateOf({ count: 1 }), measured('fs'), 10_000, 1000)).toMatchObject({ phase: 'Passed' }));
});

/** All of them, one after the other, with nothing forgotten. */
function dumb(gate: MetricGateValue, letters: string): string {
  const count = (letter: string): number => letters.split(letter).length - 1;
  if (count('f') > gate.failureLimit) return 'Failed';
  if (count('i') > gate.inconclusiveLimit) return 'Inconclusive';
  if (/e*$/.exec(letters)![0].length > gate.consecutiveErrorLimit) return 'Inconclusive';
  return count('s') >= gate.count ? 'Passed' : 'Waiting';
}

test('keeping the newest alone, over restarts and repeated looks, changes no verdict', () => {
  fc.assert(fc.property(
    fc.string({ unit: fc.constantFrom('s', 's', 's', 'f', 'i', 'e', 'e'), maxLength: 150 }),
    fc.record({ count: fc.integer({ min: 1, max: 60 }), failureLimit: fc.integer({ min: 0, max: 20 }), inconclusiveLimit: fc.integer({ min: 0, max: 20 }), consecutiveErrorLimit: fc.integer({ min: 0, max: 40 }) }),
    fc.array(fc.record({ fresh: fc.integer({ min: 1, max: 5 }), repeated: fc.integer({ min: 0, max: 5 }) }), { minLength: 1, maxLength: 20 }),
    (letters, limits, looks) => {
      const gate = gateOf(limits);
      const all = measured(letters);
      let kept: KeptMeasurements = { measurements: [] };
      for (let from = 0, look = 0; from < all.length; look++) {
        const { fresh, repeated } = looks[look % looks.length]!;
        // A shell may tell what the run has kept already, as long as it tells it in order.
        const told = all.slice(Math.max(0, from - repeated), from + fresh);
        kept = keepMeasurements(kept, told);
        from += fresh;
      }
      expect(kept.measurements.length).toBe(Math.min(MOST_MEASUREMENTS, all.length));
      expect(metricVerdict(gate, kept.measurements, 1e9, 0, kept.earlier).phase).toBe(dumb(gate, letters));
    },
  ), { numRuns: 500 });
});
