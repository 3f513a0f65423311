/** What the tests on real datapaths need of clusters, whoever runs them: namespaces of one machine (`e2e/datapath`), or kind (`e2e/kind`). */
import type { Outcome } from '../embedded/hub-process.ts';

/** One call of a probe: when it was made, and who answered; null: nobody in time. */
export interface Call { readonly at: number; readonly answer: string | null }

export interface World {
  /** Names of the clusters, in the order of their Cilium ids from 1. */
  readonly clusters: readonly string[];
  /** How late its kubelets are with the contents of Secrets and ConfigMaps, at most. */
  readonly volumeSeconds: number;
  /** As an administrator of one cluster. Rejects with what kubectl says. */
  kubectl(cluster: string, words: readonly string[], input?: string): Promise<string>;
  /** As an administrator of the hub's API. */
  hub(words: readonly string[], input?: string): Promise<string>;
  /** `isthmus WORDS` against the hub, to its end. */
  isthmus(...words: string[]): Promise<Outcome>;
  /** Inside a pod of namespace `default`. */
  exec(cluster: string, pod: string, ...command: string[]): Promise<string>;
  /** `cilium-dbg WORDS` in every agent of a cluster, one text an agent. */
  agents(cluster: string, ...words: string[]): Promise<readonly string[]>;
  /** `etcdctl WORDS` as the administrator of a cluster's mesh etcd. */
  meshEtcd(cluster: string, ...words: string[]): Promise<string>;
  /** Where the seconds went until everybody was connected, for people; absent: there is nobody who can tell. */
  timeline?(): string;
  /** Pods `echo`, which answers its cluster's name on 8080, and `client`, which asks; Services `echo` (global) and `echo-local`. */
  runEcho(cluster: string): Promise<void>;
  /** Calls `url` from pod `client` 20 times a second, each on a connection of its own. */
  probe(cluster: string, url: string, seconds: number): Promise<readonly Call[]>;
  /** Every container of every pod, in words that change when one is started anew. */
  running(cluster: string): Promise<readonly string[]>;
  /** Kills the machines of a cluster, without a word to anybody. */
  kill(cluster: string): Promise<void>;
  stop(): Promise<void>;
}
