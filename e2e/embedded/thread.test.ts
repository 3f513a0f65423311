/** The whole thread on the embedded API, as `npm run demo` walks it, and after it every command that the documentation shows. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { runDemo } from '../../controller/demo/demo.ts';
import { demoVariables, type Walk } from '../../controller/demo/walk.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const onPath = (program: string): boolean => (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));

/** Lines of the code blocks tagged `sh demo`: commands for a running demo. */
function documentedCommands(): string[] {
  return ['README.md', 'docs/architecture.md'].flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/^```sh demo\n([\s\S]*?)^```$/gm)].flatMap((block) => (block[1] ?? '').trim().split('\n')));
}

async function executeDocumentation(walk: Walk): Promise<{ readonly ran: string[]; readonly skipped: string[] }> {
  const ran: string[] = [];
  const skipped: string[] = [];
  for (const command of documentedCommands()) {
    const program = command.split(' ')[0] ?? '';
    if (!onPath(program)) {
      skipped.push(`${command} (skipped: ${program} is not installed)`);
      continue;
    }
    const { stdout } = await run('sh', ['-ec', command], { cwd: root, env: { ...process.env, ...demoVariables(walk) }, timeout: 60_000 });
    // `drift list` of a fleet without drift prints its sentence on standard error.
    if (!command.includes('drift list')) expect(stdout.trim(), command).not.toBe('');
    ran.push(command);
  }
  return { ran, skipped };
}

test('the thread holds from join to drift, and the documentation\'s commands work', { timeout: 240_000 }, async () => {
  const lines: string[] = [];
  let documentation: { ran: string[]; skipped: string[] } = { ran: [], skipped: [] };
  const result = await runDemo({
    entry: join(root, 'controller/cli/main.ts'),
    signal: new AbortController().signal,
    say: (text) => lines.push(text),
    afterWalk: async (walk) => { documentation = await executeDocumentation(walk); },
  });
  expect(result.ok, lines.join('\n')).toBe(true);
  expect(result.steps.map((step) => step.name)).toEqual(['join', 'inventory', 'plan', 'staged update', 'peering', 'services', 'dns', 'failover', 'hub loss', 'drill', 'drift']);
  expect(documentation.ran.length).toBeGreaterThanOrEqual(5);
  for (const command of documentation.skipped) console.log(command);
});

test('README\'s two commands are scripts of the package, and the gate runs its test command', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  for (const [, script] of readme.matchAll(/npm run ([a-z:]+)/g)) expect(Object.keys(scripts)).toContain(script === undefined || script === '' ? 'test' : script);
  expect(readme).toContain('npm ci && npm run demo');
  expect(readme).toContain('npm ci && npm test');
  expect(readFileSync(join(root, '.ci/run'), 'utf8')).toContain('suite test npm test');
});
