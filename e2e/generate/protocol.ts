/** mesh/api/isthmus/v1/*.proto → mesh/api/gen, by buf and ts-proto from node_modules: no network. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Generator } from './generator.ts';

const run = promisify(execFile);

export const generator: Generator = {
  name: 'agent protocol',
  folders: ['mesh/api/gen'],
  async generate(root) {
    const output = await mkdtemp(join(tmpdir(), 'isthmus-generate-'));
    try {
      const executables = join(root, 'node_modules', '.bin');
      const env = { ...process.env, PATH: `${executables}:${process.env['PATH'] ?? ''}` };
      await run(join(executables, 'buf'), ['lint'], { cwd: root, env });
      await run(join(executables, 'buf'), ['generate', '--output', output], { cwd: root, env });
      const files = (await readdir(output, { recursive: true })).filter((path) => path.endsWith('.ts')).sort();
      return new Map(await Promise.all(files.map(async (path) => [path, await readFile(join(output, path), 'utf8')] as const)));
    } finally {
      await rm(output, { recursive: true, force: true });
    }
  },
};
