/** What one run changes of a cluster's state, done to the state that the cluster has now: everything else stays as it is. Pure. */
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { BundleReference } from '../../../mesh/model/bundle.ts';
import type { DesiredState } from '../../../mesh/model/desired.ts';
import type { RunRecord } from '../../../mesh/ports/records.ts';
import { plannedPart, withBundle, withBundlesOf, withoutPackage } from '../../../mesh/bundle/compose.ts';

type Bundled = Pick<DesiredState, 'bundles'>;
const packageOf = ({ bundles = [] }: Bundled, name: string): BundleReference | undefined => bundles.find((bundle) => bundle.package === name);
const same = (a: BundleReference | undefined, b: BundleReference | undefined): boolean => canonicalJson(a ?? null) === canonicalJson(b ?? null);

/** Packages in which the two differ, sorted. */
export function changedPackages(before: Bundled, after: Bundled): string[] {
  const names = [...before.bundles ?? [], ...after.bundles ?? []].map((bundle) => bundle.package);
  return [...new Set(names)].sort().filter((name) => !same(packageOf(before, name), packageOf(after, name)));
}

/** Whether a package that differs between the two is neither as in the one nor as in the other: somebody has changed it since. */
export const isSuperseded = (now: Bundled, before: Bundled, after: Bundled): boolean =>
  changedPackages(before, after).some((name) => ![before, after].some((state) => same(packageOf(state, name), packageOf(now, name))));

/** From `before` to `after` a run of that kind changed the planned part, or packages: `now` with that part as in `after`. */
export function carry(changes: RunRecord['changes'], now: DesiredState, before: DesiredState, after: DesiredState): DesiredState {
  if (changes === 'Plan') return withBundlesOf(plannedPart(after), now);
  return changedPackages(before, after).reduce((state, name) => {
    const wanted = packageOf(after, name);
    return wanted === undefined ? withoutPackage(state, name) : withBundle(state, wanted);
  }, now);
}
