/** The whole thread on the embedded API as a newcomer meets it: the demo walks and stays up, every command that the documentation shows works on it, and Ctrl-C ends it. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { eventually } from '../../controller/demo/eventually.ts';
import { stepsOn } from '../../controller/demo/steps/index.ts';
import { launch, ROOT, temporaryFolder } from './hub-process.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
afterAll(() => folder.remove());
const onPath = (program: string): boolean => (process.env['PATH'] ?? '').split(delimiter).some((path) => existsSync(join(path, program)));

/** Lines of the code blocks tagged `sh demo`: commands for a running demo. */
const documentedCommands = ['README.md', 'docs/architecture.md'].flatMap((file) =>
  [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^```sh demo\n([\s\S]*?)^```$/gm)].flatMap((block) => (block[1] ?? '').trim().split('\n')));

/** The `export NAME=VALUE …` line that the demo prints for people to paste. */
function exported(text: string): Record<string, string> {
  const line = /^ {2}export (.+)$/m.exec(text)?.[1] ?? '';
  return Object.fromEntries(line.split(' ').map((pair) => pair.split('=') as [string, string]));
}

test('the thread holds from join to a bundle, the documentation\'s commands work, and Ctrl-C ends it all', { timeout: 600_000 }, async () => {
  const demo = launch(['demo'], { environment: { TMPDIR: folder.path } });
  try {
    await eventually('everything is up', 500_000, () => Promise.resolve(demo.printed().stdout.includes('Everything is up') || demo.child.exitCode !== null), () => demo.printed().stderr.slice(-2000));
    const { stdout, stderr } = demo.printed();
    expect(stderr).not.toContain('FAILED');
    expect([...stderr.matchAll(/^ {3}done in \d+ ms$/gm)]).toHaveLength(stepsOn('embedded').length);
    const variables = exported(stdout);
    expect(Object.keys(variables)).toEqual(['HUB', 'BERLIN', 'BERLIN_DNS_PORT', 'OSLO', 'OSLO_DNS_PORT', 'VIRGINIA', 'VIRGINIA_DNS_PORT']);
    expect(stdout).toContain('metrics http://127.0.0.1:');

    expect(documentedCommands.length).toBeGreaterThanOrEqual(10);
    for (const command of documentedCommands) {
      const program = command.split(' ')[0] ?? '';
      if (!onPath(program)) {
        console.log(`not run, ${program} is not installed: ${command}`);
        continue;
      }
      const answer = await run('sh', ['-ec', command], { cwd: ROOT, env: { ...process.env, ...variables }, timeout: 60_000 });
      // A fleet without drift says so on standard error.
      expect(`${answer.stdout}${command.includes('drift list') ? answer.stderr : ''}`.trim(), command).not.toBe('');
    }
    const started = readdirSync(folder.path);
    demo.child.kill('SIGINT');
    expect((await demo.outcome()).status).toBe(0);
    expect([started.length, readdirSync(folder.path)]).toEqual([1, []]);
  } finally {
    if (demo.child.exitCode === null) await demo.stop();
  }
});

test('README\'s commands are scripts of the package, and the gate runs its test command', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  for (const [, script = ''] of readme.matchAll(/npm run (?:--silent )?([a-z:]+)/g)) expect(Object.keys(scripts)).toContain(script);
  expect(readme).toContain('npm ci && npm run demo');
  expect(readme).toContain('npm ci && npm test');
  expect(readFileSync(join(ROOT, '.ci/run'), 'utf8')).toContain('suite test npm test');
});
