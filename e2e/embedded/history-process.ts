/** A hub on the embedded API and SQLite files, with agents in the same process that change their minds all the time. Prints what Cluster objects show; where `quiet` is given nothing changes, and it ends with all that they show. */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../controller/adapters/clock.ts';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { createLog } from '../../controller/adapters/log.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { openSqliteRecords } from '../../controller/adapters/records/sqlite.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { embeddedClient } from '../../controller/embedded/client.ts';
import { runEmbedded } from '../../controller/embedded/main.ts';
import { type Bench, reportOf, scriptedAgent } from '../../controller/hub/testing/bench.ts';
import { createHub } from '../../controller/hub/wiring.ts';
import { fakeMetrics, seededRandom } from '../../controller/runtime/testing/fakes.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Cluster, HUB_RESOURCES } from '../../mesh/api/resources/index.ts';
import { fieldsOf } from '../../mesh/model/cluster-fields.ts';
import type { GatewayHandler } from '../../mesh/ports/transport.ts';

const [folder = '', round = '0', quiet = ''] = process.argv.slice(2);
const NAMES = ['berlin', 'oslo', 'paris', 'rome'];
const QUIET_MILLISECONDS = 1500;
const { signal } = new AbortController();
const { uniform } = seededRandom(Number(round) + 1);
const random = (below: number): number => Math.floor(uniform() * below);
const log = createLog('error', 'history');

const records = await openSqliteRecords(join(folder, 'records.sqlite'));
const embedded = await runEmbedded({ dataDir: folder, port: 0, definitions: HUB_RESOURCES, namespaces: ['isthmus-system'], serviceCidrs: [], log }, signal);
const kubernetes = embeddedClient(embedded.api);
for (const name of NAMES) {
  if (await kubernetes.get(Cluster, { name }, signal) === undefined) await kubernetes.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name }, spec: {} }, { fieldManager: 'kubectl-create' }, signal);
}

let lastChange = Date.now();
const { items, resourceVersion } = await kubernetes.list<ClusterObject>(Cluster, {}, signal);
const show = ({ metadata: { name }, status }: ClusterObject): void => {
  lastChange = Date.now();
  const turn = status?.properties?.find((property) => property.name === 'turn')?.value;
  if (turn !== undefined) writeSync(1, `${name} properties.turn ${turn}\n`);
};
for (const item of items) show(item);
void (async () => {
  for await (const event of kubernetes.watch<ClusterObject>(Cluster, { resourceVersion }, signal)) if (event.type === 'MODIFIED') show(event.object);
})();

let handler: GatewayHandler | undefined;
const hub = createHub({
  clock: systemClock, random: systemRandom, kubernetes, records, signer: p256Signer, log, metrics: fakeMetrics(), digest: sha256Hex,
  gateway: { serve: (given) => { handler = given; return Promise.resolve({ address: 'hub.test:8443' }); } },
}, { namespace: 'isthmus-system', trustDomain: 'test', advertisedAddress: '' });
void hub.start(signal).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
while (handler === undefined) await sleep(2);
const agents = NAMES.map((name, index) => scriptedAgent(name, index + 1));
for (const agent of agents) agent.connect({ handler: () => handler } as unknown as Bench);
writeSync(1, 'ready\n');

/** One in three changes is a person's. */
async function change(count: number): Promise<void> {
  const agent = agents[random(agents.length)]!;
  const value = `${round}-${count}`;
  if (random(3) > 0) agent.publisher.set('ClusterReport', agent.cluster, { ...reportOf(1), properties: { turn: value } });
  else await kubernetes.patch(Cluster, { name: agent.cluster }, { metadata: { labels: { turn: value } } }, { type: 'merge', fieldManager: 'kubectl-label' }, signal);
}

if (quiet === '') for (let count = 0; ; count += 1) { await change(count); await sleep(random(12)); }
while (Date.now() - lastChange < QUIET_MILLISECONDS) await sleep(50);
for (const object of (await kubernetes.list<ClusterObject>(Cluster, {}, signal)).items) writeSync(1, `${object.metadata.name} all ${JSON.stringify(fieldsOf(object))}\n`);
await records.close();
process.exit(0);
