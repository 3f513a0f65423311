/** Reads one tiny object again and again from a process of its own: what a neighbour feels of the server's event loop. */
import { answerQuestions } from './child.ts';
import { quantile } from './figures.ts';
import { caller } from './requests.ts';
import type { BenchServer } from './servers.ts';

const EVERY_MILLISECONDS = 5;

export interface ProbeFigures { readonly reads: number; readonly p50: number; readonly p99: number; readonly most: number }

const [serverText = '{}', path = ''] = process.argv.slice(2);
const call = caller(JSON.parse(serverText) as BenchServer, 1);
let probing: Promise<void> | undefined;
let on = false;
let times: number[] = [];

async function probe(): Promise<void> {
  while (on) {
    const start = performance.now();
    await call({ method: 'GET', path });
    const took = performance.now() - start;
    times.push(took);
    await new Promise((resolve) => { setTimeout(resolve, Math.max(0, EVERY_MILLISECONDS - took)); });
  }
}

answerQuestions({
  async begin() {
    await call({ method: 'GET', path });
    times = [];
    on = true;
    probing = probe();
  },
  async end(): Promise<ProbeFigures> {
    on = false;
    await probing;
    return { reads: times.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99), most: quantile(times, 1) };
  },
});
