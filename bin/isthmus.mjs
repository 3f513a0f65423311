#!/usr/bin/env node
// Plain JavaScript that also an old Node can read: says what is missing instead of failing on the first line of TypeScript.
const OLDEST_NODE_MAJOR = 24;

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE_MAJOR) {
  process.stderr.write(`isthmus needs Node ${OLDEST_NODE_MAJOR} or newer and this is Node ${process.versions.node}: after "npm ci", run it as "npm run isthmus -- …", which brings its own\n`);
  process.exitCode = 2;
} else {
  void import('../controller/cli/main.ts');
}
