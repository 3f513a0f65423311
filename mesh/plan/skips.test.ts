import { describe, expect, test } from 'vitest';
import type { CheckSkip } from '../model/mesh-check.ts';
import { SKIPPABLE_CHECKS } from '../model/mesh-check.ts';
import { CHECK_NAMES, CHECKS } from './checks.ts';
import { cidrConflicts } from './cidrs.ts';
import type { Conflict } from './conflict.ts';
import type { Member } from './members.ts';
import { sortOut } from './skips.ts';

const overlap: Conflict = { reason: 'CidrOverlap', message: 'overlap', clusters: ['berlin', 'oslo'] };
const skip = (value: Partial<CheckSkip> = {}): CheckSkip => ({ check: 'CidrOverlap', reason: 'never routed', ...value });
const sorted = (skips: CheckSkip[], found: Conflict[] = [overlap]) => sortOut(found, skips, 'europe');

describe('a finding', () => {
  test('is skipped where the check and all of its clusters are named, and kept with the reason', () => {
    for (const clusters of [undefined, ['berlin', 'oslo'], ['paris', 'oslo', 'berlin']]) {
      expect(sorted([skip(clusters === undefined ? {} : { clusters })])).toMatchObject({ conflicts: [], skipped: [{ ...overlap, because: 'never routed' }], idleSkips: [] });
    }
  });
  test('is not skipped for some of its clusters, for another check, or where nobody may skip it; the skip is said to be idle', () => {
    expect(sorted([skip({ clusters: ['berlin'] })])).toMatchObject({ conflicts: [overlap], idleSkips: ['Mesh europe: spec.skips[0] (CidrOverlap of berlin) skips nothing: what the check finds is about other clusters, too, or is skipped already; take it out'] });
    expect(sorted([skip({ check: 'VersionSkew' })])).toMatchObject({ conflicts: [overlap], idleSkips: [expect.stringContaining('the check finds nothing')] });
    const clash: Conflict = { ...overlap, reason: 'ClusterIdConflict' };
    expect(sorted([skip({ check: 'ClusterIdConflict' as never })], [clash]).conflicts).toEqual([clash]);
  });
  test('refuses, waits or warns as its check does; what agents look at is never idle', () => {
    const of = (reason: Conflict['reason']): Conflict => ({ ...overlap, reason });
    expect(sorted([skip({ check: 'EndpointUnreachable' })], [of('VersionSkew'), of('ClusterIdHeld'), of('KubeProxyReplacementOff')])).toEqual({
      conflicts: [of('VersionSkew')], postponed: [of('ClusterIdHeld')], warnings: [of('KubeProxyReplacementOff')], skipped: [], idleSkips: [],
    });
  });
});

test('the table has every check that can be skipped, and skips are for what would refuse or wait', () => {
  for (const check of SKIPPABLE_CHECKS) expect([check, CHECKS[check].effect]).not.toEqual([check, 'warns']);
  expect([...SKIPPABLE_CHECKS].sort()).toEqual([...SKIPPABLE_CHECKS]);
  expect(new Set(CHECK_NAMES).size).toBe(CHECK_NAMES.length);
});

describe('addresses', () => {
  const member = (name: string, cilium: Partial<Member['cilium']>): Pick<Member, 'name' | 'cilium'> => ({ name, cilium: { podCidrs: [], ...cilium } as Member['cilium'] });
  const found = (...members: ReturnType<typeof member>[]) => cidrConflicts(members).map(({ reason, clusters }) => [reason, ...clusters]);
  test('of nodes are nobody else\'s, neither nodes\' nor pods\'', () => {
    expect(found(member('a', { nodeCidrs: ['192.0.2.1/32'] }), member('b', { nodeCidrs: ['192.0.2.0/31'] }))).toEqual([['CidrOverlap', 'a', 'b']]);
    expect(found(member('a', { nodeCidrs: ['192.0.2.1/32'] }), member('b', { podCidrs: ['192.0.2.0/24'] }))).toEqual([['CidrOverlap', 'a', 'b']]);
    expect(found(member('a', { nodeCidrs: ['192.0.2.1/32'], podCidrs: ['10.0.0.0/8'] }), member('b', { nodeCidrs: ['192.0.2.2/32'] }))).toEqual([]);
  });
  test('of Services may be those of another\'s Services, not of its pods or nodes', () => {
    expect(found(member('a', { serviceCidrs: ['10.96.0.0/12'] }), member('b', { serviceCidrs: ['10.96.0.0/12'] }))).toEqual([]);
    expect(found(member('a', { serviceCidrs: ['10.96.0.0/12'] }), member('b', { podCidrs: ['10.100.0.0/16'] }))).toEqual([['ServiceCidrOverlap', 'a', 'b']]);
    expect(found(member('a', { serviceCidrs: ['fd00:1::/112'] }), member('b', { nodeCidrs: ['fd00::/16'] }))).toEqual([['ServiceCidrOverlap', 'a', 'b']]);
  });
  test('an overlap that is gone without hides none behind it', () => {
    const members = [member('a', { podCidrs: ['10.0.0.0/8'] }), member('b', { podCidrs: ['10.0.0.0/9'] }), member('c', { podCidrs: ['10.0.0.0/10'] })];
    const pairs = (...excused: string[]) => cidrConflicts(members, (_, clusters) => excused.includes([...clusters].sort().join(''))).map(({ clusters }) => clusters.join(''));
    expect(pairs()).toEqual(['ab', 'bc']);
    expect(pairs('ab', 'bc')).toEqual(['ab', 'ac', 'bc']);
  });
});
