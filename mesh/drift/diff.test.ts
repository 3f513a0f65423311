import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DriftOverride } from '../model/desired.ts';
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
    expect(review({ oslo: '1' }, theirs, null)).toMatchObject({ action: 'write', drift: [] });
    expect(review({ oslo: '2' }, { ...theirs, revert: true }, null)).toMatchObject({ action: 'write', drift: [] });
  });

  test('revert permits writing and deleting over a person\'s change', () => {
    const changed = actual({ oslo: 'x' }, { revert: true });
    expect(review({ oslo: '1' }, changed, { oslo: '1' }).action).toBe('write');
    expect(review(null, changed, { oslo: '1' }).action).toBe('delete');
    expect(review({ oslo: '1' }, actual({ oslo: '1' }, { revert: true }), { oslo: '1' }).action).toBe('write');
  });
});

describe('decisions', () => {
  const name = 'Secret kube-system/cilium-clustermesh';
  const decide = (action: 'keep' | 'overwrite', path: string, value: string | null): DriftOverride => ({ object: name, path, action, actual: value === null ? 'absent' : `sha256:${digest(value)}`, decision: 'd1' });
  const decided = (desired: Record<string, string>, found: Record<string, string>, last: Record<string, string>, overrides: DriftOverride[], spent: string[] = []) =>
    reviewManaged(secret(desired), actual(found, { managers: { oslo: 'kubectl-edit' } }), written(last), [], 5000, digest, { overrides, spent });

  test('what is accepted is no drift, is left out of writes, and counts as written', () => {
    const review = decided({ oslo: '1', rome: '2' }, { oslo: 'x', rome: '1' }, { oslo: '1', rome: '1' }, [decide('keep', '.data.oslo', 'x')]);
    expect(review).toMatchObject({ action: 'write', drift: [], leave: ['oslo'], record: written({ oslo: 'x', rome: '2' }) });
    expect(decided({ oslo: '1' }, { oslo: 'x' }, { oslo: 'x' }, [decide('keep', '.data.oslo', 'x')])).toMatchObject({ action: 'keep', drift: [] });
  });

  test('who changes an accepted value again has made a new change', () => {
    expect(decided({ oslo: '1' }, { oslo: 'y' }, { oslo: 'x' }, [decide('keep', '.data.oslo', 'x')])).toMatchObject({ action: 'hold', drift: [{ path: '.data.oslo', expected: `sha256:${digest('x')}` }] });
  });

  test('an acceptance that is taken back is written over, for it was ours by then', () => {
    expect(decided({ oslo: '1' }, { oslo: 'x' }, { oslo: 'x' }, [])).toMatchObject({ action: 'write', drift: [], leave: [], record: written({ oslo: '1' }) });
  });

  test('a permission to overwrite is for exactly what was seen, and for once', () => {
    const permission = decide('overwrite', '.data.oslo', 'x');
    expect(decided({ oslo: '1' }, { oslo: 'x' }, { oslo: '1' }, [permission])).toMatchObject({ action: 'write', drift: [], leave: [], spends: [`d1 ${name} .data.oslo`] });
    expect(decided({ oslo: '1' }, { oslo: 'newer' }, { oslo: '1' }, [permission])).toMatchObject({ action: 'hold', spends: [] });
    expect(decided({ oslo: '1' }, { oslo: 'x' }, { oslo: '1' }, [permission], [`d1 ${name} .data.oslo`])).toMatchObject({ action: 'hold', spends: [] });
  });

  test('a deletion can be accepted, or taken back once', () => {
    const gone = (overrides: DriftOverride[]) => reviewManaged(secret({ oslo: '1' }), null, written({ oslo: '1' }), [], 5000, digest, { overrides, spent: [] });
    expect(gone([decide('keep', '', null)])).toMatchObject({ action: 'keep', drift: [] });
    expect(gone([decide('overwrite', '', null)])).toMatchObject({ action: 'write', spends: [`d1 ${name} `] });
    expect(gone([])).toMatchObject({ action: 'hold' });
    expect(decided({ oslo: '1', rome: '1' }, { rome: '1' }, { oslo: '1', rome: '1' }, [decide('keep', '.data.oslo', null)])).toMatchObject({ action: 'write', leave: ['oslo'], record: written({ rome: '1' }) });
  });

  test('what nobody changed follows new desired states beside what somebody did', () => {
    expect(decided({ oslo: '1', rome: '2' }, { oslo: 'x', rome: '1' }, { oslo: '1', rome: '1' }, [])).toMatchObject({ action: 'write', leave: ['oslo'], drift: [{ path: '.data.oslo' }], record: written({ oslo: '1', rome: '2' }) });
  });
});

test('whatever happens: nobody\'s change is written over without a word of theirs, and what is recorded is what was written', () => {
  const values = fc.dictionary(fc.constantFrom('oslo', 'rome', 'lima'), fc.constantFrom('1', '2', '3'), { maxKeys: 3 });
  const overrides = fc.array(fc.record({
    object: fc.constant('Secret kube-system/cilium-clustermesh'), path: fc.constantFrom('.data.oslo', '.data.rome', '.data.lima'), action: fc.constantFrom('keep' as const, 'overwrite' as const),
    actual: fc.constantFrom('absent', ...['1', '2', '3'].map((value) => `sha256:${digest(value)}`)), decision: fc.constantFrom('a', 'b'),
  }), { maxLength: 4 });
  fc.assert(fc.property(values, values, values, overrides, (wanted, found, last, given) => {
    const review = reviewManaged(secret(wanted), actual(found), written(last), [], 1, digest, { overrides: given, spent: [] });
    // The dumb twin: writes as told, key by key.
    const after = { ...found };
    if (review.action === 'write') {
      for (const key of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
        if (review.leave.includes(key)) continue;
        if (wanted[key] === undefined) delete after[key];
        else after[key] = wanted[key];
      }
    }
    for (const key of ['oslo', 'rome', 'lima']) {
      const text = found[key] === undefined ? 'absent' : `sha256:${digest(found[key])}`;
      const permitted = given.some((one) => one.path === `.data.${key}` && one.actual === text && one.action === 'overwrite');
      if (found[key] !== last[key] && !permitted) expect(after[key] === found[key] || after[key] === wanted[key]).toBe(true);
      if (found[key] !== last[key] && found[key] !== wanted[key] && !permitted) expect(after[key]).toBe(found[key]);
    }
    // Looked at again, nothing more is to be done.
    if (review.action === 'write') {
      const again = reviewManaged(secret(wanted), actual(after), review.record, [], 1, digest, { overrides: given, spent: review.spends });
      expect(again.action).not.toBe('write');
      expect(again.drift.map(({ path }) => path)).toEqual(review.drift.map(({ path }) => path));
    }
  }), { numRuns: 2000 });
});
