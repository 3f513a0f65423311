/** Three clusters whose agents are connected and say good things, and a strategy that begins with one of them. */
import { UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import { type Bench, createBench, scriptedAgent, type ScriptedAgent } from './bench.ts';

export const NAMES = ['berlin', 'oslo', 'virginia'] as const;
/** Spec of UpdateStrategy `careful`. */
export const CAREFUL = {
  stages: [{ name: 'canary', clusters: { names: ['berlin'] }, maxConcurrency: 1, soakSeconds: 2 }, { name: 'rest', clusters: {}, maxConcurrency: 1, soakSeconds: 0 }],
  progressDeadlineSeconds: 60,
};

export async function threeClusters(): Promise<{ bench: Bench; agents: Record<(typeof NAMES)[number], ScriptedAgent> }> {
  const bench = await createBench();
  for (const name of NAMES) await bench.join(name);
  await bench.create(UpdateStrategy, 'careful', CAREFUL);
  await bench.startHub();
  const agents = { berlin: scriptedAgent('berlin', 1), oslo: scriptedAgent('oslo', 2), virginia: scriptedAgent('virginia', 3) };
  for (const agent of Object.values(agents)) agent.connect(bench);
  await bench.clock.advance(2000);
  return { bench, agents };
}

export const conditionOf = (object: { status?: { conditions?: { type: string; status: string; reason: string; message: string }[] | undefined } | undefined } | undefined, type: string) =>
  object?.status?.conditions?.find((condition) => condition.type === type);

/** Every agent applies what it holds, until nothing moves any more. */
export async function applyAll(bench: Bench, agents: Iterable<ScriptedAgent>, seconds = 20): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    for (const agent of agents) agent.apply();
    await bench.clock.advance(1000);
  }
}
