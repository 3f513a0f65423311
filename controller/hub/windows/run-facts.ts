/** What windows ask of a run: its strategy and its package, through the runs that it takes back or tries again. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { WindowRun } from '../../../mesh/model/change-window.ts';

/** Of a run that takes back one that takes back one …; a longer chain keeps what is known so far. */
const MOST_EARLIER_RUNS = 16;
/** Beyond it, what Bundles were that are gone is forgotten. */
const MOST_REMEMBERED = 4096;

/** A Bundle may be deleted while runs bring it: what it was a package of is remembered. */
export function runFacts(runOf: (name: string) => UpdateRunObject | undefined, packageOf: (bundle: string) => string | undefined): (run: string) => WindowRun {
  const packages = new Map<string, string>();

  function rememberedPackage(run: string, bundle: string): string | undefined {
    const found = packageOf(bundle);
    if (found === undefined) return packages.get(run);
    if (packages.size >= MOST_REMEMBERED) packages.clear();
    packages.set(run, found);
    return found;
  }

  return (name) => {
    let strategy: string | undefined;
    let brought: string | undefined;
    for (let run = runOf(name), hops = 0; run !== undefined && hops < MOST_EARLIER_RUNS; hops += 1) {
      const { spec } = run;
      strategy ??= spec.strategy?.name ?? spec.strategyName;
      brought ??= spec.removePackage?.name ?? (spec.bundle === undefined ? undefined : rememberedPackage(run.metadata.name, spec.bundle.name));
      const earlier = spec.undoOf ?? spec.retryOf;
      run = earlier === undefined ? undefined : runOf(earlier);
    }
    return { name, strategy: strategy ?? '', ...(brought === undefined ? {} : { package: brought }) };
  };
}
