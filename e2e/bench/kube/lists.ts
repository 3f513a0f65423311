/** Whether a big list holds up everybody else: a neighbour reads one tiny object every 5 ms while another caller lists. */
import { join } from 'node:path';
import { startChild } from './child.ts';
import { quantile } from './figures.ts';
import { CONFIG_MAPS, configMap } from './objects.ts';
import type { ProbeFigures } from './probe-process.ts';
import { caller, inParallel } from './requests.ts';
import { type BenchServer, NAMESPACE } from './servers.ts';

const NEIGHBOUR = 'neighbour';
const ROUNDS = 3;

/** As many objects, of names `cm-0`, `cm-1`, …; gives the names. */
export async function fill(server: BenchServer, objects: number): Promise<readonly string[]> {
  const call = caller(server, 16);
  try {
    await inParallel(objects, 16, (index) => call({ method: 'POST', path: CONFIG_MAPS, body: configMap(`cm-${index}`, index) }));
    await call({ method: 'POST', path: CONFIG_MAPS, body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NEIGHBOUR, namespace: NAMESPACE }, data: { tiny: 'yes' } }) });
  } finally {
    await call.close();
  }
  return Array.from({ length: objects }, (_, index) => `cm-${index}`);
}

export interface ListFigures {
  readonly quiet: ProbeFigures;
  readonly whole: ProbeFigures & { readonly listMilliseconds: number };
  readonly paged: ProbeFigures & { readonly listMilliseconds: number };
}

/** What the neighbour feels of lists of `total` objects: while nobody lists, while everything is listed at once, and page by page; each for three rounds of `seconds`. */
export async function measureLists(server: BenchServer, { total, pageSize, seconds }: { readonly total: number; readonly pageSize: number; readonly seconds: number }): Promise<ListFigures> {
  const probe = startChild(join(import.meta.dirname, 'probe-process.ts'), [JSON.stringify(server), `${CONFIG_MAPS}/${NEIGHBOUR}`]);
  const call = caller(server, 1);
  const round = async (list: () => Promise<unknown>): Promise<ProbeFigures & { readonly listMilliseconds: number }> => {
    await probe.ask({ ask: 'begin' });
    const start = performance.now();
    let lists = 0;
    do {
      await list();
      lists += 1;
    } while (performance.now() - start < seconds * 1000);
    const listMilliseconds = (performance.now() - start) / lists;
    return { ...await probe.ask<ProbeFigures>({ ask: 'end' }), listMilliseconds };
  };
  /** The median of rounds, each figure by itself: what holds the server up does so in every round, a neighbour on the machine does not. */
  const during = async (list: () => Promise<unknown>): Promise<ProbeFigures & { readonly listMilliseconds: number }> => {
    await list();
    const rounds: (ProbeFigures & { readonly listMilliseconds: number })[] = [];
    for (let index = 0; index < ROUNDS; index += 1) rounds.push(await round(list));
    const middle = (figure: keyof (typeof rounds)[number]): number => quantile(rounds.map((one) => one[figure]), 0.5);
    return { reads: middle('reads'), p50: middle('p50'), p99: middle('p99'), most: middle('most'), listMilliseconds: middle('listMilliseconds') };
  };
  try {
    const { listMilliseconds: _, ...quiet } = await during(() => new Promise((resolve) => { setTimeout(resolve, 50); }));
    const whole = await during(() => call({ method: 'GET', path: CONFIG_MAPS }));
    const paged = await during(async () => {
      let token = '';
      let pages = 0;
      do {
        const text = await call({ method: 'GET', path: `${CONFIG_MAPS}?limit=${pageSize}&continue=${encodeURIComponent(token)}` });
        // Where `metadata` stands, before or after the items, is the server's choice.
        token = /"continue":"([^"]+)"/.exec(text.slice(0, 2000) + text.slice(-2000))?.[1] ?? '';
        pages += 1;
      } while (token !== '');
      if (pages !== Math.ceil(total / pageSize)) throw new Error(`${server.name} gave ${pages} pages of ${pageSize} for ${total} objects`);
    });
    return { quiet, whole, paged };
  } finally {
    await call.close();
    await probe.stop();
  }
}
