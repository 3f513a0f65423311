import { defineConfig } from 'vitest/config';

/**
 * Two processors and one closing line: what `npm test` runs. Suites on real servers have projects of their own, so that nothing starts them by accident.
 * Time limits only end what hangs: on a busy machine a good test may take many times as long as it does alone.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { name: 'unit', include: ['{mesh,certs,controller}/**/*.test.ts', 'e2e/{layout,generate}/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } },
      { test: { name: 'embedded', include: ['e2e/{sim,embedded,bench,identity}/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000 } },
      { test: { name: 'kube', globalSetup: ['e2e/kube/assets.setup.ts', 'e2e/kube/upstream/prepare.setup.ts'], include: ['e2e/kube/**/*.test.ts'], exclude: ['e2e/kube/{contract,faults}/**'], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false } },
      { test: { name: 'contract', globalSetup: 'e2e/kube/assets.setup.ts', include: ['e2e/kube/contract/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 300_000 } },
      { test: { name: 'faults', globalSetup: 'e2e/kube/assets.setup.ts', include: ['e2e/kube/faults/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false } },
      { test: { name: 'charts', globalSetup: 'e2e/kube/assets.setup.ts', include: ['e2e/charts/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false } },
    ],
  },
});
