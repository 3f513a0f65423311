import { expect, test } from 'vitest';
import { manualClock } from './manual-clock.ts';

const never = new AbortController().signal;

test('sleepers wake in order of time, then of call, and what follows from each settles first', async () => {
  const clock = manualClock(0);
  const seen: string[] = [];
  const sleeper = async (name: string, at: number): Promise<void> => {
    await clock.sleepUntil(at, never);
    for (let hop = 0; hop < 100; hop++) await Promise.resolve();
    seen.push(`${name}@${clock.now()}`);
  };
  void sleeper('late', 20);
  void sleeper('early', 10).then(() => sleeper('again', 15));
  void sleeper('beside', 20);
  await clock.advance(19);
  expect(seen).toEqual(['early@10', 'again@15']);
  expect(clock.nextWake()).toBe(20);
  await clock.advance(1);
  expect(seen).toEqual(['early@10', 'again@15', 'late@20', 'beside@20']);
});

test('an aborted sleeper wakes at once and is forgotten', async () => {
  const clock = manualClock(0);
  const abort = new AbortController();
  const sleep = clock.sleepUntil(1000, abort.signal);
  abort.abort();
  await sleep;
  expect(clock.now()).toBe(0);
  expect(clock.nextWake()).toBeUndefined();
});
