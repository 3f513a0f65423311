#!/usr/bin/env node
/** `isthmus`, also `kubectl isthmus`. Says at once where Node is too old, before anything that an old Node cannot even parse is loaded. */
const OLDEST_NODE_MAJOR = 24;
const major = Number(process.versions.node.split('.')[0]);
if (major < OLDEST_NODE_MAJOR) {
  process.stderr.write(`isthmus needs Node ${OLDEST_NODE_MAJOR} or newer and this is Node ${process.versions.node}: run it by its npm scripts (npm run isthmus -- …), which bring their own\n`);
  process.exitCode = 2;
} else {
  const { main } = await import('./program.ts');
  process.exitCode = await main(process.argv);
}

export {};
