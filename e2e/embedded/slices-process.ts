/** The embedded API with many objects in a process of its own that watches its own event loop. Prints the URL and the token; each line of input prints how long the loop was held at most since the last, by the clock and by what it computed itself: a busy machine takes the processor away in between. */
import { createInterface } from 'node:readline';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../../controller/adapters/clock.ts';
import { createLog } from '../../controller/adapters/log.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { selfSignedServer } from '../../controller/adapters/self-signed.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { createEmbeddedApi } from '../../controller/embedded/api.ts';
import { serveEmbedded } from '../../controller/embedded/server/serve.ts';
import { memoryObjectStore } from '../../controller/embedded/store.ts';

const count = Number(process.argv[2] ?? 0);
const api = createEmbeddedApi({ objects: memoryObjectStore(), clock: systemClock, random: systemRandom, definitions: [], namespaces: ['many', 'more', 'few'] });
const configMaps = api.target('', 'v1', 'configmaps');
/** About a kilobyte each. */
const data = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`key-${index}`, 'x'.repeat(100)]));
const make = (namespace: string, index: number): unknown =>
  api.create(configMaps, namespace, { metadata: { name: `object-${String(index).padStart(6, '0')}`, labels: { last: String(index % 10) } }, data }, { fieldManager: 'test' });
for (const namespace of ['many', 'more']) for (let index = 0; index < count; index += 1) make(namespace, index);
for (let index = 0; index < 3; index += 1) make('few', index);

const token = 'token-of-the-slices-test';
const identity = selfSignedServer({ now: systemClock.now(), signer: p256Signer, random: systemRandom, hosts: ['127.0.0.1'] });
const cancel = new AbortController();
process.once('SIGTERM', () => cancel.abort());
const { url } = await serveEmbedded(api, {
  host: '127.0.0.1', port: 0, caPem: identity.caPem, certPem: identity.certPem, keyPem: identity.keyPem, clock: systemClock, log: createLog('warn', 'embedded'),
  tokens: [{ token, user: 'admin', groups: ['system:masters'] }],
}, cancel.signal);

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
let computedMicroseconds = 0;
let last = process.threadCpuUsage();
const turn = (): void => {
  const { user, system } = process.threadCpuUsage(last);
  last = process.threadCpuUsage();
  computedMicroseconds = Math.max(computedMicroseconds, user + system);
  if (!cancel.signal.aborted) setImmediate(turn);
};
createInterface({ input: process.stdin }).on('line', () => {
  console.log(JSON.stringify({ longestMilliseconds: Math.round(delay.max / 1e4) / 100, computedMilliseconds: Math.round(computedMicroseconds / 10) / 100, watchers: api.watcherCount }));
  computedMicroseconds = 0;
  delay.reset();
});
setImmediate(turn);
console.log(JSON.stringify({ url, token, caPem: identity.caPem }));
