/** `npm run generate` writes every generated file; `npm run generate -- --check` writes nothing and fails, naming each file that is not what a fresh generation gives. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Generator } from './generator.ts';

export interface Difference {
  readonly path: string;
  readonly problem: 'missing' | 'different' | 'stale';
}

export async function loadGenerators(folder: string): Promise<readonly Generator[]> {
  const modules = (await readdir(folder)).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== 'main.ts' && file !== 'generator.ts').sort();
  const loaded = await Promise.all(modules.map(async (file) => (await import(pathToFileURL(join(folder, file)).href) as { generator?: Generator }).generator));
  return loaded.filter((generator) => generator !== undefined);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function filesBelow(root: string, folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)).sort();
}

/** What has to change in the working tree below `root` for it to be what the generators give. */
export async function compare(root: string, generator: Generator, fresh: ReadonlyMap<string, string>): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  for (const [path, content] of fresh) {
    const found = await readIfThere(join(root, path));
    if (found !== content) differences.push({ path, problem: found === undefined ? 'missing' : 'different' });
  }
  for (const folder of generator.folders) {
    for (const path of await filesBelow(root, folder)) if (!fresh.has(path) && generator.besides?.includes(path) !== true) differences.push({ path, problem: 'stale' });
  }
  return differences;
}

async function main(root: string, check: boolean): Promise<number> {
  let count = 0;
  const generators = await loadGenerators(import.meta.dirname);
  for (const generator of generators) {
    const fresh = await generator.generate(root);
    if (fresh.size === 0) throw new Error(`${generator.name}: generated no files`);
    const differences = await compare(root, generator, fresh);
    count += differences.length;
    for (const { path, problem } of differences) {
      console.log(check ? `${path}: ${problem}; run "npm run generate" and commit the result` : `${path}: ${problem === 'stale' ? 'removed' : 'written'}`);
      if (check) continue;
      if (problem === 'stale') await rm(join(root, path));
      else {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), fresh.get(path) ?? '');
      }
    }
    console.log(`${generator.name}: ${fresh.size} files, ${differences.length === 0 ? 'up to date' : `${differences.length} ${check ? 'not up to date' : 'changed'}`}`);
  }
  return check && count > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = await main(resolve(import.meta.dirname, '../..'), process.argv.includes('--check'));
