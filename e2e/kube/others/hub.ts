/** A hub in this process on whatever Kubernetes API, its time ten times as fast: a minute's wait for a definition is six seconds. */
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { openSqliteRecords } from '../../../controller/adapters/records/sqlite.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import type { InventoryConfig } from '../../../controller/hub/ports.ts';
import { createHub } from '../../../controller/hub/wiring.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../../controller/runtime/testing/fakes.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';

const FASTER = 10;
const began = Date.now();
/** Far enough behind the server's clock that it does not overtake it: what is older than a minute is deleted. */
const BEHIND_MILLISECONDS = 2 * 3600 * 1000;
const fastClock: Clock = {
  now: () => began - BEHIND_MILLISECONDS + (Date.now() - began) * FASTER,
  sleepUntil: (at, signal) => systemClock.sleepUntil(began + (at - began + BEHIND_MILLISECONDS) / FASTER, signal),
};

export interface RunningHub {
  readonly log: ReturnType<typeof recordingLog>;
  stop(): Promise<void>;
}

export async function startHub(kubernetes: KubernetesClient, inventory: InventoryConfig): Promise<RunningHub> {
  const log = recordingLog();
  const records = await openSqliteRecords(':memory:');
  const stop = new AbortController();
  let failure: unknown;
  const hub = createHub({
    clock: fastClock, random: seededRandom(3), kubernetes, records, signer: deterministicSigner('others'), log, metrics: fakeMetrics(), digest: sha256Hex,
    gateway: { serve: async () => ({ address: 'hub.test:8443' }) },
  }, { namespace: 'isthmus-system', trustDomain: 'fleet.example', advertisedAddress: 'hub.test:8443', inventory });
  const ended = hub.start(stop.signal).catch((error: unknown) => { failure = error; });
  await eventually('the hub is ready', 30_000, async () => {
    if (failure !== undefined) throw failure as Error;
    return hub.ready().ok;
  }, () => [...hub.ready().reasons, ...log.lines.filter(({ level }) => level !== 'debug').slice(-5)]);
  return {
    log,
    async stop() {
      stop.abort();
      await ended;
      await records.close();
    },
  };
}
