/** Clusters join a mesh and leave it with the real hub and agents in virtual time: in order, over deaths of both, and to the end. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScenario } from './scenario.ts';
import type { TraceEvent } from './trace.ts';

const text = (name: string): URL => new URL(`scenarios/${name}`, import.meta.url);
const STEADY = { network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 }, restMilliseconds: 300 };
const tells = ({ topic, text: what }: TraceEvent): boolean => topic === 'journal' || topic === 'process' || (topic === 'condition' && what.startsWith('Mesh/world Peered'));

it('goes as the golden says (REWRITE=1 writes it anew)', async () => {
  const { summary } = await runScenario(readFileSync(text('joining.txt'), 'utf8'), { seed: 1, ...STEADY, tells });
  if (process.env['REWRITE'] === '1') writeFileSync(text('joining.golden.txt'), summary);
  expect(summary).toBe(readFileSync(text('joining.golden.txt'), 'utf8'));
});
