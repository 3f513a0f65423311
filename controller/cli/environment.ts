/** What a command sees of the process it runs in. Tests give their own. */
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';

export interface Environment {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  readonly terminal: { readonly interactive: boolean };
  /** The hub's Kubernetes API, by the global options `--kubeconfig` and `--context`. */
  readonly connect: () => Promise<KubernetesClient>;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly user: string;
}

/** What the caller did wrong, in one sentence. Exit status 2. */
export class UsageProblem extends Error {}

/** The command understood, tried and failed, for a reason in one sentence. Exit status 1. */
export class CommandFailure extends Error {}

export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** `KEY=VALUE` texts of a repeatable option. */
export function keyValues(option: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const at = text.indexOf('=');
    if (at <= 0) throw new UsageProblem(`${option} ${JSON.stringify(text)}: write KEY=VALUE`);
    return [text.slice(0, at), text.slice(at + 1)];
  }));
}
