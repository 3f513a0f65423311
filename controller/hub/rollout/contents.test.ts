import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../../mesh/model/desired.ts';
import { carry, changedPackages, isSuperseded } from './contents.ts';

const reference = (name: string, major: number) => ({ package: name, version: `${major}.0.0`, digest: `sha256-${name}${major}` });
const state = (mesh: string | null, ...packages: [string, number][]): DesiredState => ({
  schema: 1, cluster: 'berlin', mesh, peering: null, trust: { trustDomain: 'test', sequence: 1, bundlePem: '' }, failover: [], globalServices: [],
  ...(packages.length === 0 ? {} : { bundles: packages.map(([name, major]) => reference(name, major)) }),
});

describe('carry', () => {
  it('of a plan run changes the planned part and keeps the bundles of today', () => {
    expect(carry('Plan', state('europe', ['values', 2]), state('europe', ['values', 1]), state(null))).toEqual(state(null, ['values', 2]));
  });

  it('of a bundle run changes the packages that differed and keeps everything else of today', () => {
    const [before, after] = [state(null, ['dns', 1]), state(null, ['dns', 1], ['values', 1])];
    expect(carry('Bundles', state('europe', ['dns', 2]), before, after)).toEqual(state('europe', ['dns', 2], ['values', 1]));
    expect(carry('Bundles', state('europe', ['dns', 2], ['values', 1]), after, before)).toEqual(state('europe', ['dns', 2]));
    expect(carry('Bundles', state('europe', ['values', 1]), after, before)).toEqual(state('europe'));
  });
});

it('a package is superseded where it is neither as it was nor as the run brought it', () => {
  const [before, after] = [state(null, ['values', 1]), state(null, ['values', 2])];
  expect(changedPackages(before, after)).toEqual(['values']);
  expect([state('x', ['values', 1]), state(null, ['values', 2], ['dns', 9]), state(null, ['values', 3]), state(null)].map((now) => isSuperseded(now, before, after))).toEqual([false, false, true, true]);
});
