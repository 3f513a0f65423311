import { describe, expect, it } from 'vitest';
import { AGENT_TYPES, HUB_TYPES, type SyncType } from '../model/sync.ts';
import { speakingProblem, SYNC_RULES } from './authorization.ts';

const saying = (type: SyncType, name: string, value: object = {}): string | undefined => speakingProblem('c1', type, { name, version: '1', value: value as never });

describe('who says what', () => {
  it('is the same in the rules and in the lists of what each side publishes', () => {
    const by = (side: 'hub' | 'agent') => Object.entries(SYNC_RULES).filter(([, { from }]) => from === side).map(([type]) => type).sort();
    expect(by('hub')).toEqual([...HUB_TYPES].sort());
    expect(by('agent')).toEqual([...AGENT_TYPES].sort());
  });

  it('lets an agent speak for its own cluster', () => {
    expect(saying('ClusterReport', 'c1')).toBeUndefined();
    expect(saying('AppliedReport', 'c1')).toBeUndefined();
    expect(saying('ExportFact', 'shop/checkout', { cluster: 'c1' })).toBeUndefined();
    expect(saying('DnsSample', 'any', { cluster: 'c1' })).toBeUndefined();
    expect(saying('Answer', 'any')).toBeUndefined();
  });

  it.each(['oslo', 'c10', 'c', '', 'C1', 'c1\0', ' c1', 'c1/', 'с1'])('and not for %j', (other) => {
    for (const problem of [saying('ClusterReport', other), saying('AppliedReport', other), saying('ExportFact', 'shop/checkout', { cluster: other }), saying('DnsSample', 'x', { cluster: other })]) {
      expect(problem).toContain(`speaks for cluster ${JSON.stringify(other)}, and the certificate is of "c1"`);
    }
  });

  it('leaves to the hub what the hub says, of whatever cluster', () => {
    for (const type of HUB_TYPES) for (const cluster of ['c1', 'oslo']) expect(saying(type, cluster, { cluster })).toBe(`${type}: only the hub says this`);
  });

  it('shows no more of long names than a person can read', () => {
    expect(saying('ExportFact', 'n'.repeat(500), { cluster: '\u{1F600}'.repeat(200) })?.length).toBeLessThan(600);
  });
});
