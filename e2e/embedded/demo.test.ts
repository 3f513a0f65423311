/** The demo ends at once on Ctrl-C, with all that it started and nothing else, and says what is wrong where it cannot begin. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { eventually } from '../../controller/demo/eventually.ts';
import { ENTRY, isthmus, temporaryFolder } from './hub-process.ts';

const folder = temporaryFolder();
chmodSync(folder.path, 0o755);
afterAll(() => folder.remove());

/** Processes whose command line names this test's folder. */
const processes = (): string[] => execFileSync('ps', ['-A', '-o', 'pid=,args='], { maxBuffer: 16 << 20 }).toString().split('\n').filter((line) => line.includes(folder.path) && !line.includes('ps -A'));
const running = (pid: number | undefined): boolean => {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
};

test.each<[string, RegExp, NodeJS.Signals, number]>([
  ['in the middle of a step, twice as npm passes it on', /done in/, 'SIGINT', 2],
  ['while it starts, by the end of its terminal', /starting a hub/, 'SIGHUP', 1],
])('%s', { timeout: 280_000 }, async (_what, moment, signal, times) => {
  const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', folder.path], { stdio: 'ignore' });
  const before = join(folder.path, 'isthmus-demo-of-others');
  mkdirSync(before, { recursive: true });
  const demo = spawn(process.execPath, [ENTRY, 'demo'], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, TMPDIR: folder.path } });
  let text = '';
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk: Buffer) => { text += chunk.toString(); });
  const ended = once(demo, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  try {
    await eventually('the demo has come that far', 180_000, () => Promise.resolve(moment.test(text)), () => text);
    await eventually('it runs processes', 45_000, () => Promise.resolve(processes().length > 1));
    const start = performance.now();
    for (let time = 0; time < times; time += 1) demo.kill(signal);
    expect(await ended).toEqual([0, null]);
    // One after the other, each of seven processes has 5 s to end by itself.
    expect(performance.now() - start).toBeLessThan(40_000);
    expect(text).toContain('ending everything that was started');
    expect(text).not.toContain('FAILED');
    await eventually('nothing of it is left', 45_000, () => Promise.resolve(processes().length === 1), processes);
    expect(running(bystander.pid)).toBe(true);
    expect([existsSync(before), readdirSync(folder.path)]).toEqual([true, ['isthmus-demo-of-others']]);
  } finally {
    // What the demo has started would outlive it if it is ended hard.
    spawnSync('kill', ['-KILL', ...processes().map((line) => line.trim().split(' ')[0] ?? '')]);
  }
});

test('a TMPDIR that cannot be written gives one sentence', async () => {
  const closed = join(folder.path, 'closed');
  mkdirSync(closed, { mode: 0o555 });
  const asNobody = process.getuid?.() === 0 ? { uid: 65534 } : {};
  for (const [path, code] of [[closed, 'EACCES'], [join(folder.path, 'not-there'), 'ENOENT']] as const) {
    const { status, stdout, stderr } = await isthmus(['demo'], { environment: { TMPDIR: path }, ...asNobody });
    expect([status, stdout, stderr]).toEqual([1, '', `isthmus: the demo needs a folder to write in and ${path} cannot be written (${code}): set TMPDIR to a folder of yours\n`]);
  }
});
