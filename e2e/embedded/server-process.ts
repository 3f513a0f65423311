/** The embedded API in a process of its own, as `isthmus embedded` runs it. Prints one line with the URL once it serves. */
import { createLog } from '../../controller/adapters/log.ts';
import { runEmbedded } from '../../controller/embedded/main.ts';
import { HUB_RESOURCES, MEMBER_RESOURCES } from '../../mesh/api/resources/index.ts';

const [dataDir = '', kubeconfig = ''] = process.argv.slice(2);
const cancel = new AbortController();
process.once('SIGTERM', () => cancel.abort());
try {
  const { url, closed } = await runEmbedded({
    dataDir, port: 0, definitions: [...HUB_RESOURCES, ...MEMBER_RESOURCES], namespaces: ['shop'], serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
    writeKubeconfig: kubeconfig, log: createLog('warn', 'embedded'),
    tokens: [{ token: 'reader-token', user: 'reader', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'], namespaces: ['shop'] }] }],
  }, cancel.signal);
  console.log(url);
  await closed;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
