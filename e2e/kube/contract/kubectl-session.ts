/** The real kubectl, by a shell, in a home of its own, against one server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { normal } from './kubectl-normal.ts';
import type { Outcome, See, Step } from './kubectl-step.ts';
import type { ServerSubject } from './subject.ts';

const STEP_MILLISECONDS = 45_000;
const POLL_MILLISECONDS = 100;
/** What kubectl logs with `-v=6` once a watch has begun. */
const WATCHING = /watch=true[^\n]* 200 OK/;

interface Running { readonly child: ChildProcess; readonly text: { stdout: string; stderr: string }; readonly closed: Promise<unknown[]> }

export interface KubectlSession {
  /** undefined: a step beside has begun. */
  take(step: Step | See): Promise<Outcome | undefined>;
  close(): Promise<void>;
}

export function kubectlSession(subject: Pick<ServerSubject, 'kubeconfigPath' | 'url'>): KubectlSession {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-kubectl-'));
  const temporary = join(folder, 'tmp');
  const work = join(folder, 'work');
  mkdirSync(temporary);
  mkdirSync(work);
  symlinkSync(join(import.meta.dirname, '../../../charts'), join(work, 'charts'));
  const env = { PATH: process.env['PATH'], HOME: folder, TMPDIR: temporary, KUBECONFIG: subject.kubeconfigPath, LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  const beside = new Map<string, Running>();

  const start = (command: string): Running => {
    // A group of its own: what ends, ends with all that the shell began.
    const child = spawn('sh', ['-c', command], { cwd: work, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => { text.stdout += chunk.toString(); });
    child.stderr.on('data', (chunk: Buffer) => { text.stderr += chunk.toString(); });
    return { child, text, closed: once(child, 'close') };
  };
  const end = (running: Running): void => {
    if (running.child.exitCode === null && running.child.pid !== undefined) process.kill(-running.child.pid, 'SIGKILL');
  };
  const outcome = (running: Running, code: number | undefined): Outcome =>
    ({ stdout: normal(running.text.stdout, subject.url, temporary), stderr: normal(running.text.stderr, subject.url, temporary), code });
  const finished = async (running: Running, what: string): Promise<Outcome> => {
    const late = setTimeout(() => end(running), STEP_MILLISECONDS);
    const [code] = await running.closed as [number | null];
    clearTimeout(late);
    return code === null ? { ...outcome(running, undefined), problem: `"${what}" does not end within ${STEP_MILLISECONDS / 1000} s` } : outcome(running, code);
  };
  /** undefined: it does. */
  const matches = async (running: Running, pattern: RegExp, what: string): Promise<string | undefined> => {
    const deadline = Date.now() + STEP_MILLISECONDS;
    while (!pattern.test(running.text.stdout) && !(pattern === WATCHING && pattern.test(running.text.stderr))) {
      if (Date.now() > deadline || running.child.exitCode !== null) return `"${what}" does not print ${pattern}`;
      await sleep(POLL_MILLISECONDS / 4);
    }
    return undefined;
  };

  return {
    async take(step) {
      if ('see' in step) {
        const running = beside.get(step.see);
        if (running === undefined) throw new Error(`no step beside is called "${step.see}"`);
        beside.delete(step.see);
        if (step.after === undefined) return finished(running, step.see);
        const problem = await matches(running, step.after, step.see);
        end(running);
        await running.closed;
        return { ...outcome(running, undefined), ...(problem === undefined ? {} : { problem }) };
      }
      for (const [name, text] of Object.entries(step.files ?? {})) {
        mkdirSync(dirname(join(work, name)), { recursive: true });
        writeFileSync(join(work, name), text, { mode: name.endsWith('.sh') ? 0o755 : 0o644 });
      }
      if (step.beside !== undefined) {
        const { name, ready } = step.beside;
        const running = start(ready === 'watch' ? `${step.run} -v=6` : step.run);
        beside.set(name, running);
        const problem = await matches(running, ready === 'watch' ? WATCHING : ready, step.run);
        return problem === undefined ? undefined : { ...outcome(running, undefined), problem };
      }
      const deadline = Date.now() + STEP_MILLISECONDS;
      for (;;) {
        const said = await finished(start(step.run), step.run);
        if (step.until === undefined || step.until.test(said.stdout + said.stderr)) return said;
        if (Date.now() > deadline) return { ...said, problem: `"${step.run}" does not print ${step.until}` };
        await sleep(POLL_MILLISECONDS);
      }
    },
    async close() {
      for (const running of beside.values()) {
        end(running);
        await running.closed;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
