/** A metric gate with the real hub and agents in virtual time: passed over a death of the hub, held where nothing is measured, failed by a canary that is worse. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScenario } from './scenario.ts';
import type { TraceEvent } from './trace.ts';

const text = (name: string): URL => new URL(`scenarios/${name}`, import.meta.url);
const STEADY = { network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 }, restMilliseconds: 300 };
const tells = ({ topic }: TraceEvent): boolean => topic === 'journal' || topic === 'asked' || topic === 'printed' || topic === 'process';

it('metric gates pass, hold and fail as the golden says (REWRITE=1 writes it anew)', async () => {
  const { summary } = await runScenario(readFileSync(text('gates.txt'), 'utf8'), { seed: 1, ...STEADY, tells });
  if (process.env['REWRITE'] === '1') writeFileSync(text('gates.golden.txt'), summary);
  expect(summary).toBe(readFileSync(text('gates.golden.txt'), 'utf8'));
});
