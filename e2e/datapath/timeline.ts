/** Where the seconds go from mesh servers that are ready to agents of Cilium that read each other, from what all of them wrote into their logs. Pure. */

/** Of one cluster: everything in milliseconds since 1970, or the logs as they are. */
export interface Records {
  /** Its clustermesh-apiserver was seen to be ready. */
  readonly readyAt: number;
  /** When the entries of peers were written, where hands have. */
  readonly writtenAt?: number;
  /** Of our agent; empty: there is none. */
  readonly agent: string;
  readonly kvstoremesh: string;
  readonly cilium: string;
}

const STEPS = ['the peer opens itself (ours: probe)', 'the Secrets are written (ours)', 'their files change (kubelet)', 'kvstoremesh has connected (Cilium)', 'cilium-agent has connected (Cilium)'] as const;

const BY_HAND = ['the Secrets are written (by hand)', 'nothing', ...STEPS.slice(2)];

interface Pair { readonly from: string; readonly to: string; readonly seconds: readonly number[]; readonly total: number }

const ourTime = (line: string): number => Date.parse(/"time":"([^"]+)"/.exec(line)?.[1] ?? '');
const ciliumTime = (line: string): number => Date.parse((/^time=(\S+)/.exec(line)?.[1] ?? '').replace(/\.(\d{3})\d*Z$/, '.$1Z'));

/** Of the first line that is `such` and not before `from`. */
function first(log: string, time: (line: string) => number, from: number, ...such: readonly string[]): number | undefined {
  for (const line of log.split('\n')) if (such.every((text) => line.includes(text)) && time(line) >= from) return time(line);
  return undefined;
}

/** undefined: something is missing, for they are not connected. */
function pairOf(from: string, to: string, all: ReadonlyMap<string, Records>): Pair | undefined {
  const [reader, peer] = [all.get(from), all.get(to)];
  if (reader === undefined || peer === undefined) return undefined;
  const begun = Math.max(reader.readyAt, peer.readyAt);
  const opened = reader.writtenAt ?? first(reader.agent, ourTime, 0, `"peer":"${to}"`, 'opened itself');
  if (opened === undefined) return undefined;
  const written = reader.writtenAt ?? first(reader.agent, ourTime, opened, 'Secret kube-system/cilium-kvstoremesh', 'wrote a managed object');
  const named = `clusterName=${to} `;
  const files = first(reader.kvstoremesh, ciliumTime, 0, 'Connecting to remote cluster', `clusterName=${to}`);
  const mirrored = first(reader.kvstoremesh, ciliumTime, 0, 'Found remote cluster configuration', `clusterName=${to}`);
  const read = first(reader.cilium, ciliumTime, 0, 'Starting restartable watch store', named);
  const times = [opened, written, files, mirrored, read];
  let at = begun;
  const seconds: number[] = [];
  for (const time of times) {
    if (time === undefined || Number.isNaN(time)) return undefined;
    seconds.push(Math.max(0, time - at) / 1000);
    at = Math.max(at, time);
  }
  return { from, to, seconds, total: (at - begun) / 1000 };
}

/** For people: each ordered pair from the moment at which both mesh servers are ready, and whose the seconds are. */
export function timelineOf(all: ReadonlyMap<string, Records>): string {
  const names = [...all.keys()];
  const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => pairOf(from, to, all) ?? `${from} reads ${to}: not to be seen in the logs`));
  const seen = pairs.filter((pair) => typeof pair !== 'string');
  const sum = seen.reduce((total, pair) => total + pair.total, 0);
  const ready = Math.max(...[...all.values()].map(({ readyAt }) => readyAt));
  const end = Math.max(...seen.map(({ from, to, total }) => Math.max(all.get(from)?.readyAt ?? 0, all.get(to)?.readyAt ?? 0) + total * 1000));
  return [
    `last clustermesh-apiserver ready → last pair connected: ${((end - ready) / 1000).toFixed(1)} s`,
    ...pairs.map((pair) => (typeof pair === 'string' ? pair : `${pair.from} reads ${pair.to}: ${pair.total.toFixed(1)} s = ${pair.seconds.map((step) => step.toFixed(2)).join(' + ')}`)),
    ...([...all.values()].some(({ writtenAt }) => writtenAt !== undefined) ? BY_HAND : STEPS).map((step, index) => `  ${((100 * seen.reduce((total, pair) => total + (pair.seconds[index] ?? 0), 0)) / sum).toFixed(0).padStart(3)} %  ${step}`),
  ].join('\n');
}
