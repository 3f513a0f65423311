/** What users of other rollout tools have suffered from, one scenario each, with the real hub and agents in virtual time: docs/reference/staged-updates.md tells them one after another. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runScenario } from './scenario.ts';
import type { TraceEvent } from './trace.ts';

const FOLDER = new URL('scenarios/updates/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt') && !name.endsWith('.golden.txt')).map((name) => name.slice(0, -'.txt'.length)).sort();
const STEADY = { network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 }, restMilliseconds: 300 };
/** Of runs and of what people wrote; that clusters join, answer DNS and apply is told elsewhere. */
const tells = ({ topic, text }: TraceEvent): boolean => topic !== 'dns' && !(topic === 'condition' && /^(Cluster|HelmRelease)\//.test(text)) && !(topic === 'process' && text === 'starts');

describe('pains of staged updates', () => {
  it('are fifteen, each with where it was reported and with what the hub and the agents make of it', () => {
    expect(names.map((name) => Number(name.slice(0, 2)))).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
    expect(names.filter((name) => !/^# .+\n(?:# .*\n)*# Reported: .+#\d+/.test(read(`${name}.txt`)))).toEqual([]);
  });

  it.each(names)('%s (REWRITE=1 writes its golden anew)', async (name) => {
    const { summary } = await runScenario(read(`${name}.txt`), { seed: 1, ...STEADY, tells });
    if (process.env['REWRITE'] === '1') writeFileSync(new URL(`${name}.golden.txt`, FOLDER), summary);
    expect(summary).toBe(read(`${name}.golden.txt`));
  });

  it.each(names)('%s goes the same way over a slow and uneven network', async (name) => {
    await runScenario(read(`${name}.txt`), { seed: 2, network: { latencyMilliseconds: { least: 1, most: 40 } }, callMilliseconds: { least: 0, most: 8 } });
  });
});
