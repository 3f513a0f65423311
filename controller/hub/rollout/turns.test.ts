import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Contender, waitingRuns } from './turns.ts';

const run = (name: string, clusters: readonly string[], begun = false): Contender => ({ run: name, begun, clusters });

describe('waitingRuns', () => {
  it('lets disjoint runs go side by side', () => {
    expect(waitingRuns([run('a', ['berlin'], true), run('b', ['oslo']), run('c', ['virginia'])])).toEqual(new Map());
  });

  it('says for whom a run waits, and for which clusters', () => {
    const waiting = waitingRuns([run('a', ['berlin', 'oslo', 'paris', 'rome', 'turin'], true), run('b', ['berlin', 'oslo', 'paris', 'rome', 'turin', 'virginia'])]);
    expect(waiting.get('b')).toBe('waits for run a, which has berlin, oslo and 3 more; "isthmus run stop a" ends it sooner');
  });

  it('lets nobody overtake on a cluster that an older run wants', () => {
    const waiting = waitingRuns([run('a', ['berlin'], true), run('b', ['berlin', 'oslo']), run('c', ['oslo']), run('d', ['virginia'])]);
    expect([...waiting.keys()]).toEqual(['b', 'c']);
    expect(waiting.get('c')).toBe('waits for run b, which is before it and wants oslo');
  });

  it('goes round: no two have one cluster at once, each has its turn, and none waits longer than for those before it', () => {
    const contenders = fc.uniqueArray(fc.record({ run: fc.string({ minLength: 1 }), clusters: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 0 }) }), { selector: (one) => one.run, maxLength: 8 });
    fc.assert(fc.property(contenders, fc.array(fc.nat()), (all, order) => {
      let open: Contender[] = all.map((one) => ({ ...one, begun: false }));
      for (let round = 0; open.length > 0; round += 1) {
        const waiting = waitingRuns(open);
        // The oldest that has not begun never waits for one that has not begun either.
        open = open.map((one) => (waiting.has(one.run) ? one : { ...one, begun: true }));
        const held = open.filter(({ begun }) => begun).flatMap(({ clusters }) => clusters);
        expect(new Set(held).size).toBe(held.length);
        const begun = open.filter((one) => one.begun);
        expect(begun.length).toBeGreaterThan(0);
        const ends = begun[(order[round] ?? 0) % begun.length];
        open = open.filter((one) => one !== ends);
        expect(round).toBeLessThan(all.length);
      }
    }));
  });
});
