/** Processes die, hosts lose each other, connections break: the end is the same and the invariants hold all the way. SIM_SEEDS=1000 or SIM_SEED=17 looks at others. */
import { readFileSync } from 'node:fs';
import { describe, it } from 'vitest';
import { FAULTY } from './faults.ts';
import { runScenario } from './scenario.ts';

const scenario = readFileSync(new URL('scenarios/faults.txt', import.meta.url), 'utf8');
const one = process.env['SIM_SEED'];
const seeds = one === undefined ? Array.from({ length: Number(process.env['SIM_SEEDS'] ?? 20) }, (_, index) => index + 1) : [Number(one)];

describe('the thread under faults', () => {
  it.each(seeds)('seed %i', async (seed) => {
    await runScenario(scenario, { seed, ...FAULTY });
  });
});
