import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that take longest start first, so that at the end none runs alone; by size, as vitest has it, some of them would be among the last. */
const LONGEST = [
  'embedded/thread', 'embedded/runbook', 'embedded/data-folder', 'sim/faults', 'embedded/fleet-query', 'sim/updates-thousand', 'rollout/killed', 'rollout/bounds', 'completion/shells',
  'kube/thread', 'kube/others/others', 'kube/updates/updates', 'kube/fleet-query', 'identity/rotation', 'cilium/rotation', 'cilium/mesh', 'cilium/tutorial', 'drift/real', 'identity/joining', 'drift/embedded', 'contract/real',
].map((name) => `/${name}.test.ts`);
const rankOf = ({ moduleId }: TestSpecification): number => {
  const index = LONGEST.findIndex((name) => moduleId.endsWith(name));
  return index < 0 ? LONGEST.length : index;
};
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}

/** What they promise within seconds they measure while nothing else takes the processors. */
const MEASURE_TIMES = ['client', 'election', 'revocation'].map((name) => `e2e/kube/${name}.test.ts`);
/** They wait for servers two thirds of their time, so a third file finds room. A group of its own, as vitest wants it of a project with more workers than others. */
const THREE_AT_ONCE = { maxWorkers: 3, sequence: { groupOrder: 1 } };
/** `expect.poll`, too, ends only what hangs. */
const PATIENT = { poll: { timeout: 30_000 } };
const ON_KUBE = { globalSetup: ['e2e/kube/assets.setup.ts', 'e2e/kube/upstream/prepare.setup.ts'], testTimeout: 300_000, hookTimeout: 300_000 };

/**
 * Two processors and one closing line: what `npm test` runs. Suites on real servers have projects of their own, so that nothing starts them by accident.
 * Time limits only end what hangs: on a busy machine a good test may take many times as long as it does alone.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Loading modules anew for each of its hundreds of files took a quarter of its time: those of one worker share them. What a test changes for all, it takes back; a hook of a shared module is set in a function, which each file calls.
      { test: { name: 'unit', isolate: false, include: ['{mesh,certs,controller}/**/*.test.ts', 'e2e/{layout,generate}/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000, expect: PATIENT } },
      { test: { name: 'embedded', include: ['e2e/{sim,embedded,bench,identity}/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000, expect: PATIENT } },
      { test: { ...ON_KUBE, ...THREE_AT_ONCE, name: 'kube', include: ['e2e/kube/**/*.test.ts'], exclude: ['e2e/kube/{contract,faults}/**', ...MEASURE_TIMES] } },
      { test: { ...ON_KUBE, name: 'kube-alone', include: MEASURE_TIMES, fileParallelism: false } },
      { test: { ...THREE_AT_ONCE, name: 'cilium', globalSetup: 'e2e/kube/assets.setup.ts', include: ['e2e/cilium/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000 } },
      { test: { name: 'contract', globalSetup: 'e2e/kube/assets.setup.ts', include: ['e2e/kube/contract/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 300_000 } },
      { test: { name: 'faults', globalSetup: 'e2e/kube/assets.setup.ts', include: ['e2e/kube/faults/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false } },
      { test: { name: 'datapath', globalSetup: 'e2e/kube/assets.setup.ts', include: ['e2e/datapath/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false } },
      { test: { name: 'kind', globalSetup: 'e2e/kube/assets.setup.ts', include: ['e2e/kind/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 600_000, fileParallelism: false } },
      { test: { name: 'charts', globalSetup: 'e2e/kube/assets.setup.ts', include: ['e2e/charts/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false } },
    ],
  },
});
