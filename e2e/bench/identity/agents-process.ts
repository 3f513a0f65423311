/** Agents' ends of Sync in one process: identity, connection and the loop that finds the hub again are the product's, what they say is one report. */
import { systemClock } from '../../../controller/adapters/clock.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { grpcHubConnector } from '../../../controller/adapters/grpc/hub-connector.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { keepSynchronised } from '../../../controller/agent/sync/sync.ts';
import { createPublisher } from '../../../controller/runtime/sync/publisher.ts';
import { fakeMetrics, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { reportOf } from '../../../controller/hub/testing/bench.ts';
import type { IdentityMaterial } from '../../../mesh/ports/transport.ts';
import { answerQuestions } from '../kube/child.ts';

const stop = new AbortController();
const connected = new Set<string>();

function start(address: string, material: IdentityMaterial): void {
  const { cluster } = material;
  const connection = grpcHubConnector().connect(address, material);
  const publisher = createPublisher(sha256Hex);
  publisher.set('ClusterReport', cluster, reportOf(1));
  const parts = {
    ports: { clock: systemClock, random: systemRandom, log: silentLog, metrics: fakeMetrics() } as never, publisher, connection: () => connection, onConnectionChange: () => {},
    // Takes what it is told and keeps nothing.
    state: { known: () => ({}), receive: () => '' } as never,
    onStream: { began: () => { connected.add(cluster); }, ended: () => { connected.delete(cluster); } },
  };
  void keepSynchronised(parts, stop.signal);
}

answerQuestions({
  start({ address, identities }) {
    for (const material of identities as readonly IdentityMaterial[]) start(String(address), material);
    return connected.size;
  },
  connected: () => connected.size,
});
