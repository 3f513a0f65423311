/** Logs, metrics and randomness for tests. */
import type { Log } from '../../../mesh/ports/log.ts';
import type { Metrics } from '../../../mesh/ports/metrics.ts';
import type { Random } from '../../../mesh/ports/random.ts';

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog };

export interface LogLine { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }

/** Keeps every line, its children's too. */
export function recordingLog(): Log & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const at = (bound: Readonly<Record<string, unknown>>): Log => {
    const write = (level: LogLine['level']) => (fields: Readonly<Record<string, unknown>>, message: string): void => {
      lines.push({ level, fields: { ...bound, ...fields }, message });
    };
    return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), child: (fields) => at({ ...bound, ...fields }) };
  };
  return { ...at({}), lines };
}

export interface FakeMetrics extends Metrics {
  /** Counter or gauge: the value; histogram: how many observations. 0 where nothing was recorded under exactly these labels. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  /** Every series: `name{a="b"}` → value, sorted. */
  all(): Readonly<Record<string, number>>;
}

export function fakeMetrics(): FakeMetrics {
  const values = new Map<string, number>();
  const updates = new Set<() => void>();
  const series = (name: string, labels: Readonly<Record<string, string>> = {}): string => {
    const text = Object.keys(labels).sort().map((label) => `${label}=${JSON.stringify(labels[label])}`).join(',');
    return text === '' ? name : `${name}{${text}}`;
  };
  const add = (key: string, by: number): void => { values.set(key, (values.get(key) ?? 0) + by); };
  return {
    counter: (name) => ({ inc: (labels, by = 1) => add(series(name, labels), by) }),
    gauge: (name) => ({
      set: (labels, value) => { values.set(series(name, labels), value); },
      clear() { for (const key of values.keys()) if (key === name || key.startsWith(`${name}{`)) values.delete(key); },
    }),
    histogram: (name) => ({ observe: (labels) => add(series(name, labels), 1) }),
    beforeReading(update) {
      updates.add(update);
      return () => { updates.delete(update); };
    },
    value(name, labels) {
      for (const update of updates) update();
      return values.get(series(name, labels)) ?? 0;
    },
    all: () => Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** The same sequence for the same seed (mulberry32). Not for keys that must be secret. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    uniform: () => next() / 2 ** 32,
    bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff),
  };
}
