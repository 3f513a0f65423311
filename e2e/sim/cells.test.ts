/** A mesh that is divided into cells with the real hub and agents in virtual time: who is peered, what crosses and how, a conflict in one cell, and a hub that reads its books again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScenario } from './scenario.ts';
import type { TraceEvent } from './trace.ts';

const text = (name: string): URL => new URL(`scenarios/${name}`, import.meta.url);
const STEADY = { network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 }, restMilliseconds: 300 };
const tells = ({ topic, text: what }: TraceEvent): boolean => topic === 'journal' || topic === 'process' || topic === 'printed' || (topic === 'condition' && (what.startsWith('Mesh/world Planned') || what.includes(' Reachable')));

it('goes as the golden says (REWRITE=1 writes it anew)', async () => {
  const { summary } = await runScenario(readFileSync(text('cells.txt'), 'utf8'), { seed: 1, ...STEADY, tells });
  if (process.env['REWRITE'] === '1') writeFileSync(text('cells.golden.txt'), summary);
  expect(summary).toBe(readFileSync(text('cells.golden.txt'), 'utf8'));
});
