import { expect, it } from 'vitest';
import { createSimClock, Livelock } from './clock.ts';

const never = new AbortController().signal;

it('wakes in order of time, then of call, and settles what follows before the next wake', async () => {
  const clock = createSimClock(0);
  const seen: string[] = [];
  const sleeper = async (name: string, at: number): Promise<void> => {
    await clock.sleepUntil(at, never);
    for (let hop = 0; hop < 100; hop += 1) await Promise.resolve();
    seen.push(`${name}@${clock.now()}`);
  };
  for (const at of [7, 3, 9, 3, 1, 8]) void sleeper(`s${seen.length}${at}`, at).then(() => (at === 1 ? sleeper('after', 2) : undefined));
  expect(await clock.runUntil(() => false, 10)).toBe(false);
  expect(seen).toEqual(['s01@1', 'after@2', 's03@3', 's03@3', 's07@7', 's08@8', 's09@9']);
  expect(clock.now()).toBe(10);
});

it('stops as soon as what was waited for holds, and forgets who was aborted', async () => {
  const clock = createSimClock(0);
  const abort = new AbortController();
  let woken = 0;
  void clock.sleepUntil(5, abort.signal).then(() => { woken += 1; });
  void clock.sleepUntil(6, never).then(() => { woken += 1; });
  abort.abort();
  expect(await clock.runUntil(() => woken === 1, 100)).toBe(true);
  expect(clock.now()).toBe(0);
  expect(await clock.runUntil(() => woken === 2, 100)).toBe(true);
  expect(clock.now()).toBe(6);
});

it('reports who sleeps in tiny bits without end, and from where', async () => {
  const clock = createSimClock(0, { mostWakesASecond: 100 });
  const busy = clock.ownedBy('busy host');
  async function pollWithoutPause(): Promise<void> {
    for (;;) await busy.sleepUntil(clock.now() + 1, never);
  }
  void pollWithoutPause();
  const report = await clock.runUntil(() => false, 60_000).then(() => undefined, (error: unknown) => error);
  expect(report).toBeInstanceOf(Livelock);
  expect((report as Livelock).message).toMatch(/100 wakes within one second at t=0.101 s[^]*busy host[^]*pollWithoutPause/);
});

it('reports who never waits at all, where a real event loop would hang', async () => {
  const clock = createSimClock(0, { mostWakesASecond: 100 });
  async function spin(): Promise<void> {
    for (;;) await clock.ownedBy('hub').sleepUntil(clock.now(), never);
  }
  void spin();
  await expect(clock.runUntil(() => false, 1)).rejects.toThrow(/hub slept 100 times without waiting[^]*spin/);
});
