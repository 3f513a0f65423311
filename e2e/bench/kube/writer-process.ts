/** Updates at a steady pace from a process of its own; each carries the moment it was sent. */
import { answerQuestions } from './child.ts';
import { CONFIG_MAPS } from './objects.ts';
import { caller } from './requests.ts';
import type { BenchServer } from './servers.ts';

/** Annotation: `process.hrtime` of the machine, in nanoseconds, when the write was sent. */
export const SENT = 'bench/sent';
const MOST_UNDER_WAY = 32;
const TICK_MILLISECONDS = 2;

export interface WriterFigures { readonly writes: number; readonly seconds: number }

if (import.meta.main) {
  const server = JSON.parse(process.argv[2] ?? '{}') as BenchServer;
  const call = caller(server, MOST_UNDER_WAY);
  answerQuestions({
    async write({ perSecond, seconds, names }): Promise<WriterFigures> {
      const list = names as readonly string[];
      const total = Number(perSecond) * Number(seconds);
      const start = performance.now();
      const end = start + Number(seconds) * 1000;
      let begun = 0;
      let done = 0;
      let underWay = 0;
      let failure: unknown;
      while (performance.now() < end && failure === undefined) {
        const due = Math.min(total, ((performance.now() - start) / 1000) * Number(perSecond));
        while (begun < due && underWay < MOST_UNDER_WAY) {
          const name = list[begun % list.length];
          begun += 1;
          underWay += 1;
          const body = JSON.stringify({ metadata: { annotations: { [SENT]: String(process.hrtime.bigint()) } } });
          call({ method: 'PATCH', path: `${CONFIG_MAPS}/${name}`, body, type: 'application/merge-patch+json' }).then(
            () => { done += 1; }, (error: unknown) => { failure ??= error; },
          ).finally(() => { underWay -= 1; });
        }
        await new Promise((resolve) => { setTimeout(resolve, TICK_MILLISECONDS); });
      }
      const writes = done;
      const took = (performance.now() - start) / 1000;
      while (underWay > 0) await new Promise((resolve) => { setTimeout(resolve, TICK_MILLISECONDS); });
      if (failure !== undefined) throw failure as Error;
      return { writes, seconds: took };
    },
  });
}
