/** Agents' ends of Sync in one process: identity, connection and the loop that finds the hub again are the product's, what they say is one report. */
import { systemClock } from '../../../controller/adapters/clock.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { grpcHubConnector } from '../../../controller/adapters/grpc/hub-connector.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { keepSynchronised } from '../../../controller/agent/sync/sync.ts';
import { createPublisher } from '../../../controller/runtime/sync/publisher.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { reportOf } from '../../../controller/hub/testing/bench.ts';
import type { SyncResource, SyncType } from '../../../mesh/model/sync.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { IdentityMaterial } from '../../../mesh/ports/transport.ts';
import { answerQuestions } from '../kube/child.ts';

const stop = new AbortController();
const connected = new Set<string>();
/** Why there was no stream, and how often. */
const failures = new Map<string, number>();

const note = (fields: Readonly<Record<string, unknown>>): void => {
  const { error } = fields;
  if (typeof error !== 'string') return;
  const reason = error.replaceAll(/\d{4}-[^ )]*Z|:\d+/gu, '');
  failures.set(reason, (failures.get(reason) ?? 0) + 1);
};
const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };

/** What an agent holds of the hub's word: it names the versions of it when it comes back, and is told what is new. */
function memory() {
  const versions = new Map<SyncType, Map<string, string>>();
  return {
    known: (type: SyncType) => Object.fromEntries(versions.get(type) ?? []),
    receive(type: SyncType, resources: readonly SyncResource[], removed: readonly string[]) {
      const held = versions.get(type) ?? new Map<string, string>();
      versions.set(type, held);
      for (const { name, version } of resources) held.set(name, version);
      for (const name of removed) held.delete(name);
      return '';
    },
    streamEnded() {},
  };
}

function start(address: string, material: IdentityMaterial): void {
  const { cluster } = material;
  const connection = grpcHubConnector().connect(address, material);
  const publisher = createPublisher(sha256Hex);
  publisher.set('ClusterReport', cluster, reportOf(1));
  const parts = {
    ports: { clock: systemClock, random: systemRandom, log, metrics: fakeMetrics() } as never, publisher, connection: () => connection, onConnectionChange: () => {},
    state: memory(),
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
  failures() {
    const told = Object.fromEntries(failures);
    failures.clear();
    return told;
  },
  usage() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
});
