/** What every step of the walk works with. */
import { execFile } from 'node:child_process';
import { parse } from 'yaml';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../mesh/api/resources/index.ts';
import { type Condition, findCondition } from '../../mesh/model/condition.ts';
import type { DemoCluster, DemoFleet } from './fleet.ts';

interface CliResult { readonly status: number; readonly stdout: string; readonly stderr: string }

export interface Walk {
  readonly fleet: DemoFleet;
  readonly signal: AbortSignal;
  cluster(name: string): DemoCluster;
  /** Runs `isthmus …` against the hub as a person would. */
  isthmus(...words: string[]): Promise<CliResult>;
  /** The same for a command that goes on: `began` once it has printed something. */
  startIsthmus(...words: string[]): { readonly began: Promise<void>; readonly result: Promise<CliResult> };
  clusterObject(name: string): Promise<ClusterObject>;
  condition(cluster: string, type: string): Promise<Condition | undefined>;
  /** One line about what is going on. */
  say(text: string): void;
  /** Figures for the benchmark, in milliseconds. */
  measure(name: string, milliseconds: number): void;
}

export interface Step {
  readonly name: string;
  readonly title: string;
  run(walk: Walk): Promise<void>;
  /** What a person should look at now. */
  look(walk: Walk): readonly string[];
}

export function createWalk(options: { readonly fleet: DemoFleet; readonly entry: string; readonly signal: AbortSignal; readonly say: (text: string) => void; readonly measure: (name: string, milliseconds: number) => void }): Walk {
  const { fleet, entry, signal } = options;
  const walk: Walk = {
    fleet, signal, say: options.say, measure: options.measure,
    cluster(name) {
      const found = fleet.clusters.find((cluster) => cluster.name === name);
      if (found === undefined) throw new Error(`no cluster ${name}`);
      return found;
    },
    isthmus: (...words) => walk.startIsthmus(...words).result,
    startIsthmus(...words) {
      let begin: () => void = () => undefined;
      const began = new Promise<void>((resolve) => { begin = resolve; });
      const result = new Promise<CliResult>((resolve) => {
        const child = execFile(process.execPath, [entry, '--kubeconfig', fleet.hub.kubeconfig, ...words], { signal, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
          begin();
          resolve({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
        });
        child.stdout?.once('data', begin);
      });
      return { began, result };
    },
    async clusterObject(name) {
      const object = await fleet.hub.api.get<ClusterObject>(Cluster, { name }, signal);
      if (object === undefined) throw new Error(`the hub has no Cluster ${name}`);
      return object;
    },
    condition: async (name, type) => findCondition((await walk.clusterObject(name)).status?.conditions, type),
  };
  return walk;
}

export const parseYaml = (text: string): unknown => parse(text);

/** What the commands in the documentation stand on: kubeconfigs and DNS ports of a running demo. */
export function demoVariables(walk: Walk): Readonly<Record<string, string>> {
  return Object.fromEntries([
    ['HUB', walk.fleet.hub.kubeconfig] as const,
    ...walk.fleet.clusters.flatMap((cluster) => [
      [cluster.name.toUpperCase(), cluster.kubeconfig] as const,
      [`${cluster.name.toUpperCase()}_DNS_PORT`, cluster.dnsAddress.slice(cluster.dnsAddress.lastIndexOf(':') + 1)] as const,
    ]),
  ]);
}
