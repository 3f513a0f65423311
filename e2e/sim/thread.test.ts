/** The thread in virtual time: hub and agents as their `main.ts` wire them, in one process, the same to the byte for the same seed. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { FAULTY } from './faults.ts';
import { runScenario } from './scenario.ts';

const read = (name: string): string => readFileSync(new URL(`scenarios/${name}`, import.meta.url), 'utf8');
/** One pace for all, so that the golden changes only with what happens. */
const STEADY = { network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 }, restMilliseconds: 300 };

it('walks the thread as the golden says (REWRITE=1 writes it anew)', async () => {
  const { summary } = await runScenario(read('thread.txt'), { seed: 1, ...STEADY });
  if (process.env['REWRITE'] === '1') writeFileSync(new URL('scenarios/thread.golden.txt', import.meta.url), summary);
  expect(summary).toBe(read('thread.golden.txt'));
});

it('walks it over a slow and uneven network, too', async () => {
  await runScenario(read('thread.txt'), { seed: 2, network: { latencyMilliseconds: { least: 1, most: 40 } }, callMilliseconds: { least: 0, most: 8 } });
});

it('gives the same trace to the byte for the same seed, here and in another process, and another one for another seed', async () => {
  const trace = async (seed: number): Promise<string> => (await runScenario(read('faults.txt'), { seed, ...FAULTY })).trace.join('\n');
  const first = await trace(1);
  expect(first.split('\n').length).toBeGreaterThan(500);
  expect(await trace(1)).toBe(first);
  const elsewhere = execFileSync(process.execPath, [fileURLToPath(new URL('print-digest.ts', import.meta.url)), 'faults.txt', '1'], { encoding: 'utf8' });
  expect(elsewhere.trim()).toBe(sha256Hex(first));
  expect(await trace(2)).not.toBe(first);
});
