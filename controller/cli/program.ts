/** The command line: one folder a command, loaded only when it is used, so that `--help` starts fast. */
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { COMMANDS, COMPLETION_SUMMARY, newProgram } from './commands.ts';
import { CommandFailure, type Environment, EXIT, UsageProblem } from './environment.ts';
import { unmeasured } from './unmeasured.ts';

const ALL_COMMANDS: typeof COMMANDS = [...COMMANDS, ['completion', COMPLETION_SUMMARY, () => import('./completion/index.ts')]];

/** Open connections keep a process alive: they are closed when the command is done. */
type Closers = (() => Promise<void>)[];

/** Containers run under ids that no password file knows. */
function userName(): string {
  try {
    return process.env['USER'] ?? userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

function createEnvironment(signal: AbortSignal, closers: Closers): (command: Command) => Environment {
  return (command) => ({
    out: (text) => { process.stdout.write(text); },
    err: (text) => { process.stderr.write(text); },
    signal,
    terminal: { interactive: process.stdout.isTTY },
    now: () => Date.now(),
    sleep: async (milliseconds) => { await sleep(milliseconds, undefined, { signal }).catch(() => undefined); },
    user: userName(),
    connect: async () => {
      const { connectKubernetes } = await import('../adapters/kubernetes/connect.ts');
      const options = command.optsWithGlobals<{ kubeconfig?: string; context?: string }>();
      const client = connectKubernetes({
        userAgent: 'isthmus-cli', metrics: unmeasured,
        ...(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }),
        ...(options.context === undefined ? {} : { context: options.context }),
      });
      closers.push(() => client.close());
      return client;
    },
  });
}

/** One Ctrl-C under npm arrives twice: the terminal tells every process of the group, and npm passes it on. A later one is a person's second. */
const SECOND_CTRL_C_MILLISECONDS = 1000;
const ENDING_SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

function onEndingSignals(stop: AbortController): void {
  let firstAt: number | undefined;
  for (const [signal, number] of Object.entries(ENDING_SIGNALS)) {
    process.on(signal, () => {
      firstAt ??= performance.now();
      // Runs the exit handlers, so that child processes are not left behind.
      if (performance.now() - firstAt > SECOND_CTRL_C_MILLISECONDS) process.exit(128 + number);
      stop.abort();
    });
  }
}

/** As a program that a signal ended: `head` has read enough. */
const NOBODY_READS = 128 + 13;

/** Whoever reads what is printed may go before all of it is there, and a disk may be full: neither is a fault of the program. */
function onPrintingTrouble(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(NOBODY_READS);
    process.stderr.write(`isthmus: standard output cannot be written (${code ?? message})\n`, () => { process.exit(EXIT.failed); });
  });
  process.stderr.on('error', () => {});
}

/** The exit status: 0 done, 1 tried and failed, 2 wrong usage or input, 3 the server cannot be reached. */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const closers: Closers = [];
  onEndingSignals(stop);
  onPrintingTrouble();
  const program = newProgram().showHelpAfterError('(isthmus COMMAND --help says more)').exitOverride();
  const wanted = argv.slice(2).find((word) => ALL_COMMANDS.some(([name]) => name === word));
  for (const [name, summary, load] of ALL_COMMANDS) {
    if (name === wanted) (await load()).register(program, createEnvironment(stop.signal, closers));
    else program.command(name).description(summary);
  }
  const status = await program.parseAsync([...argv]).then(() => EXIT.ok, report);
  for (const close of closers) await close();
  // A command that was told to end has let go of what it holds: nobody waits for whatever it was still waiting for.
  if (stop.signal.aborted) process.exit(status);
  return status;
}

/** What a system error says in words, with the way out. */
function sentence(error: Error): string {
  const { code, address, port } = error as NodeJS.ErrnoException & { readonly address?: string; readonly port?: number };
  if (code === 'EADDRINUSE') return `${address}:${port} is in use by another process: end that one, or give another address (the options ending in "listen")`;
  if (error.name === 'KubernetesUnreachable') return `${error.message}: is that Kubernetes API running, and is this its kubeconfig (--kubeconfig, --context)?`;
  return error.message;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  process.stderr.write(`isthmus: ${error instanceof Error ? sentence(error) : String(error)}\n`);
  if (error instanceof UsageProblem) return EXIT.usage;
  if (error instanceof CommandFailure) return EXIT.failed;
  const name = error instanceof Error ? error.name : '';
  if (name === 'KubernetesUnreachable') return EXIT.unreachable;
  if (process.env['ISTHMUS_DEBUG'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return EXIT.failed;
}
