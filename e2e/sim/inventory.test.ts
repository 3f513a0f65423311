/** The inventory in virtual time: what people type and read, and what clusters say of themselves that cannot be. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScenario } from './scenario.ts';

const read = (name: string): string => readFileSync(new URL(`scenarios/${name}`, import.meta.url), 'utf8');
const SCENARIOS = ['inventory', 'claims', 'clone', 'drift'];
const STEADY = { network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 }, restMilliseconds: 300 };

it.each(SCENARIOS)('%s reads as its golden says (REWRITE=1 writes it anew)', async (name) => {
  const { summary } = await runScenario(read(`${name}.txt`), { seed: 1, ...STEADY });
  if (process.env['REWRITE'] === '1') writeFileSync(new URL(`scenarios/${name}.golden.txt`, import.meta.url), summary);
  expect(summary).toBe(read(`${name}.golden.txt`));
});

it.each(SCENARIOS)('%s goes the same way over a slow and uneven network', async (name) => {
  await runScenario(read(`${name}.txt`), { seed: 2, network: { latencyMilliseconds: { least: 1, most: 40 } }, callMilliseconds: { least: 0, most: 8 } });
});
