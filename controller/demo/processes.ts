/** Child processes of a demo: started here, ended here, each by its own pid and nothing else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { once } from 'node:events';

const GRACE_MILLISECONDS = 5000;

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  readonly exited: boolean;
  /** Exit status or signal name, once it has ended. */
  readonly ending: Promise<string>;
  /** SIGTERM, and SIGKILL where that does not help within 5 s. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

export interface ProcessGroup {
  /** Runs this program's own entry with the same Node; output goes to `logPath`. */
  start(name: string, parameters: readonly string[], options: { readonly logPath: string; readonly environment?: Readonly<Record<string, string>> }): RunningProcess;
  /** Everything that still runs, newest first; nothing can be started any more. */
  stopAll(): Promise<void>;
  /** Called when a process ends that nobody stopped. */
  onSurprise(listener: (process: RunningProcess, ending: string) => void): void;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const hard = setTimeout(() => child.kill('SIGKILL'), GRACE_MILLISECONDS);
  await gone;
  clearTimeout(hard);
}

export function createProcessGroup(entry: string): ProcessGroup {
  const running: RunningProcess[] = [];
  let ending = false;
  const listeners: ((process: RunningProcess, ending: string) => void)[] = [];
  // However this process ends, short of SIGKILL, its children do not outlive it.
  process.once('exit', () => { for (const one of running) one.signal('SIGKILL'); });
  return {
    start(name, parameters, { logPath, environment = {} }) {
      if (ending) throw new Error(`${name} is not started: everything is being ended`);
      const log = openSync(logPath, 'a', 0o600);
      const child = spawn(process.execPath, [entry, ...parameters], {
        stdio: ['ignore', log, log], env: { ...process.env, ...environment },
        // Ctrl-C in a terminal reaches the whole foreground group; children of their own group are ended by us, in order.
        detached: true,
      });
      closeSync(log);
      let expected = false;
      const ended = new Promise<string>((resolve) => {
        child.once('error', (error) => resolve(error.message));
        child.once('exit', (status, signal) => resolve(signal ?? `status ${status}`));
      });
      const started: RunningProcess = {
        name,
        pid: child.pid ?? -1,
        get exited() { return child.exitCode !== null || child.signalCode !== null; },
        ending: ended,
        stop: () => { expected = true; return end(child, 'SIGTERM'); },
        kill: (signal) => { expected = true; return end(child, signal); },
        signal: (signal) => { child.kill(signal); },
      };
      void ended.then((text) => {
        running.splice(running.indexOf(started), 1);
        if (!expected) for (const listener of listeners) listener(started, text);
      });
      running.push(started);
      return started;
    },
    async stopAll() {
      ending = true;
      // Agents first, then hub and APIs: the reverse of the start.
      for (const one of [...running].reverse()) {
        one.signal('SIGCONT');
        await one.stop();
      }
    },
    onSurprise: (listener) => { listeners.push(listener); },
  };
}
