/** Access policies with the real hub and agents in virtual time. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScenario } from './scenario.ts';
import type { TraceEvent } from './trace.ts';

const text = (name: string): URL => new URL(`scenarios/${name}`, import.meta.url);
const STEADY = { network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 }, restMilliseconds: 300 };
const tells = ({ topic, text: what }: TraceEvent): boolean => topic === 'printed' || (topic === 'condition' && what.startsWith('AccessPolicy/'));

it('are previewed, rolled out by stages, left as others change them, and taken away (REWRITE=1 writes the golden anew)', async () => {
  const { summary } = await runScenario(readFileSync(text('access.txt'), 'utf8'), { seed: 1, ...STEADY, tells });
  if (process.env['REWRITE'] === '1') writeFileSync(text('access.golden.txt'), summary);
  expect(summary).toBe(readFileSync(text('access.golden.txt'), 'utf8'));
});
