import { expect, test } from 'vitest';
import { meshSpec } from './mesh.ts';

const problems = (spec: object): string[] => meshSpec.safeParse({ clusters: {}, ...spec }).error?.issues.map(({ path }) => path.join('.')) ?? [];

test('a check is gone without for a reason alone, and only one that can be', () => {
  expect(problems({ skips: [{ check: 'CidrOverlap', clusters: ['berlin', 'oslo'], reason: 'never routed' }] })).toEqual([]);
  for (const reason of [undefined, '', '   ', 'x'.repeat(513)]) expect(problems({ skips: [{ check: 'CidrOverlap', reason }] })).not.toEqual([]);
  expect(problems({ skips: [{ check: 'ClusterIdConflict', reason: 'I know' }] })).toEqual(['skips.0.check']);
  expect(problems({ skips: [{ check: 'CidrOverlap', clusters: [], reason: 'x' }] })).toEqual(['skips.0.clusters']);
  expect(problems({ skips: Array.from({ length: 33 }, () => ({ check: 'CidrOverlap', reason: 'x' })) })).toEqual(['skips']);
});

test('an id is declared free with who held it, and why', () => {
  expect(problems({ releaseIds: [{ id: 2, cluster: 'oslo', reason: 'burned down' }] })).toEqual([]);
  for (const id of [0, 512, 1.5]) expect(problems({ releaseIds: [{ id, cluster: 'oslo', reason: 'x' }] })).toEqual(['releaseIds.0.id']);
  expect(problems({ releaseIds: [{ id: 2, cluster: 'oslo' }] })).toEqual(['releaseIds.0.reason']);
});
