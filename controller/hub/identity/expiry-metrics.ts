/** When certificates end, for Prometheus, each beside when it began: what is left of a life is a fraction. Names of clusters are no labels: an agent tells of its own certificates. */
import { AGENT_LIFETIME, type Authority, readCertificate } from '../../../certs/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { fromRfc3339, type Instant } from '../../../mesh/model/instant.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { HubPorts } from '../ports.ts';
import { conditionsOf } from '../views.ts';

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'metrics'>;
  readonly authority: Pick<Authority, 'state'>;
  readonly clusters: Cache<ClusterObject>;
  /** What the hub would present now; throws while it has nothing to present. */
  readonly server: () => string;
}

const inSeconds = (instant: Instant): number => instant / 1000;

/** The result ends it. */
export function measureExpiry({ ports: { clock, metrics }, authority, clusters, server }: Parts): () => void {
  const labels = ['kind', 'generation', 'state'];
  const authorityEnds = metrics.gauge('isthmus_hub_authority_not_after_timestamp_seconds', 'When roots and issuing CAs end, by their generation and what they do: prepared, active, old.', labels);
  const authorityBegan = metrics.gauge('isthmus_hub_authority_not_before_timestamp_seconds', 'When roots and issuing CAs began.', labels);
  const problems = metrics.gauge('isthmus_hub_authority_problem', '1 for each reason for which CertificateAuthority fleet is not Ready.', ['reason']);
  const serverEnds = metrics.gauge('isthmus_hub_server_certificate_not_after_timestamp_seconds', 'When the certificate ends that the hub shows to agents.');
  const serverBegan = metrics.gauge('isthmus_hub_server_certificate_not_before_timestamp_seconds', 'When the certificate began that the hub shows to agents.');
  const soonest = metrics.gauge('isthmus_hub_agent_certificate_soonest_not_after_timestamp_seconds', 'When the first of the certificates of agents that are connected (or away) ends.', ['connected']);
  const ending = metrics.gauge('isthmus_hub_agent_certificates_ending', 'Agents with less than a third, less than a tenth or nothing left of the life of their certificate; each in one of them. Revoked clusters do not count.', ['left', 'connected']);
  const unfinished = metrics.gauge('isthmus_hub_revocations_unfinished', 'Clusters that are cut off and whose user, or its open watches, some peer still has.');

  return metrics.beforeReading(() => {
    const { roots, issuers, problems: found } = authority.state();
    for (const gauge of [authorityEnds, authorityBegan, problems, serverEnds, serverBegan, soonest, ending]) gauge.clear();
    for (const [kind, list] of [['Root', roots], ['Issuing', issuers]] as const) {
      for (const { generation, state, notAfter, notBefore } of list) {
        authorityEnds.set({ kind, generation: String(generation), state }, inSeconds(notAfter));
        authorityBegan.set({ kind, generation: String(generation), state }, inSeconds(notBefore));
      }
    }
    for (const { reason } of found) problems.set({ reason }, 1);
    try {
      const { notAfter, notBefore } = readCertificate(server());
      serverEnds.set({}, inSeconds(notAfter));
      serverBegan.set({}, inSeconds(notBefore));
    } catch { /* It has none, which is a problem of the authority, told above. */ }
    agents();
  });

  function agents(): void {
    const now = clock.now();
    const counts = new Map<string, { readonly left: string; readonly connected: string; count: number }>();
    for (const connected of ['true', 'false']) for (const left of ['third', 'tenth', 'none']) counts.set(`${left} ${connected}`, { left, connected, count: 0 });
    const first = new Map<string, Instant>();
    let open = 0;
    for (const cluster of clusters.list()) {
      const { identity, revocation } = cluster.status ?? {};
      if (revocation !== undefined) {
        if (revocation.usersRemoved < revocation.clusters || revocation.podsReplaced < revocation.clusters) open += 1;
        continue;
      }
      const notAfter = fromRfc3339(identity?.notAfter);
      if (notAfter === undefined) continue;
      const connected = String(conditionsOf(cluster).some(({ type, status }) => type === 'Connected' && status === 'True'));
      first.set(connected, Math.min(first.get(connected) ?? notAfter, notAfter));
      // Of a shorter one, cut by the end of its issuing CA, less is left than is told here.
      const left = (notAfter - now) / AGENT_LIFETIME;
      const one = counts.get(`${left <= 0 ? 'none' : left < 1 / 10 ? 'tenth' : 'third'} ${connected}`);
      if (left < 1 / 3 && one !== undefined) one.count += 1;
    }
    for (const { left, connected, count } of counts.values()) ending.set({ left, connected }, count);
    for (const [connected, instant] of first) soonest.set({ connected }, inSeconds(instant));
    unfinished.set({}, open);
  }
}
