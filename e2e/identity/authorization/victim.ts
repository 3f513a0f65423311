/** A cluster that is connected to the hub, says of itself what it must, and must notice nothing of what another tries. */
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { grpcHubConnector } from '../../../controller/adapters/grpc/hub-connector.ts';
import { reportOf } from '../../../controller/hub/testing/bench.ts';
import { silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { createPublisher } from '../../../controller/runtime/sync/publisher.ts';
import { runSyncSession } from '../../../controller/runtime/sync/session.ts';
import { AGENT_TYPES, HUB_TYPES, type Question } from '../../../mesh/model/sync.ts';
import type { IdentityMaterial } from '../../../mesh/ports/transport.ts';
import { WELL_FORMED } from './well-formed.ts';

export interface Victim {
  /** By type and name, what the hub told it; questions are apart. */
  readonly held: ReadonlyMap<string, string>;
  readonly questions: readonly Question[];
  readonly publisher: ReturnType<typeof createPublisher>;
  /** Whether its stream is no more. */
  readonly ended: boolean;
}

/** `number`: of its report, where each cluster has its own. */
export function connectVictim(gateway: string, identity: IdentityMaterial, number: number, signal: AbortSignal): Victim {
  const { cluster } = identity;
  const publisher = createPublisher(sha256Hex);
  for (const type of AGENT_TYPES) {
    const { name, value } = WELL_FORMED[type](cluster);
    publisher.set(type, name, (type === 'ClusterReport' ? { ...reportOf(number), cilium: { ...reportOf(number).cilium, clusterName: cluster } } : value) as never);
  }
  const victim = { held: new Map<string, string>(), questions: [] as Question[], publisher, ended: false };
  const connection = grpcHubConnector().connect(gateway, identity);
  signal.addEventListener('abort', () => connection.close());
  void runSyncSession({
    stream: connection.sync(signal), publisher, publishes: AGENT_TYPES, subscribes: HUB_TYPES, log: silentLog, known: () => ({}),
    receive(type, resources, removed) {
      for (const { name, value } of resources) {
        if (type === 'Question') victim.questions.push(value as Question);
        else victim.held.set(`${type} ${name}`, JSON.stringify(value));
      }
      for (const name of removed) victim.held.delete(`${type} ${name}`);
      return '';
    },
  }, signal).catch(() => {}).finally(() => { victim.ended = true; });
  return victim;
}
