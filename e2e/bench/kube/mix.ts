/** Requests per second: each verb alone, by one caller and by many. */
import { applied, CONFIG_MAPS, configMap, MADE } from './objects.ts';
import { type Call, type Caller, caller, inParallel } from './requests.ts';
import type { BenchServer } from './servers.ts';

/** Creating comes last, and what it made goes before the next round: the others find the same number of objects on every server. */
export const VERBS = ['get', 'list page', 'update', 'apply patch', 'create'] as const;
export type Verb = (typeof VERBS)[number];
export const WRITES: readonly Verb[] = ['create', 'update', 'apply patch'];

export interface MixOptions {
  readonly callers: readonly number[];
  readonly secondsEach: number;
  /** Objects that are read, listed and changed. */
  readonly objects: number;
  readonly pageSize: number;
}

/** Requests per second. */
export type MixResult = Readonly<Record<Verb, Readonly<Record<number, number>>>>;

/** One result for each server. Verb by verb they take turns, so that whatever else this machine does meets both. */
export async function measureMix(servers: readonly BenchServer[], { callers, secondsEach, objects, pageSize }: MixOptions): Promise<readonly MixResult[]> {
  const results = servers.map(() => Object.fromEntries(VERBS.map((verb) => [verb, {}])) as Record<Verb, Record<number, number>>);
  for (const concurrency of callers) {
    const sides = servers.map((server, index) => ({ call: caller(server, concurrency), result: results[index] as Record<Verb, Record<number, number>> }));
    try {
      if (concurrency === callers[0]) for (const { call } of sides) await inParallel(objects, concurrency, (index) => call({ method: 'POST', path: CONFIG_MAPS, body: configMap(`mix-${index}`, index) }));
      for (const verb of VERBS) {
        for (const { call, result } of sides) {
          const request = calls(verb, objects, pageSize, `c${concurrency}`);
          await repeat(call, concurrency, secondsEach / 4, request);
          result[verb][concurrency] = await repeat(call, concurrency, secondsEach, request);
        }
      }
      for (const { call } of sides) await removeMade(call);
    } finally {
      for (const { call } of sides) await call.close();
    }
  }
  return results;
}

async function removeMade(call: Caller): Promise<void> {
  await call({ method: 'DELETE', path: `${CONFIG_MAPS}?labelSelector=${encodeURIComponent(MADE)}` });
}

/** A fresh request for every number; nobody writes what another caller is writing. */
function calls(verb: Verb, objects: number, pageSize: number, run: string): () => Call {
  let index = 0;
  return () => {
    index += 1;
    const name = `mix-${index % objects}`;
    switch (verb) {
      case 'create': return { method: 'POST', path: CONFIG_MAPS, body: configMap(`new-${run}-${index}`, index, 0, true) };
      case 'get': return { method: 'GET', path: `${CONFIG_MAPS}/${name}` };
      case 'list page': return { method: 'GET', path: `${CONFIG_MAPS}?limit=${pageSize}` };
      case 'update': return { method: 'PUT', path: `${CONFIG_MAPS}/${name}`, body: configMap(name, index % objects, index) };
      case 'apply patch': return { method: 'PATCH', path: `${CONFIG_MAPS}/${name}?fieldManager=bench-apply&force=true`, body: applied(name, index), type: 'application/apply-patch+yaml' };
    }
  };
}

/** Requests per second that were answered within `seconds`. */
async function repeat(call: Caller, concurrency: number, seconds: number, request: () => Call): Promise<number> {
  const start = performance.now();
  const end = start + seconds * 1000;
  let done = 0;
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (performance.now() < end) {
      await call(request());
      done += 1;
    }
  }));
  return done / ((performance.now() - start) / 1000);
}
