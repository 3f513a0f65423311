/** What a mesh says of its pairs. */
import { expect, test } from 'vitest';
import { peered } from './peered.ts';

const members = ['berlin', 'oslo', 'rome'].map((name, index) => ({ name, clusterId: index + 1, desiredId: `of-${name}` }));
type Status = NonNullable<ReturnType<Parameters<typeof peered>[1]>>;
const well = (name: string, peering: Status['peering'] = { reads: 2, waiting: 0 }): Status => ({ current: { id: `of-${name}`, appliedAt: '', by: '' }, peering });
const judge = (special: Readonly<Record<string, Status | undefined>> = {}, conflicts: readonly never[] = []) =>
  peered({ members, conflicts }, (name) => (name in special ? special[name] : well(name)), 3);

test('all pairs are connected where every cluster has applied the plan and waits for nobody', () => {
  expect(judge()).toEqual({ condition: { type: 'Peered', status: 'True', reason: 'Peered', message: 'all 6 pairs are connected', observedGeneration: 3 }, pairsWaiting: 0 });
});

test('pairs that wait are counted, the first few by name and reason', () => {
  const waitsFor = [{ peer: 'oslo', reason: 'takes no connection' }];
  expect(judge({ berlin: well('berlin', { reads: 0, waiting: 2, waitsFor }) })).toMatchObject({
    condition: { status: 'False', reason: 'Waiting', message: '2 of 6 pairs wait: berlin waits for oslo: takes no connection; and 1 more' }, pairsWaiting: 2,
  });
});

test('who has not applied the plan, or does not say, keeps it from being said', () => {
  expect(judge({ rome: { ...well('rome'), current: { id: 'older', appliedAt: '', by: '' } } }).condition).toMatchObject({ status: 'False', reason: 'Applying', message: 'rome has not applied the plan yet' });
  expect(judge({ rome: { current: well('rome').current } }).condition).toMatchObject({ status: 'Unknown', reason: 'NotSaid', message: expect.stringContaining('rome has not said whom it reads') });
  expect(peered({ members, conflicts: [] }, () => undefined, 1)).toEqual({ condition: expect.objectContaining({ status: 'False', reason: 'Applying' }) });
  expect(judge({}, [undefined as never]).condition).toMatchObject({ status: 'False', reason: 'NotPlanned' });
});
