/** One real server as a process of its own, from `KUBEBUILDER_ASSETS`: it can be frozen, killed and started again with the same flags. Ends with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerProcess {
  readonly name: string;
  readonly running: boolean;
  start(): void;
  /** SIGSTOP: its connections stay open and nothing answers. `thaw` undoes it. */
  freeze(): void;
  thaw(): void;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** SIGTERM, after 5 s SIGKILL. */
  stop(): Promise<void>;
  /** Of its log, for errors. */
  lastLines(): string;
}

const STOP_MILLISECONDS = 5_000;

const alive = new Set<ChildProcess>();
process.once('exit', () => { for (const child of alive) child.kill('SIGKILL'); });

/** `inside`: a command that runs the rest of its words in its own stead. */
export function serverProcess(name: string, args: readonly string[], logPath: string, { inside = [] }: { readonly inside?: readonly string[] } = {}): ServerProcess {
  let child: ChildProcess | undefined;
  let exited: Promise<void> = Promise.resolve();
  const running = (): boolean => child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    name,
    get running() { return running(); },
    start() {
      if (running()) throw new Error(`${name} runs already`);
      const log = openSync(logPath, 'a');
      const [program = '', ...words] = [...inside, join(process.env['KUBEBUILDER_ASSETS'] ?? '', name), ...args];
      const started = spawn(program, words, { stdio: ['ignore', log, log] });
      closeSync(log);
      child = started;
      alive.add(started);
      exited = new Promise<void>((resolve) => { started.once('exit', () => resolve()).once('error', () => resolve()); }).finally(() => alive.delete(started));
    },
    freeze() { child?.kill('SIGSTOP'); },
    thaw() { child?.kill('SIGCONT'); },
    async kill() {
      if (running()) child?.kill('SIGKILL');
      await exited;
    },
    async stop() {
      if (running()) {
        // A frozen process would not see the SIGTERM.
        child?.kill('SIGCONT');
        child?.kill('SIGTERM');
        const patience = new AbortController();
        const late = await Promise.race([exited.then(() => false), sleep(STOP_MILLISECONDS, true, { signal: patience.signal }).catch(() => false)]);
        patience.abort();
        if (late) child?.kill('SIGKILL');
      }
      await exited;
    },
    lastLines: () => readFileSync(logPath, 'utf8').split('\n').slice(-8).join('\n'),
  };
}
