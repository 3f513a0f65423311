import { describe, expect, it } from 'vitest';
import { isUnknown, type Known } from './unknown.ts';

const known = (more: Partial<Known> = {}): Known => ({ exportsOf: () => false, verdictsOf: () => false, reportOf: () => false, joined: () => true, allowed: () => true, ...more });

describe('isUnknown', () => {
  it.each<[string, Partial<Known>, boolean]>([
    ['until its cluster has spoken', {}, true],
    ['no more once it has', { exportsOf: () => true }, false],
    ['no more once the cluster has left', { joined: () => false }, false],
    ['no more once no policy allows it', { allowed: () => false }, false],
  ])('an export is unknown %s', (_, more, expected) => {
    expect(isUnknown(known(more), 'oslo', 'ImportedFact', 'berlin/shop/checkout')).toBe(expected);
  });

  it('asks about the export that the name names', () => {
    let asked = '';
    isUnknown(known({ allowed: (fact) => { asked = `${fact.cluster} ${fact.namespace} ${fact.name}`; return true; } }), 'oslo', 'ImportedFact', 'berlin/shop/checkout');
    expect(asked).toBe('berlin shop checkout');
  });

  it('never withdraws an assignment, and always an evacuation, a question or a name that is none', () => {
    expect(isUnknown(known(), 'oslo', 'DesiredRevision', 'oslo')).toBe(true);
    for (const type of ['Evacuation', 'Question'] as const) expect(isUnknown(known(), 'oslo', type, 'x')).toBe(false);
    expect(isUnknown(known(), 'oslo', 'ImportedFact', 'nonsense')).toBe(false);
  });

  it('keeps verdicts and addresses until their sources have spoken', () => {
    expect(isUnknown(known(), 'oslo', 'ExportVerdict', 'shop/checkout')).toBe(true);
    expect(isUnknown(known({ verdictsOf: (cluster) => cluster === 'oslo' }), 'oslo', 'ExportVerdict', 'shop/checkout')).toBe(false);
    expect(isUnknown(known(), 'oslo', 'PeerAddress', 'berlin')).toBe(true);
    expect(isUnknown(known({ reportOf: (cluster) => cluster === 'berlin' }), 'oslo', 'PeerAddress', 'berlin')).toBe(false);
  });
});
