#!/usr/bin/env node
// Plain JavaScript that also an old Node can read: says what is missing instead of failing on the first line of TypeScript.
import { lstatSync, mkdirSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const OLDEST_NODE_MAJOR = 26;

// One at a time: where a file system lets nobody make any, as /proc, Node tries for ever to make a folder with all that are above it.
function makeFolder(path) {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

// Most of what a short command takes is the compiling of what it loads. Node keeps the result here and checks it against each file.
function keepCompiled() {
  if (nodeModule.enableCompileCache === undefined || process.env.NODE_DISABLE_COMPILE_CACHE !== undefined || process.env.NODE_COMPILE_CACHE !== undefined) return;
  const { XDG_CACHE_HOME: given } = process.env;
  try {
    let folder = given !== undefined && isAbsolute(given) ? given : join(homedir(), '.cache');
    makeFolder(folder);
    for (const name of ['isthmus', 'compile']) makeFolder(folder = join(folder, name));
    // What is read from here is run: nobody else may have written it.
    const { mode, uid } = lstatSync(folder);
    const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o170022) === 0o040000);
    if (isOurs) nodeModule.enableCompileCache(folder);
  } catch {
    // No home, or one that cannot be written: it takes longer.
  }
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE_MAJOR) {
  process.stderr.write(`isthmus needs Node ${OLDEST_NODE_MAJOR} or newer and this is Node ${process.versions.node}: after "npm ci", run it as "npm run isthmus -- …", which brings its own\n`);
  process.exitCode = 2;
} else {
  keepCompiled();
  void import('../controller/cli/main.ts');
}
