/** Fills the small disk that it is given, through the object store; prints what came of it. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteObjects } from '../../controller/adapters/objects/sqlite.ts';

const [folder = ''] = process.argv.slice(2);
const ballast = join(folder, 'ballast');
writeFileSync(ballast, Buffer.alloc(150_000));
const path = join(folder, 'objects.sqlite');
const store = openSqliteObjects(path);
let version = 1;
let message = '';
try {
  for (; version < 10_000; version += 1) store.commit(version + 1, [{ key: `/configmaps/shop/${version}`, value: JSON.stringify({ text: 'x'.repeat(2000) }) }]);
} catch (error) {
  message = error instanceof Error ? error.message : String(error);
}
const kept = store.load();
rmSync(ballast);
let afterwards = true;
try {
  store.commit(version + 1, [{ key: '/configmaps/shop/after', value: '{}' }]);
} catch {
  afterwards = false;
}
store.close();
const again = openSqliteObjects(path);
const { entries } = again.load();
again.close();
console.log(JSON.stringify({
  message, afterwards, versionKept: kept.resourceVersion === version && kept.entries.length === version - 1,
  allReadBack: entries.length === version && entries.every((entry) => JSON.parse(entry.value) !== undefined),
}));
