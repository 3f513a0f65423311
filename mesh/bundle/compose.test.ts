import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import type { BundleReference } from '../model/bundle.ts';
import type { DesiredState } from '../model/desired.ts';
import { plannedPart, revisionOf, withBundle, withBundlesOf, withoutPackage } from './compose.ts';

const state: DesiredState = {
  schema: 1, cluster: 'oslo', mesh: null, peering: null, trust: { trustDomain: 'example.org', sequence: 1, bundlePem: '' }, failover: [], globalServices: [],
};
const reference = (name: string, version = '1.0.0'): BundleReference => ({ package: name, version, digest: `sha256-${sha256Hex(name + version)}` });

test('a state without bundles has the same id as before there were any', () => {
  expect(revisionOf({ ...state, bundles: [], overrides: [] }, sha256Hex)).toEqual(revisionOf(state, sha256Hex));
});

test('a bundle replaces another version of its package and nothing else', () => {
  const two = withBundle(withBundle(state, reference('shop')), reference('cilium'));
  expect(two.bundles?.map(({ package: name }) => name)).toEqual(['cilium', 'shop']);
  expect(withBundle(two, reference('shop', '2.0.0')).bundles?.map(({ version }) => version)).toEqual(['1.0.0', '2.0.0']);
  expect(withoutPackage(withoutPackage(two, 'shop'), 'cilium')).toEqual(state);
  expect(withoutPackage(two, 'other')).toEqual(two);
});

test('a new plan keeps the bundles, a new bundle keeps the plan', () => {
  const planned = { ...state, mesh: 'europe' };
  const assigned = withBundle(state, reference('shop'));
  expect(withBundlesOf(planned, assigned)).toEqual({ ...planned, bundles: assigned.bundles });
  expect(withBundlesOf(planned, undefined)).toEqual(planned);
  expect(plannedPart(withBundlesOf(planned, assigned))).toEqual(planned);
});

test('in whatever order bundles come, one state has one id', () => {
  const references = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd').map((name) => reference(name)), { selector: ({ package: name }) => name });
  fc.assert(fc.property(references, fc.array(fc.nat(), { minLength: 4, maxLength: 4 }), (bundles, keys) => {
    const shuffled = bundles.map((bundle, index) => ({ bundle, key: keys[index]! })).sort((a, b) => a.key - b.key).map(({ bundle }) => bundle);
    expect(revisionOf(shuffled.reduce(withBundle, state), sha256Hex).id).toBe(revisionOf(bundles.reduce(withBundle, state), sha256Hex).id);
  }));
});
