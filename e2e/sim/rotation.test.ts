/** The root is rotated with the real hub and agents in virtual time; at every step `invariants/nobody-locked-out.ts` holds. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScenario } from './scenario.ts';
import type { TraceEvent } from './trace.ts';

const text = (name: string): URL => new URL(`scenarios/identity/${name}`, import.meta.url);
const STEADY = { network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 }, restMilliseconds: 300 };
const tells = ({ topic, text: what }: TraceEvent): boolean => topic === 'journal' || topic === 'printed' || topic === 'process' || (topic === 'condition' && what.startsWith('CertificateAuthority/fleet'));

it('goes as the golden says (REWRITE=1 writes it anew)', async () => {
  const { summary } = await runScenario(readFileSync(text('rotation.txt'), 'utf8'), { seed: 1, ...STEADY, tells });
  if (process.env['REWRITE'] === '1') writeFileSync(text('rotation.golden.txt'), summary);
  expect(summary).toBe(readFileSync(text('rotation.golden.txt'), 'utf8'));
});

it('goes the same way over a slow and uneven network', async () => {
  await runScenario(readFileSync(text('rotation.txt'), 'utf8'), { seed: 2, network: { latencyMilliseconds: { least: 1, most: 40 } }, callMilliseconds: { least: 0, most: 8 } });
});

it('takes clusters along that are in no mesh, and comes to rest', async () => {
  await runScenario(readFileSync(text('rotation-outside.txt'), 'utf8'), { seed: 3, ...STEADY });
});
