import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Generator } from './generator.ts';
import { compare, loadGenerators } from './main.ts';

it('names every file that is missing, different or stale', async () => {
  const root = await mkdtemp(join(tmpdir(), 'isthmus-generate-test-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'gen/deep'), { recursive: true });
  for (const [path, content] of [['gen/same.ts', 'a'], ['gen/other.ts', 'b'], ['gen/deep/old.ts', 'c'], ['gen/by-hand.ts', 'h'], ['elsewhere.ts', 'd']] as const) await writeFile(join(root, path), content);
  const generator: Generator = { name: 'test', folders: ['gen'], besides: ['gen/by-hand.ts'], generate: () => Promise.resolve(new Map()) };
  expect(await compare(root, generator, new Map([['gen/same.ts', 'a'], ['gen/other.ts', 'B'], ['gen/new.ts', 'n']]))).toEqual([
    { path: 'gen/other.ts', problem: 'different' },
    { path: 'gen/new.ts', problem: 'missing' },
    { path: 'gen/deep/old.ts', problem: 'stale' },
  ]);
});

it('what is committed is what the generators give', async () => {
  const root = resolve(import.meta.dirname, '../..');
  const generators = await loadGenerators(import.meta.dirname);
  expect(generators.map(({ name }) => name)).toContain('agent protocol');
  for (const generator of generators) expect(await compare(root, generator, await generator.generate(root))).toEqual([]);
}, 60_000);
