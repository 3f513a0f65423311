/** How often something can be done: by the wall clock and by the processor time of this process. */
export interface Rate {
  readonly perSecond: number;
  /** What one core does in a second that is all its own; other work beside it does not count. */
  readonly perCoreSecond: number;
}

export async function rateOf(milliseconds: number, work: (index: number) => unknown): Promise<Rate> {
  const warmUntil = performance.now() + milliseconds / 5;
  let count = 0;
  do await work(count++); while (performance.now() < warmUntil);
  const before = process.cpuUsage();
  const begin = performance.now();
  let done = 0;
  do {
    await work(count++);
    done += 1;
  } while (performance.now() - begin < milliseconds);
  const { user, system } = process.cpuUsage(before);
  return { perSecond: done / ((performance.now() - begin) / 1000), perCoreSecond: done / ((user + system) / 1e6) };
}
