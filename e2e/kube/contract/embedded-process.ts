/** The embedded API as `isthmus embedded` runs it, without kinds of ours: the suite posts its own definitions. Prints one line with the URL once it serves. */
import { readFileSync } from 'node:fs';
import { createLog } from '../../../controller/adapters/log.ts';
import { runEmbedded } from '../../../controller/embedded/main.ts';
import { USERS } from './subject.ts';

const [dataDir = '', writeKubeconfig = '', clientCaPath = ''] = process.argv.slice(2);
const cancel = new AbortController();
process.once('SIGTERM', () => cancel.abort());
try {
  const { url, closed } = await runEmbedded({
    dataDir, port: 0, definitions: [], namespaces: [], serviceCidrs: ['10.0.0.0/24'], writeKubeconfig, log: createLog('warn', 'embedded'), clientCaPem: readFileSync(clientCaPath, 'utf8'),
    tokens: USERS.map(({ name: user, token, groups }) => ({ token, user, uid: user, groups, rules: [] })),
  }, cancel.signal);
  console.log(url);
  await closed;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
