import { describe, expect, test } from 'vitest';
import { type ObeyingState, ordersOf } from './orders.ts';

const state = (over: Partial<ObeyingState> = {}): ObeyingState => ({ roots: [{ generation: 2 }], issuers: [{ generation: 4 }, { generation: 5 }], ...over });
const spring = { id: 'spring', of: 'Root', reason: 'yearly' } as const;

test('nothing is asked for: nothing is to be done', () => {
  expect(ordersOf({}, state())).toEqual([]);
});

describe('a rotation', () => {
  const begin = { do: 'begin', ...spring };
  test.each([
    ['begins where none ran yet', {}, [begin]],
    ['begins after another one', { finished: { id: 'winter' } }, [begin]],
    ['is asked for while another one runs: that is refused where it is tried', { rotation: { id: 'winter' } }, [begin]],
    ['has begun already', { rotation: { id: 'spring' } }, []],
    ['is on its way back already', { rotation: { id: 'spring', back: true as const } }, []],
    ['has ended already', { finished: { id: 'spring' } }, []],
  ])('%s', (_, over, orders) => {
    expect(ordersOf({ rotation: spring }, state(over))).toEqual(orders);
  });

  test('takes nothing along that is not for the authority', () => {
    expect(ordersOf({ rotation: { ...spring, strategy: 'at-once' } as typeof spring }, state())).toEqual([begin]);
  });
});

describe('the way back', () => {
  test.each([
    ['of the rotation that runs', { rotation: { id: 'spring' } }, [{ do: 'rollBack', id: 'spring' }]],
    ['was taken already', { rotation: { id: 'spring', back: true as const } }, []],
    ['of an id that nobody knows', { rotation: { id: 'autumn' } }, []],
    ['of one that has ended', { finished: { id: 'spring' } }, []],
    ['while none runs', {}, []],
  ])('%s', (_, over, orders) => {
    expect(ordersOf({ rollBack: { id: 'spring' } }, state(over))).toEqual(orders);
  });

  test('comes after the beginning, where both are asked for at once', () => {
    const spec = { rotation: spring, rollBack: { id: 'spring' } };
    expect(ordersOf(spec, state())).toEqual([{ do: 'begin', ...spring }]);
    expect(ordersOf(spec, state({ rotation: { id: 'spring' } }))).toEqual([{ do: 'rollBack', id: 'spring' }]);
  });
});

describe('a taint', () => {
  const asked = (of: 'Issuing' | 'Root', generation: number, over: Partial<ObeyingState> = {}) => ordersOf({ tainted: [{ of, generation }] }, state(over));

  test('of what is there is done once', () => {
    expect(asked('Issuing', 4)).toEqual([{ do: 'taint', of: 'Issuing', generation: 4 }]);
    expect(asked('Issuing', 4, { issuers: [{ generation: 4, taintedAt: 1 }] })).toEqual([]);
    expect(asked('Root', 2)).toEqual([{ do: 'taint', of: 'Root', generation: 2 }]);
    expect(asked('Root', 2, { roots: [{ generation: 2, taintedAt: 1 }] })).toEqual([]);
  });

  test('of what was dropped since is over, of what there never was is the authority\'s to refuse', () => {
    expect(asked('Issuing', 3)).toEqual([]);
    expect(asked('Root', 1)).toEqual([]);
    expect(asked('Issuing', 6)).toEqual([{ do: 'taint', of: 'Issuing', generation: 6 }]);
    expect(asked('Root', 4)).toEqual([{ do: 'taint', of: 'Root', generation: 4 }]);
  });
});

test('certificates are for a request that is open', () => {
  const spec = { issuingCertificates: ['one', 'two'] };
  expect(ordersOf(spec, state())).toEqual([]);
  expect(ordersOf(spec, state({ request: {} }))).toEqual([{ do: 'install', certificatePem: 'one' }, { do: 'install', certificatePem: 'two' }]);
});

test('what is tainted comes first, then what was signed, then rotations', () => {
  const spec = { rotation: spring, rollBack: { id: 'winter' }, tainted: [{ of: 'Root' as const, generation: 2 }], issuingCertificates: ['one'] };
  expect(ordersOf(spec, state({ request: {}, rotation: { id: 'winter' } })).map((order) => order.do)).toEqual(['taint', 'install', 'begin', 'rollBack']);
});
