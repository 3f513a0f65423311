/** Measured code in a process of its own, so that neither heaps nor event loops mix. One question at a time, one answer each. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface Child {
  ask<T>(question: Readonly<Record<string, unknown>>): Promise<T>;
  stop(): Promise<void>;
}

type Reply = { readonly answer: unknown } | { readonly error: string };

/** `file` calls `answerQuestions`. */
export function startChild(file: string, parameters: readonly string[]): Child {
  const child = fork(file, [...parameters], { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  const kill = (): void => { child.kill('SIGKILL'); };
  process.once('exit', kill);
  return {
    async ask<T>(question: Readonly<Record<string, unknown>>): Promise<T> {
      const replied = once(child, 'message') as Promise<[Reply]>;
      child.send(question);
      const [reply] = await Promise.race([replied, exited.then(() => { throw new Error(`${file} ended`); })]);
      if ('error' in reply) throw new Error(reply.error);
      return reply.answer as T;
    },
    async stop() {
      process.removeListener('exit', kill);
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** In the child: answers until the parent lets go, then ends the process. What it has no answer for (`ready`) only shows that it is up. */
export function answerQuestions(questions: Readonly<Record<string, (question: Readonly<Record<string, unknown>>) => unknown>>): void {
  process.on('message', (question: Readonly<Record<string, unknown>>) => {
    void Promise.resolve().then(() => questions[String(question['ask'])]?.(question)).then(
      (answer) => process.send?.({ answer }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack ?? error.message : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit());
}

/** Heap in use after a thorough collection, in bytes. */
export function heapBytes(): number {
  for (let round = 0; round < 3; round += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
