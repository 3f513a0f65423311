/** Volumes of a pod as kubelet writes them: a new directory behind a link, so that everything in it changes at once. */
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Files = Readonly<Record<string, string>>;

const DATA = '..data';

/** `version`: different from that of every write before. The directory of before goes at once, as with kubelet: by that, and not by the link, do programs hear of it that watch files. */
export function project(directory: string, files: Files, version: number): void {
  const own = `..${version}`;
  mkdirSync(join(directory, own), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, own, name), text, { mode: 0o600 });
  const entries = readdirSync(directory);
  symlinkSync(own, join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, DATA));
  for (const name of Object.keys(files)) if (!entries.includes(name)) symlinkSync(join(DATA, name), join(directory, name));
  for (const name of entries) {
    const path = join(directory, name);
    if (!name.startsWith('..') && !(name in files) && lstatSync(path).isSymbolicLink()) rmSync(path);
    else if (name.startsWith('..') && ![DATA, own].includes(name)) rmSync(path, { recursive: true, force: true });
  }
}
