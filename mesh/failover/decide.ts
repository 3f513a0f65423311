/** Which clusters answer for a service, from evidence alone. Hubs take no part: "the hub lost sight of X" is not among the evidence. */
import { canonicalJson } from '../model/canonical.ts';
import type { ClusterEvidence, ClusterHealth, FailoverState } from '../model/failover.ts';
import { seconds, toRfc3339, type Instant } from '../model/instant.ts';
import type { FailoverPolicyValue } from '../model/policy.ts';

/** Without a policy every cluster with a ready endpoint serves, at once. */
const NO_POLICY = { priority: [], minimumReady: 1, unhealthyAfterSeconds: 0, healthyAfterSeconds: 0, failbackDelaySeconds: 0 } as const;
type Rules = Pick<FailoverPolicyValue, 'priority' | 'minimumReady' | 'unhealthyAfterSeconds' | 'healthyAfterSeconds' | 'failbackDelaySeconds'>;

/**
 * Total and free of time but for `now`. `last` is the last result for the same service, or null at the first look, which takes the evidence as it
 * is. Gives `last` itself back when nothing changed. With unchanged evidence nothing changes before `wakeAt`.
 *
 * Evacuation is not ill health: an evacuated cluster goes at once and, when that ends, comes back at once, without hysteresis and without failback delay.
 * It never takes the last one out: if nobody else is healthy, evacuated but healthy clusters serve.
 */
export function decideFailover(
  policy: FailoverPolicyValue | null, evidence: readonly ClusterEvidence[], last: FailoverState | null, now: Instant,
): FailoverState {
  const previous = last === null ? null : notAfter(last, now);
  const rules: Rules = policy ?? NO_POLICY;
  const exporters = evidence.filter((entry) => entry.readyEndpoints !== null).sort((a, b) => (a.cluster < b.cluster ? -1 : a.cluster > b.cluster ? 1 : 0));
  const health = exporters.map((entry) => judge(rules, entry, previous?.health.find((old) => old.cluster === entry.cluster), now));
  const ordered = byPriority(rules.priority, health);
  const choice = choose(rules, ordered, previous, now);

  const wakes = [
    ...health.filter((entry) => entry.raw !== entry.healthy).map((entry) => entry.rawSince + patience(rules, entry.raw)),
    ...exporters.map((entry) => entry.evacuatedUntil ?? now),
    ...choice.returns,
  ].filter((at) => at > now);
  const next = { health, serving: choice.serving, reason: choice.reason, wakeAt: wakes.length === 0 ? null : Math.min(...wakes) };
  return previous !== null && canonicalJson(previous) === canonicalJson(next) ? previous : next;
}

/** Where the clock was set back, what is said to have begun later begins now: otherwise patience would last as long as the step. */
function notAfter(state: FailoverState, now: Instant): FailoverState {
  if (state.health.every(({ changedAt, rawSince }) => changedAt <= now && rawSince <= now)) return state;
  return { ...state, health: state.health.map((entry) => ({ ...entry, changedAt: Math.min(entry.changedAt, now), rawSince: Math.min(entry.rawSince, now) })) };
}

const patience = (rules: Rules, towardsHealthy: boolean): number => seconds(towardsHealthy ? rules.healthyAfterSeconds : rules.unhealthyAfterSeconds);

/** A cluster seen for the first time is taken as it is; afterwards a change must last before it counts. */
function judge(rules: Rules, evidence: ClusterEvidence, previous: ClusterHealth | undefined, now: Instant): ClusterHealth {
  const { raw, reason } = look(rules, evidence);
  const evacuated = evidence.evacuatedUntil !== null && evidence.evacuatedUntil > now;
  const note = evacuated ? `${reason}; evacuated until ${toRfc3339(evidence.evacuatedUntil)}` : reason;
  const { cluster } = evidence;
  if (previous === undefined) return { cluster, healthy: raw, changedAt: now, raw, rawSince: now, evacuated, reason: note };
  const rawSince = previous.raw === raw ? previous.rawSince : now;
  if (previous.healthy === raw) return { cluster, healthy: raw, changedAt: previous.changedAt, raw, rawSince, evacuated, reason: note };
  const due = rawSince + patience(rules, raw);
  if (now >= due) return { cluster, healthy: raw, changedAt: now, raw, rawSince, evacuated, reason: note };
  return {
    cluster, healthy: previous.healthy, changedAt: previous.changedAt, raw, rawSince, evacuated,
    reason: `${note}; counts as ${raw ? 'healthy' : 'unhealthy'} if it stays so until ${toRfc3339(due)}`,
  };
}

function look(rules: Rules, evidence: ClusterEvidence): { raw: boolean; reason: string } {
  const ready = evidence.readyEndpoints ?? 0;
  const blind = evidence.reachability.filter((entry) => !entry.reachable).length;
  const own = evidence.reachability.find((entry) => entry.own === true);
  // Strict majority: one isolated observer among several, or a tie, takes nobody out.
  if (own?.reachable !== true && blind * 2 > evidence.reachability.length) {
    return { raw: false, reason: `unreachable: ${blind} of ${evidence.reachability.length} observers cannot reach it${own === undefined ? '' : ', this cluster among them'}` };
  }
  const count = `${ready} ready endpoint${ready === 1 ? '' : 's'}`;
  return ready >= rules.minimumReady ? { raw: true, reason: count } : { raw: false, reason: `${count}, needs ${rules.minimumReady}` };
}

function byPriority(priority: readonly string[], health: readonly ClusterHealth[]): ClusterHealth[] {
  const rank = (cluster: string): number => (priority.includes(cluster) ? priority.indexOf(cluster) : priority.length);
  return [...health].sort((a, b) => rank(a.cluster) - rank(b.cluster));
}

interface Choice {
  readonly serving: readonly string[];
  readonly reason: string;
  /** When preferred clusters that are healthy but still in their failback delay may return. */
  readonly returns: readonly Instant[];
}

function choose(rules: Rules, ordered: readonly ClusterHealth[], previous: FailoverState | null, now: Instant): Choice {
  if (ordered.length === 0) return { serving: [], reason: 'no cluster exports the service', returns: [] };
  const healthy = ordered.filter((entry) => entry.healthy);
  if (healthy.length === 0) {
    return { serving: ordered.map((entry) => entry.cluster), reason: 'no cluster is healthy: failing open, all exporting clusters serve', returns: [] };
  }
  const staying = healthy.filter((entry) => !entry.evacuated);
  const candidates = staying.length > 0 ? staying : healthy;
  const evacuationNote = staying.length > 0 ? '' : '; evacuated, but nobody else is healthy';
  if (rules.priority.length === 0) {
    return { serving: candidates.map((entry) => entry.cluster), reason: `every healthy cluster serves${evacuationNote}`, returns: [] };
  }

  // Whoever served last and still can keeps serving while more preferred clusters sit out their failback delay.
  const current = candidates.findIndex((entry) => entry.cluster === previous?.serving[0]);
  const returnsAt = (entry: ClusterHealth): Instant => {
    const wasEvacuated = previous?.health.find((old) => old.cluster === entry.cluster)?.evacuated === true;
    return wasEvacuated ? now : entry.changedAt + seconds(rules.failbackDelaySeconds);
  };
  const chosen = candidates.findIndex((entry, index) => current === -1 || index >= current || returnsAt(entry) <= now);
  const waiting = candidates.slice(0, chosen);
  const { cluster } = candidates[chosen]!;
  const first = ordered[0]!.cluster === cluster;
  const reason = waiting.length > 0
    ? `${cluster} keeps serving; ${waiting.map((entry) => `${entry.cluster} is healthy again and returns at ${toRfc3339(returnsAt(entry))}`).join(', ')}`
    : `${cluster} is ${first ? 'first in the priority order and healthy' : 'the first healthy cluster in the priority order'}${evacuationNote}`;
  return { serving: [cluster], reason, returns: waiting.map(returnsAt) };
}
