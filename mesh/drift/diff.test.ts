import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ManagedObject } from '../model/managed.ts';
import { reviewManaged, writtenDigests, type ActualObject } from './diff.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const secret = (data: Record<string, string>): ManagedObject => ({ kind: 'Secret', namespace: 'kube-system', name: 'cilium-clustermesh', data });
const actual = (data: Record<string, string>, over: Partial<ActualObject> = {}): ActualObject =>
  ({ object: secret(data), managers: Object.fromEntries(Object.keys(data).map((key) => [key, 'isthmus-agent'])), ...over });
const written = (data: Record<string, string>): Record<string, string> => writtenDigests(secret(data), digest);
const review = (desired: Record<string, string> | null, found: ActualObject | null, last: Record<string, string> | null, previous = [] as ReturnType<typeof reviewManaged>['drift'], now = 5000) =>
  reviewManaged(desired && secret(desired), found, last && written(last), previous, now, digest);

describe('reviewManaged', () => {
  test.each([
    ['new object', { oslo: '1' }, null, null, 'write'],
    ['nothing wanted, nothing there', null, null, null, 'keep'],
    ['as written, as wanted', { oslo: '1' }, { oslo: '1' }, { oslo: '1' }, 'keep'],
    ['as written, other wanted', { oslo: '2' }, { oslo: '1' }, { oslo: '1' }, 'write'],
    ['wanted no more, untouched', null, { oslo: '1' }, { oslo: '1' }, 'delete'],
    ['wanted no more, not ours', null, { oslo: '1' }, null, 'keep'],
    ['wanted no more, gone already', null, null, { oslo: '1' }, 'keep'],
    ['wanted no more, touched', null, { oslo: 'x' }, { oslo: '1' }, 'hold'],
    ['changed', { oslo: '1' }, { oslo: 'x' }, { oslo: '1' }, 'hold'],
    ['changed, and something else wanted meanwhile', { oslo: '2' }, { oslo: 'x' }, { oslo: '1' }, 'hold'],
    ['changed to exactly what is wanted', { oslo: '2' }, { oslo: '2' }, { oslo: '1' }, 'write'],
    ['key added', { oslo: '1' }, { oslo: '1', rome: 'x' }, { oslo: '1' }, 'hold'],
    ['key removed', { oslo: '1', rome: '1' }, { oslo: '1' }, { oslo: '1', rome: '1' }, 'hold'],
    ['object deleted by someone', { oslo: '1' }, null, { oslo: '1' }, 'hold'],
    ['record lost, all keys ours', { oslo: '2' }, { oslo: '1' }, null, 'write'],
  ] as const)('%s', (_, desired, found, last, action) => {
    const result = review(desired, found && actual(found), last);
    expect(result.action).toBe(action);
    expect(result.drift.length > 0).toBe(action === 'hold');
  });

  test('drift names path, both digests, the manager and when it was first seen; never a value', () => {
    const found = actual({ oslo: 'their-private-value' }, { managers: { oslo: 'kubectl-edit' } });
    const first = review({ oslo: 'our-private-value' }, found, { oslo: 'our-private-value' }, [], 5000);
    expect(first.drift).toEqual([{
      object: 'Secret kube-system/cilium-clustermesh', path: '.data.oslo', expected: `sha256:${digest('our-private-value')}`,
      actual: `sha256:${digest('their-private-value')}`, manager: 'kubectl-edit', firstSeen: 5000,
    }]);
    expect(JSON.stringify(first)).not.toContain('private-value');
    expect(review({ oslo: 'our-private-value' }, found, { oslo: 'our-private-value' }, first.drift, 9000).drift).toEqual(first.drift);
  });

  test('someone else\'s object is held as a whole, adopted only when equal, and taken when told to', () => {
    const theirs = actual({ oslo: '1' }, { managers: { oslo: 'helm' } });
    expect(review({ oslo: '2' }, theirs, null).drift).toMatchObject([{ path: '', manager: 'helm' }]);
    expect(review({ oslo: '1' }, theirs, null)).toEqual({ action: 'write', drift: [] });
    expect(review({ oslo: '2' }, { ...theirs, revert: true }, null)).toEqual({ action: 'write', drift: [] });
  });

  test('revert permits writing and deleting over a person\'s change', () => {
    const changed = actual({ oslo: 'x' }, { revert: true });
    expect(review({ oslo: '1' }, changed, { oslo: '1' }).action).toBe('write');
    expect(review(null, changed, { oslo: '1' }).action).toBe('delete');
    expect(review({ oslo: '1' }, actual({ oslo: '1' }, { revert: true }), { oslo: '1' }).action).toBe('write');
  });
});
