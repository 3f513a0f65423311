/** Breaks things and mends them, by seed: processes die and start again, hosts lose each other. Links drop and delay by the network's own settings. */
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { seededRandom } from '../../controller/runtime/testing/fakes.ts';
import type { FleetOptions } from './fleet.ts';
import type { Fleet } from './hosts.ts';

interface FaultSettings {
  /** Between the begin of one fault and the next. */
  readonly pauseMilliseconds: { readonly least: number; readonly most: number };
  readonly downMilliseconds: { readonly least: number; readonly most: number };
  readonly partedMilliseconds: { readonly least: number; readonly most: number };
}

const FAULTS: FaultSettings = {
  pauseMilliseconds: { least: 300, most: 4000 }, downMilliseconds: { least: 1, most: 5000 }, partedMilliseconds: { least: 100, most: 12_000 },
};

export interface Faults {
  /** Ends every fault: all run, all meet. */
  stop(): void;
}

export function beginFaults(fleet: Fleet, { pauseMilliseconds, downMilliseconds, partedMilliseconds }: FaultSettings = FAULTS): Faults {
  const clock = fleet.clock.ownedBy('faults');
  const random = seededRandom(Number.parseInt(sha256Hex(`${fleet.seed} faults`).slice(0, 8), 16));
  const end = new AbortController();
  const hosts = [fleet.hub, ...fleet.members];
  const pairs = hosts.flatMap((a, index) => hosts.slice(index + 1).map((b) => [a.name, b.name] as const));
  const between = ({ least, most }: { readonly least: number; readonly most: number }): number => least + Math.floor(random.uniform() * (most - least + 1));
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random.uniform() * list.length)]!;
  const after = (milliseconds: number, then: () => void): void => {
    void clock.sleepUntil(clock.now() + milliseconds, end.signal).then(() => { if (!end.signal.aborted) then(); });
  };

  async function work(): Promise<void> {
    for (;;) {
      await clock.sleepUntil(clock.now() + between(pauseMilliseconds), end.signal);
      if (end.signal.aborted) return;
      if (random.uniform() < 0.4) {
        // The hub dies as often as all agents together.
        const host = random.uniform() < 0.5 ? fleet.hub : oneOf(fleet.members);
        host.crash();
        after(between(downMilliseconds), () => host.start());
      } else {
        const [a, b] = oneOf(pairs);
        fleet.partition(a, b);
        after(between(partedMilliseconds), () => fleet.heal(a, b));
      }
    }
  }
  void work();
  return {
    stop() {
      end.abort();
      for (const [a, b] of pairs) fleet.heal(a, b);
      for (const host of hosts) host.start();
    },
  };
}

/** The network and the pace of calls under which faults are looked at. */
export const FAULTY: Omit<FleetOptions, 'seed'> = {
  network: { breakChance: 0.002, latencyMilliseconds: { least: 1, most: 60 }, silenceSeconds: 6 }, callMilliseconds: { least: 0, most: 15 }, mostSkewMilliseconds: 2000,
};
