/** Walks one world through the phases of a schedule, and looks after each. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import type { ApiServer } from '../apiserver.ts';
import { Widget } from '../contract/widget.ts';
import { describePhase, type FaultKind, PROVOCATIONS, type Schedule } from './schedule.ts';
import { skewedClock } from './skewed-clock.ts';
import { createWorld } from './world.ts';

export interface SeedResult {
  readonly seed: number;
  readonly struck: ReadonlyMap<FaultKind, number>;
  /** From the end of each fault until all was well again. */
  readonly settledMilliseconds: readonly number[];
  readonly events: number;
  readonly writes: number;
  readonly mostConnections: number;
}

const STRIKE_MILLISECONDS = 12_000;
/** With events but without faults, or the pauses between attempts would grow on from phase to phase. */
const CALM_MILLISECONDS = 300;
const PROVOKE_MILLISECONDS = 150;
const HOUR = 3_600_000;

export async function runSeed(schedule: Schedule, server: ApiServer, direct: KubernetesClient): Promise<SeedResult> {
  const { seed } = schedule;
  const clock = skewedClock(schedule.clockRate);
  const never = new AbortController().signal;
  const versionNow = async (): Promise<string> => (await direct.list(Widget, { limit: 1 }, never)).resourceVersion;
  let older = await versionNow();
  const world = await createWorld({ server, direct, name: `seed-${seed}`, seed, clock, pageSize: schedule.pageSize, streaming: schedule.streaming, configMaps: 40, widgets: 80, pauseMilliseconds: 16 });
  const struck = new Map<FaultKind, number>();
  const settledMilliseconds: number[] = [];
  const listenersAtFirst = world.abortListeners();
  try {
    for (const [index, phase] of schedule.phases.entries()) {
      const what = `seed ${seed}, phase ${index + 1}: ${describePhase(phase)} (again: FAULT_SEED=${seed} npm run test:faults)`;
      const started = await versionNow();
      const before = new Map(world.proxy.struck);
      const writing = new AbortController();
      const written = world.write(writing.signal);
      try {
        await sleep(CALM_MILLISECONDS);
        world.proxy.begin(phase.faults, older);
        for (const { kind, amount } of phase.faults) {
          if (kind !== 'clock-forward' && kind !== 'clock-back') continue;
          clock.jump((kind === 'clock-forward' ? 1 : -1) * (0.1 + amount * 8) * HOUR);
          struck.set(kind, 1);
        }
        const began = performance.now();
        for (;;) {
          const waitFor = phase.faults.filter(({ kind }) => !struck.has(kind) && (world.proxy.struck.get(kind) ?? 0) === (before.get(kind) ?? 0));
          const elapsed = performance.now() - began;
          if (waitFor.length === 0 && elapsed >= phase.milliseconds) break;
          if (elapsed > STRIKE_MILLISECONDS) throw new Error(`${what}: ${waitFor.map(({ kind }) => kind).join(' and ')} did not strike within ${STRIKE_MILLISECONDS / 1000} s`);
          for (const provocation of new Set(waitFor.map(({ kind }) => PROVOCATIONS[kind]))) {
            if (provocation !== undefined) world.proxy.provoke(provocation);
            await sleep(PROVOKE_MILLISECONDS);
          }
          await sleep(50);
        }
      } finally {
        world.proxy.end();
        writing.abort();
        await written;
      }
      older = started;
      settledMilliseconds.push(await world.settle(what));
      // One for each cache's and loop's wait, none for what is over.
      const listeners = world.abortListeners();
      if (listeners > listenersAtFirst + 2 * world.observers.length) throw new Error(`${what}: ${listeners} abort listeners, ${listenersAtFirst} at first`);
    }
  } catch (error) {
    // What is left over after a failure is its consequence, and must not hide it.
    await world.stop().catch((leftover: unknown) => { (error as Error).message += `; then: ${String(leftover)}`; });
    throw error;
  }
  await world.stop();
  for (const [kind, count] of world.proxy.struck) struck.set(kind, count);
  return { seed, struck, settledMilliseconds, events: world.observers.reduce((sum, { events }) => sum + events, 0), writes: world.proxied.writes, mostConnections: world.mostConnections };
}
