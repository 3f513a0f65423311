/** Figures of a look, for reports and metrics. */
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { Colour, PeerVerdict } from '../../../mesh/model/peer-verdict.ts';
import type { Metrics } from '../../../mesh/ports/metrics.ts';
import { isFailure, type Kind, type Observation } from '../../../mesh/verify/observation.ts';

const NAMES: Readonly<Record<Kind, string>> = { nodes: 'nodes', services: 'services', identities: 'identities', ip: 'endpoints', serviceexports: 'exports' };

/** Ages and lives in whole seconds, 0 where they are over or ahead. */
export function figuresOf({ remote, mirror, client, now }: Observation, tookMilliseconds: number): PeerVerdict['figures'] {
  const figures: Record<string, number> = { tookMilliseconds };
  const life = (until: number): number => Math.max(0, Math.floor((until - now) / 1000));
  if (client !== null) figures['clientCertificateSeconds'] = life(client.notAfter);
  if (remote !== undefined && !isFailure(remote)) {
    figures['serverCertificateSeconds'] = life(remote.server.notAfter);
    const beat = fromRfc3339(remote.heartbeat.value);
    if (beat !== undefined) figures['heartbeatAgeSeconds'] = Math.max(0, Math.floor((now - beat) / 1000));
    for (const [kind, count] of Object.entries(remote.counts)) figures[NAMES[kind as Kind]] = count;
  }
  if (mirror !== undefined && !isFailure(mirror)) {
    figures['mirroredNodes'] = mirror.counts.nodes ?? 0;
    figures['mirroredServices'] = mirror.counts.services ?? 0;
  }
  return figures;
}

const VALUE: Readonly<Record<Colour, number>> = { green: 0, yellow: 1, red: 2 };

export interface VerifyMetrics {
  set(peer: string, verdict: PeerVerdict): void;
  remove(peer: string): void;
}

export function createVerifyMetrics(metrics: Metrics): VerifyMetrics {
  const state = metrics.gauge('isthmus_agent_mesh_peer_state', 'What the last look at a peer\'s mesh etcd found: 0 green, 1 yellow, 2 red.', ['peer']);
  const looked = metrics.gauge('isthmus_agent_mesh_peer_looked_at_seconds', 'When a peer\'s mesh etcd was last looked at, in seconds since 1970.', ['peer']);
  const heartbeat = metrics.gauge('isthmus_agent_mesh_peer_heartbeat_age_seconds', 'Age of the heartbeat in a peer\'s mesh etcd at the last look, by this cluster\'s clock.', ['peer']);
  const server = metrics.gauge('isthmus_agent_mesh_peer_server_certificate_seconds', 'How long a peer\'s server certificate is still good.', ['peer']);
  const held = new Map<string, PeerVerdict>();
  const show = (peer: string, { colour, at, figures }: PeerVerdict): void => {
    state.set({ peer }, VALUE[colour]);
    looked.set({ peer }, Math.floor(at / 1000));
    for (const [gauge, value] of [[heartbeat, figures['heartbeatAgeSeconds']], [server, figures['serverCertificateSeconds']]] as const) if (value !== undefined) gauge.set({ peer }, value);
  };
  return {
    set(peer, verdict) {
      held.set(peer, verdict);
      show(peer, verdict);
    },
    remove(peer) {
      if (!held.delete(peer)) return;
      for (const gauge of [state, looked, heartbeat, server]) gauge.clear();
      for (const [name, verdict] of held) show(name, verdict);
    },
  };
}
