/** What is found before a mesh is written, in virtual time. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScenario } from './scenario.ts';

const read = (name: string): string => readFileSync(new URL(`scenarios/${name}`, import.meta.url), 'utf8');
const STEADY = { network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 }, restMilliseconds: 300 };

it.each(['mesh-checks', 'mesh-refusals'])('%s reads as its golden says (REWRITE=1 writes it anew)', async (name) => {
  const { summary } = await runScenario(read(`${name}.txt`), { seed: 1, ...STEADY });
  if (process.env['REWRITE'] === '1') writeFileSync(new URL(`scenarios/${name}.golden.txt`, import.meta.url), summary);
  expect(summary).toBe(read(`${name}.golden.txt`));
});
