/** Bundles beside the plan in one desired state: each change of one of the two leaves the other as it is. */
import type { BundleReference } from '../model/bundle.ts';
import type { DesiredState } from '../model/desired.ts';
import { compareText } from '../model/order.ts';

export { revisionOf } from '../model/revision.ts';

function withBundles(state: DesiredState, bundles: readonly BundleReference[]): DesiredState {
  const { bundles: _before, ...planned } = state;
  return bundles.length === 0 ? planned : { ...planned, bundles: [...bundles].sort((a, b) => compareText(a.package, b.package)) };
}

/** The planned part and nothing else: what a plan is compared with. */
export const plannedPart = (state: DesiredState): DesiredState => withBundles(state, []);

/** Replaces whatever version of its package the state had. */
export function withBundle(state: DesiredState, { package: name, version, digest }: BundleReference): DesiredState {
  return withBundles(state, [...(state.bundles ?? []).filter((bundle) => bundle.package !== name), { package: name, version, digest }]);
}

export function withoutPackage(state: DesiredState, name: string): DesiredState {
  return withBundles(state, (state.bundles ?? []).filter((bundle) => bundle.package !== name));
}

/** A new plan for a cluster that has `assigned`; undefined: nothing was assigned to it. */
export const withBundlesOf = (planned: DesiredState, assigned: DesiredState | undefined): DesiredState => withBundles(planned, assigned?.bundles ?? []);
