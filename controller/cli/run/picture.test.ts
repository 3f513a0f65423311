/** Pictures of fleets of every size: what is written stays inside, and what is drawn is bounded. */
import { describe, expect, test } from 'vitest';
import type { ChangeWindowValue } from '../../../mesh/model/change-window.ts';
import { USUAL_ASSUMPTIONS, type SimulationAssumptions } from '../../../mesh/model/simulation.ts';
import type { StrategyValue } from '../../../mesh/model/rollout.ts';
import { simulate } from '../../../mesh/rollout/simulate.ts';
import { newRun, stage, strategyOf, view } from '../../../mesh/rollout/testing/rig.ts';
import { changeWindow } from '../../../mesh/rollout/windows/testing/values.ts';
import { picture } from './picture.ts';

const FROM = Date.UTC(2026, 10, 20, 5);
const LARGEST_BYTES = 256 * 1024;

interface World { readonly clusters: number; readonly stages?: number; readonly strategy?: Partial<StrategyValue>; readonly assumed?: Partial<SimulationAssumptions>; readonly windows?: readonly ChangeWindowValue[]; readonly atOnce?: string }

function pictureOf({ clusters, stages = 4, strategy = {}, assumed = {}, windows = [], atOnce = '10%' }: World): string {
  const names = Array.from({ length: clusters }, (_, index) => `cluster-${index}`);
  const chosen = strategyOf(Array.from({ length: stages }, (_, at) => ({
    ...stage(`stage-${at}-with-a-name-that-is-long`, names.filter((_name, index) => index % stages === at), { soakSeconds: 1800, maxConcurrency: atOnce, maxFailures: '50%' }),
    ...(at === 1 ? { before: [{ name: 'lead', approval: { count: 1, groups: ['leads'] } }] } : {}),
  })), { progressDeadlineSeconds: 600, ...strategy });
  const simulation = simulate({
    run: newRun(chosen, names), observed: [], clusters: names.map((name) => view(name)), windows, overrides: [], windowRun: { name: 'run-1', strategy: chosen.name },
    assumptions: { ...USUAL_ASSUMPTIONS, secondsToApproval: 3600, secondsToHealthyOf: Object.fromEntries(names.map((name, index) => [name, 10 + ((index * 37) % 290)])), ...assumed }, from: FROM, horizonSeconds: 30 * 86_400,
  });
  return picture('bundle banner-2, by strategy careful', { about: { run: null, strategy: 'careful', brings: `brings banner 2.0.0 <&>, sha256-${'0f'.repeat(32)}`, warnings: Array.from({ length: 9 }, (_, index) => `stage stage-${index}: ${'long words '.repeat(30)}`), notes: [] }, simulation });
}

/** By the letters of a wide font. */
function writtenOutside(svg: string): string[] {
  const width = Number(/width="(\d+)"/.exec(svg)![1]);
  return [...svg.matchAll(/<text x="([\d.]+)" y="[\d.]+"([^>]*)>([^<]*)<\/text>/g)].flatMap(([, x, more = '', words = '']) => {
    const size = more.includes('small') ? 11 : Number(/font-size="(\d+)"/.exec(more)?.[1] ?? 13);
    const length = words.replaceAll(/&[a-z]+;/g, '&').length * size * (more.includes('name') ? 0.7 : 0.59);
    const left = more.includes('middle') ? Number(x) - length / 2 : more.includes('"end"') ? Number(x) - length : Number(x);
    return left < 0 || left + length > width ? [words] : [];
  });
}

const night = changeWindow({ name: 'nights', kind: 'Deny', clusters: {}, cron: '0 20 * * *', durationSeconds: 36_000, reason: 'no night work' });

describe.each<[string, World, readonly string[]]>([
  ['12 clusters, one of which fails', { clusters: 12, assumed: { failing: ['cluster-7'] } }, ['failed', 'done', 'held', 'unavailable', 'changed']],
  ['100 clusters through a closed night', { clusters: 100, windows: [night] }, ['done', 'url(#closed)', 'nights (no night work)']],
  ['1000 clusters, some of which fail', { clusters: 1000, assumed: { failingPercent: { 'stage-2-with-a-name-that-is-long': 5 } } }, ['flight', 'failed']],
  ['all of it goes back', { clusters: 100, strategy: { onFailure: 'RollBackRun', maxFailures: 1 }, assumed: { failingPercent: { 'stage-2-with-a-name-that-is-long': 50 } } }, ['back', 'done']],
  ['nobody approves', { clusters: 12, assumed: { secondsToApproval: null } }, ['held', 'gate lead']],
  ['a window that does not open', { clusters: 12, windows: [changeWindow({ name: 'gone', kind: 'Allow', clusters: {}, period: { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' } })] }, ['url(#closed)', 'does not open']],
  ['the most stages', { clusters: 620, stages: 31 }, ['stage-30-with-a-name']],
  ['all at once', { clusters: 1000, stages: 2, atOnce: '100%' }, ['flight']],
])('%s', (_, world, drawn) => {
  test('is drawn whole, says what it is, and keeps its words inside', () => {
    const svg = pictureOf(world);
    for (const part of [...drawn.map((word) => (/^[a-z]+$/.test(word) ? `class="${word}"` : word)), 'UTC', '2026-11-20', 'worst case', 'prefers-color-scheme: dark', 'and 6 more warnings']) expect(svg).toContain(part);
    expect(writtenOutside(svg)).toEqual([]);
    expect(svg.match(/<[a-z]+[^>]*[^/]>/g)?.length).toBe(svg.match(/<\/[a-z]+>/g)?.length);
    expect(svg).not.toMatch(/NaN|undefined|Infinity|<&>/);
    expect(svg.length).toBeLessThan(LARGEST_BYTES);
  });
});
