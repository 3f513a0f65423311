/** How long one computation takes. */

/** Milliseconds. `processor`: of all threads, which other programs of a busy machine do not lengthen as they do the other. */
export interface Took {
  readonly wall: number;
  readonly processor: number;
}

export function timed<T>(run: () => T): Took & { readonly result: T } {
  const [start, used] = [performance.now(), process.cpuUsage()];
  const result = run();
  const { user, system } = process.cpuUsage(used);
  return { wall: performance.now() - start, processor: (user + system) / 1000, result };
}
