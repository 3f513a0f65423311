/** One step of a failover drill: what is known, and what follows from it. */
import type { DnsSample, DrillClusterResult, DrillPhase, DrillState, DrillValue, Evacuation } from '../model/drill.ts';
import { seconds, type Instant } from '../model/instant.ts';

/** How long a steady state may take to show, before and after. Longer than agents need to report a first sample. */
const CHECK_SECONDS = 30;
/** Past the longest planned evacuation: agents end it by themselves then, even if the hub is gone. */
const DEADMAN_SECONDS = 5;

export interface DrillFacts {
  /** Newest sample of each cluster for this drill's evacuation id; older ones may be among them. */
  readonly samples: readonly DnsSample[];
  /** Connected now. */
  readonly clusters: readonly string[];
  /** A failure that is not ours, in words; it cancels the drill. */
  readonly realFailure: string | null;
}

export interface DrillDecision {
  readonly state: DrillState;
  /** What agents are to be told until the next decision; null: nothing. */
  readonly evacuation: Evacuation | null;
  /** When to decide again without news; null: finished. */
  readonly wakeAt: Instant | null;
}

/** A drill of which nothing has happened yet. */
export const PENDING_DRILL: DrillState = {
  phase: 'Pending', startedAt: null, evacuatedAt: null, restoredAt: null, finishedAt: null, outcome: null, message: 'waiting to start', clusters: [],
};

export const isFinished = (phase: DrillPhase): boolean => phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';

/**
 * The state must be durable before the evacuation is sent. A drill never leaves `Evacuating` other than through `Restoring`. The evacuation lasts `holdSeconds`,
 * longer only while a cluster has not recovered and the objective is not yet missed.
 */
export function decideDrill(drill: DrillValue, state: DrillState, facts: DrillFacts, now: Instant): DrillDecision {
  switch (state.phase) {
    case 'Pending': return start(drill, state, now);
    case 'CheckingBefore': return checkBefore(drill, state, facts, now);
    case 'Evacuating': return evacuate(drill, state, facts, now);
    case 'Restoring': return restore(drill, state, facts, now);
    case 'CheckingAfter': return checkAfter(drill, state, facts, now);
    case 'Succeeded': case 'Failed': case 'Cancelled': return { state, evacuation: null, wakeAt: null };
  }
}

/** Equal for a whole phase, so that agents are told once. */
const looking = (drill: DrillValue, since: Instant): Evacuation =>
  ({ id: drill.name, active: false, service: drill.service, cluster: drill.evacuate, until: since + seconds(2 * CHECK_SECONDS + DEADMAN_SECONDS) });

function finish(state: DrillState, outcome: 'Succeeded' | 'Failed' | 'Cancelled', message: string, now: Instant): DrillDecision {
  return { state: { ...state, phase: outcome, outcome, finishedAt: now, message }, evacuation: null, wakeAt: null };
}

function start(drill: DrillValue, state: DrillState, now: Instant): DrillDecision {
  if (drill.cancelRequested) return finish(state, 'Cancelled', 'cancelled before it began; nothing was touched', now);
  return {
    state: { ...state, phase: 'CheckingBefore', startedAt: now, message: 'checking the steady state' },
    evacuation: looking(drill, now),
    wakeAt: now + seconds(CHECK_SECONDS),
  };
}

const newest = (facts: DrillFacts, cluster: string): DnsSample | undefined =>
  facts.samples.filter((sample) => sample.cluster === cluster).reduce<DnsSample | undefined>((last, sample) => (last === undefined || sample.at >= last.at ? sample : last), undefined);
const answers = (sample: DnsSample): boolean => sample.rcode === 'NOERROR' && sample.servedBy.length > 0;

function checkBefore(drill: DrillValue, state: DrillState, facts: DrillFacts, now: Instant): DrillDecision {
  if (drill.cancelRequested) return finish(state, 'Cancelled', 'cancelled during the first check; nothing was touched', now);
  if (facts.realFailure !== null) return finish(state, 'Failed', `refused, nothing was touched: ${facts.realFailure}`, now);
  const since = state.startedAt ?? now;
  const deadline = since + seconds(CHECK_SECONDS);
  const problem = steadyStateProblem(drill, facts);
  if (problem !== null) {
    if (now >= deadline) return finish(state, 'Failed', `refused, nothing was touched: no steady state within ${CHECK_SECONDS} s: ${problem}`, now);
    return { state: { ...state, message: `checking the steady state: ${problem}` }, evacuation: looking(drill, since), wakeAt: deadline };
  }
  const clusters = [...new Set(facts.clusters)].sort().map((cluster): DrillClusterResult => ({
    cluster, recoveredAt: null, recoverySeconds: null, restoredAt: null,
    answersBefore: newest(facts, cluster)?.servedBy ?? [], answersDuring: [], answersAfter: [],
  }));
  return evacuating(drill, { ...state, phase: 'Evacuating', evacuatedAt: now, clusters, message: `${drill.evacuate} is evacuated` }, now);
}

function steadyStateProblem(drill: DrillValue, facts: DrillFacts): string | null {
  const clusters = [...new Set(facts.clusters)].sort();
  if (clusters.length === 0) return 'no cluster is connected to the hub';
  for (const cluster of clusters) {
    const sample = newest(facts, cluster);
    if (sample === undefined) return `${cluster} has reported no answer yet`;
    if (!answers(sample)) return `the DNS of ${cluster} answers ${sample.rcode === 'NOERROR' ? 'no address' : sample.rcode}`;
    if (!sample.healthy.some((other) => other !== drill.evacuate)) return `${cluster} knows no healthy cluster besides ${drill.evacuate}, so evacuating it would be an outage`;
  }
  if (!clusters.some((cluster) => newest(facts, cluster)?.servedBy.includes(drill.evacuate))) {
    return `no cluster's DNS answers with ${drill.evacuate}, so evacuating it would prove nothing`;
  }
  return null;
}

/** The longest that the evacuation may last by plan. */
const longest = (drill: DrillValue): number => seconds(Math.max(drill.holdSeconds, drill.objectiveSeconds));
const affected = (drill: DrillValue, result: DrillClusterResult): boolean => result.answersBefore.includes(drill.evacuate);

function evacuating(drill: DrillValue, state: DrillState, now: Instant): DrillDecision {
  const since = state.evacuatedAt ?? now;
  const wakes = [since + seconds(drill.holdSeconds), since + seconds(drill.objectiveSeconds)].filter((at) => at > now);
  return {
    state,
    evacuation: { id: drill.name, active: true, service: drill.service, cluster: drill.evacuate, until: since + longest(drill) + seconds(DEADMAN_SECONDS) },
    wakeAt: wakes.length === 0 ? now : Math.min(...wakes),
  };
}

function evacuate(drill: DrillValue, state: DrillState, facts: DrillFacts, now: Instant): DrillDecision {
  const since = state.evacuatedAt ?? now;
  const clusters = state.clusters.map((result) => observeRecovery(drill, result, facts, since, now));
  const seen: DrillState = { ...state, clusters };
  if (drill.cancelRequested) return restoring(drill, seen, 'Cancelled', 'cancelled on request', now);
  if (facts.realFailure !== null) return restoring(drill, seen, 'Cancelled', `cancelled by a real failure: ${facts.realFailure}`, now);

  const objective = seconds(drill.objectiveSeconds);
  const missed = clusters.filter((result) => affected(drill, result) && (result.recoveredAt === null ? now - since >= objective : result.recoveredAt - since > objective));
  if (missed.length > 0) {
    return restoring(drill, seen, 'Failed', `objective of ${drill.objectiveSeconds} s missed: ${missed.map((result) => describeMiss(drill, result, facts)).join(', ')}`, now);
  }
  const waiting = clusters.filter((result) => affected(drill, result) && result.recoveredAt === null);
  if (waiting.length === 0 && now - since >= seconds(drill.holdSeconds)) return restoring(drill, seen, 'Succeeded', 'every cluster recovered within the objective', now);
  const message = waiting.length === 0
    ? `${drill.evacuate} is evacuated; every cluster has recovered`
    : `${drill.evacuate} is evacuated; waiting for ${waiting.map((result) => result.cluster).join(', ')}`;
  return evacuating(drill, { ...seen, message }, now);
}

/** Sample times are the agent's own clock: held between the evacuation and now, so that no skew gives a time outside the drill. */
function observeRecovery(drill: DrillValue, result: DrillClusterResult, facts: DrillFacts, since: Instant, now: Instant): DrillClusterResult {
  const samples = facts.samples.filter((sample) => sample.cluster === result.cluster).sort((a, b) => a.at - b.at);
  const last = samples.at(-1);
  if (last === undefined) return result;
  const answersDuring = last.servedBy;
  if (result.recoveredAt !== null || !affected(drill, result)) return { ...result, answersDuring };
  const recovered = samples.find((sample) => answers(sample) && !sample.servedBy.includes(drill.evacuate));
  if (recovered === undefined) return { ...result, answersDuring };
  const recoveredAt = Math.min(Math.max(recovered.at, since), now);
  return { ...result, answersDuring, recoveredAt, recoverySeconds: (recoveredAt - since) / 1000 };
}

function describeMiss(drill: DrillValue, result: DrillClusterResult, facts: DrillFacts): string {
  if (result.recoverySeconds !== null) return `${result.cluster} took ${result.recoverySeconds} s`;
  if (!facts.clusters.includes(result.cluster)) return `${result.cluster} is not connected`;
  return result.answersDuring.includes(drill.evacuate) ? `${result.cluster} still answers with ${drill.evacuate}` : `${result.cluster} gives no answer`;
}

function restoring(drill: DrillValue, state: DrillState, outcome: 'Succeeded' | 'Failed' | 'Cancelled', message: string, now: Instant): DrillDecision {
  return {
    state: { ...state, phase: 'Restoring', outcome, restoredAt: now, message },
    evacuation: looking(drill, now),
    wakeAt: now + seconds(CHECK_SECONDS),
  };
}

/** After the first answer as before, or the bounded wait, the last check decides. */
function restore(drill: DrillValue, state: DrillState, facts: DrillFacts, now: Instant): DrillDecision {
  const since = state.restoredAt ?? now;
  const seen = observeReturn(drill, withLateCancel(drill, state), facts, since, now);
  if (seen.clusters.every((result) => result.restoredAt !== null) || now >= since + seconds(CHECK_SECONDS)) {
    return checkAfter(drill, { ...seen, phase: 'CheckingAfter' }, facts, now);
  }
  return { state: seen, evacuation: looking(drill, since), wakeAt: since + seconds(CHECK_SECONDS) };
}

function checkAfter(drill: DrillValue, state: DrillState, facts: DrillFacts, now: Instant): DrillDecision {
  const since = state.restoredAt ?? now;
  const deadline = since + seconds(2 * CHECK_SECONDS);
  const seen = observeReturn(drill, withLateCancel(drill, state), facts, since, now);
  const different = seen.clusters.filter((result) => !sameAnswers(result, newest(facts, result.cluster)));
  const outcome = seen.outcome ?? 'Failed';
  if (different.length === 0) return finish(seen, outcome, `${seen.message}; everything is as before`, now);
  const names = different.map((result) => result.cluster).join(', ');
  if (now < deadline) return { state: seen, evacuation: looking(drill, since), wakeAt: deadline };
  return finish(seen, outcome === 'Succeeded' ? 'Failed' : outcome, `${seen.message}; but ${names} did not answer as before within ${2 * CHECK_SECONDS} s of restoring`, now);
}

/** A person who cancels while everything is being restored gets a cancelled drill; a failed one stays failed. */
const withLateCancel = (drill: DrillValue, state: DrillState): DrillState =>
  (drill.cancelRequested && state.outcome === 'Succeeded' ? { ...state, outcome: 'Cancelled', message: 'cancelled on request' } : state);

const sameAnswers = (result: DrillClusterResult, sample: DnsSample | undefined): boolean =>
  sample !== undefined && answers(sample) && [...sample.servedBy].sort().join(' ') === [...result.answersBefore].sort().join(' ');

function observeReturn(drill: DrillValue, state: DrillState, facts: DrillFacts, since: Instant, now: Instant): DrillState {
  const clusters = state.clusters.map((result): DrillClusterResult => {
    const sample = newest(facts, result.cluster);
    if (sample === undefined) return result;
    const back = result.restoredAt === null && sameAnswers(result, sample);
    return { ...result, answersAfter: sample.servedBy, restoredAt: back ? Math.min(Math.max(sample.at, since), now) : result.restoredAt };
  });
  return { ...state, clusters };
}
