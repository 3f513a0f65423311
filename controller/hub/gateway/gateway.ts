/** Agents' streams: what they say goes into the fleet, what the hub has to tell them comes from their publisher. */
import { speakingProblem } from '../../../mesh/api/authorization.ts';
import { AGENT_TYPES, HUB_TYPES, type SyncResource, type SyncType } from '../../../mesh/model/sync.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { Metrics } from '../../../mesh/ports/metrics.ts';
import { type GatewayHandler, type PeerIdentity, type SyncStream, TransportError } from '../../../mesh/ports/transport.ts';
import { runSyncSession } from '../../runtime/sync/session.ts';
import type { AgentType, Fleet } from './fleet.ts';
import type { Publishers } from './publishers.ts';
import { MOST_OF_A_CLUSTER, resourceProblem } from './validate.ts';

export interface GatewayParts {
  readonly fleet: Fleet;
  readonly publishers: Publishers;
  /** Whether the cluster still belongs to the fleet: a certificate outlives its Cluster object by up to a day. */
  readonly isMember: (cluster: string, signal: CancelSignal) => Promise<boolean>;
  /** Aborts before the streams do when the hub stops: agents are then cut off by the hub, and nothing is learned from that. */
  readonly stopping: CancelSignal;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface Gateway {
  readonly sync: GatewayHandler['sync'];
  /** Ends the cluster's stream, with `why` where it is to know, and forgets what it said. */
  expel(cluster: string, why?: TransportError): void;
}

export function createGateway({ fleet, publishers, isMember, stopping, log, metrics }: GatewayParts): Gateway {
  /** One stream a cluster; the newest wins, for the older one may be half dead without anyone knowing. */
  const streams = new Map<string, AbortController>();
  const connected = metrics.gauge('isthmus_hub_agents_connected', 'Agents with an open Sync stream.');
  const opened = metrics.counter('isthmus_hub_agent_streams_total', 'Sync streams that agents opened.');
  const refused = metrics.counter('isthmus_hub_agent_resources_refused_total', 'Resources of agents that were refused.', ['type']);

  /** `unreadable`: what could not even be read of the delta. */
  function receive(cluster: string, type: AgentType, resources: readonly SyncResource[], removed: readonly string[], unreadable: readonly string[]): string {
    for (const resource of resources) {
      const problem = speakingProblem(cluster, type, resource);
      if (problem === undefined) continue;
      refused.inc({ type });
      throw new TransportError('user', 'PermissionDenied', `Sync: ${problem}; nothing of this message was taken`);
    }
    const problems: string[] = [];
    const names = new Set(fleet.values(cluster, type).keys());
    for (const name of removed) names.delete(name);
    const good = resources.filter((resource) => {
      const full = !names.has(resource.name) && names.size >= MOST_OF_A_CLUSTER[type];
      const problem = full ? `is one too many: at most ${MOST_OF_A_CLUSTER[type]} of a cluster are taken` : resourceProblem(type, resource);
      if (problem === undefined) names.add(resource.name);
      if (problem !== undefined) problems.push(`${type} ${resource.name}: ${problem}`);
      return problem === undefined;
    });
    const [first] = [...problems, ...unreadable];
    if (first !== undefined) refused.inc({ type }, problems.length + unreadable.length);
    fleet.receive(cluster, type, good, removed);
    if (first !== undefined && type === 'ClusterReport') fleet.refuse(cluster, first);
    return problems.slice(0, 10).join('; ');
  }

  return {
    async sync(peer: PeerIdentity, stream: SyncStream, signal: CancelSignal) {
      const { cluster } = peer;
      if (!await isMember(cluster, signal)) {
        throw new TransportError('user', 'PermissionDenied', `cluster "${cluster}": is no member of this fleet; let it join with "isthmus join ${cluster}"`);
      }
      const end = new AbortController();
      const abort = (): void => end.abort();
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      streams.get(cluster)?.abort();
      streams.set(cluster, end);
      connected.set({}, streams.size);
      opened.inc();
      fleet.connect(peer);
      const agentLog = log.child({ cluster });
      agentLog.info({ serial: peer.certificateSerial }, 'agent connected');
      try {
        await runSyncSession({
          stream, publisher: publishers.of(cluster), publishes: HUB_TYPES, subscribes: AGENT_TYPES, log: agentLog,
          // What is applied is told anew over each stream: when it was said tells whether the agent has looked since it came back.
          known: (type: SyncType) => type === 'AppliedReport' ? {} : Object.fromEntries([...fleet.values(cluster, type as AgentType)].map(([name, held]) => [name, held.version])),
          receive: (type, resources, removed, unreadable) => (streams.get(cluster) === end ? receive(cluster, type as AgentType, resources, removed, unreadable) : 'a newer stream of this cluster has taken over'),
        }, end.signal);
        if (end.signal.reason instanceof TransportError) throw end.signal.reason;
      } catch (error) {
        // A message that is too large, no message at all or one for another cluster: the stream cannot go on, and people should know why it never stays.
        if (error instanceof TransportError && (error.reason === 'InvalidRequest' || error.reason === 'PermissionDenied') && streams.get(cluster) === end) fleet.refuse(cluster, error.message);
        throw error;
      } finally {
        signal.removeEventListener('abort', abort);
        if (streams.get(cluster) === end && !stopping.aborted) {
          streams.delete(cluster);
          connected.set({}, streams.size);
          fleet.disconnect(cluster);
          agentLog.info({}, 'agent disconnected');
        }
      }
    },
    expel(cluster, why) {
      const stream = streams.get(cluster);
      streams.delete(cluster);
      connected.set({}, streams.size);
      stream?.abort(why);
      fleet.forget(cluster);
    },
  };
}
