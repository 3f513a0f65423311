import { describe, expect, test } from 'vitest';
import { FAULT_KINDS, scheduleOf } from './schedule.ts';
import { seedsFrom } from './seeds.ts';

describe('a schedule', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(scheduleOf(7)).toEqual(scheduleOf(7));
    expect(new Set(Array.from({ length: 50 }, (_, seed) => JSON.stringify(scheduleOf(seed + 1)))).size).toBe(50);
  });

  test('of the twenty seeds holds every kind at least three times', () => {
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= 20; seed++) {
      for (const phase of scheduleOf(seed).phases) for (const { kind } of phase.faults) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    expect(FAULT_KINDS.filter((kind) => (counts.get(kind) ?? 0) < 3)).toEqual([]);
  });

  test('never has a phase without a fault, names no kind twice, and keeps its bounds', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { phases, clockRate, pageSize } = scheduleOf(seed);
      const kinds = phases.flatMap(({ faults }) => faults.map(({ kind }) => kind));
      expect(new Set(kinds).size).toBe(kinds.length);
      expect(clockRate).toBeGreaterThan(0);
      expect(pageSize).toBeGreaterThan(0);
      for (const { faults, milliseconds } of phases) {
        expect(faults.length).toBeGreaterThan(0);
        expect(milliseconds).toBeLessThan(1000);
        for (const { every, amount } of faults) {
          expect(every).toBeGreaterThanOrEqual(1);
          expect(amount).toBeLessThan(1);
        }
      }
    }
  });

  test('asks for stale lists only where lists come in pages', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { streaming, phases } = scheduleOf(seed);
      expect(streaming && phases.some(({ faults }) => faults.some(({ kind }) => kind === 'stale-list'))).toBe(false);
    }
  });
});

describe('the seeds to run', () => {
  test('are twenty, or those that FAULT_SEED names', () => {
    expect(seedsFrom(undefined)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(seedsFrom('7')).toEqual([7]);
    expect(seedsFrom('7,9')).toEqual([7, 9]);
    expect(seedsFrom('30-33')).toEqual([30, 31, 32, 33]);
    expect(() => seedsFrom('x')).toThrow('FAULT_SEED');
    expect(() => seedsFrom('9-7')).toThrow('FAULT_SEED');
  });
});
