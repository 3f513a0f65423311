/** The six conditions of a Cluster. Messages hold no timestamps, so that a condition changes when the world does. */
import type { ClusterStatusValue, StatusCondition } from '../model/cluster-status.ts';
import { type Condition, type ConditionUpdate, setCondition } from '../model/condition.ts';
import type { Instant } from '../model/instant.ts';
import { judgeClaims, NO_CLAIMS } from './claims.ts';
import { inSync } from './drift.ts';
import type { ClusterFacts } from './facts.ts';

/** Takes the status with everything but its conditions folded already. Sorted by type; the same array where nothing changed. */
export function foldConditions(facts: ClusterFacts, status: ClusterStatusValue, previous: readonly StatusCondition[], now: Instant): StatusCondition[] {
  const earlier = (type: string): ConditionUpdate | undefined => previous.find((condition) => condition.type === type) as Condition | undefined;
  const updates = [joined(facts, status), connected(facts, status, earlier('Connected')), applied(facts, status, earlier('Applied')), inSync(facts, status, earlier('InSync'))];
  updates.push(ready(updates), consistent(facts, status, earlier('Consistent')));
  return updates.reduce((conditions, { type, status: value, reason, message }) => setCondition(conditions, { type, status: value, reason, message }, now), previous as readonly Condition[]) as StatusCondition[];
}

function joined(facts: ClusterFacts, status: ClusterStatusValue): ConditionUpdate {
  const { pending } = status;
  const asks = pending === undefined ? '' : `a key with fingerprint ${pending.keySha256} asks to join by ${pending.by}, and waits: compare it with the agent's log, then "isthmus cluster accept ${facts.name}", or reject`;
  if (pending !== undefined && (status.revocation !== undefined || status.identity === undefined)) {
    return { type: 'Joined', status: 'False', reason: 'Pending', message: status.revocation === undefined ? asks : `was cut off: ${status.revocation.reason}; ${asks}` };
  }
  if (status.revocation !== undefined) return { type: 'Joined', status: 'False', reason: 'Revoked', message: `was cut off: ${status.revocation.reason}; to let it in again, make a new token with "isthmus join ${facts.name}"` };
  if (status.identity !== undefined) return { type: 'Joined', status: 'True', reason: 'Joined', message: `holds the identity ${status.identity.spiffeId}${asks === '' ? '' : `; ${asks}`}` };
  return { type: 'Joined', status: 'False', reason: 'NotJoined', message: `no agent has joined as ${facts.name}; run "isthmus join ${facts.name}" and install the agent with what it prints` };
}

function connected(facts: ClusterFacts, status: ClusterStatusValue, earlier: ConditionUpdate | undefined): ConditionUpdate {
  if (facts.connected) return { type: 'Connected', status: 'True', reason: 'Connected', message: 'its agent is connected to the hub' };
  const before = facts.connectedSince !== null || (earlier !== undefined && earlier.reason !== 'NeverConnected');
  if (before) return { type: 'Connected', status: 'False', reason: 'Disconnected', message: 'its agent is not connected; what is shown is its last word, and the cluster goes on with what it has' };
  return { type: 'Connected', status: 'False', reason: 'NeverConnected', message: status.identity === undefined ? 'no agent has joined yet' : 'its agent has an identity, but has not connected yet' };
}

function applied(facts: ClusterFacts, status: ClusterStatusValue, earlier: ConditionUpdate | undefined): ConditionUpdate {
  const wanted = status.desired;
  if (wanted === undefined) return { type: 'Applied', status: 'True', reason: 'NothingAssigned', message: 'no update run has assigned a state yet' };
  const has = status.current?.id;
  if (has !== wanted.id) return { type: 'Applied', status: 'False', reason: 'Applying', message: `has ${has ?? 'nothing'}, is to have ${wanted.id} by run ${wanted.run}${facts.applied === null || facts.applied.message === '' ? '' : `: ${facts.applied.message}`}` };
  if (facts.applied === null) return earlier?.reason === 'Unhealthy' ? earlier : { type: 'Applied', status: 'True', reason: 'Healthy', message: `has ${wanted.id}` };
  if (facts.applied.healthy) return { type: 'Applied', status: 'True', reason: 'Healthy', message: `has ${wanted.id}${facts.applied.message === '' ? '' : `; ${facts.applied.message}`}` };
  return { type: 'Applied', status: 'False', reason: 'Unhealthy', message: `has ${wanted.id}, but ${facts.applied.message === '' ? 'its agent does not find it complete' : facts.applied.message}` };
}

/** No part of Ready: a cluster that says something odd of itself goes on working, and people should look. */
const consistent = ({ connected: here, declared, report, claims = NO_CLAIMS }: ClusterFacts, { uid }: ClusterStatusValue, earlier: ConditionUpdate | undefined): ConditionUpdate =>
  judgeClaims({ ...claims, connected: here, uid, declared, reported: report?.properties ?? null }, earlier);

function ready(others: readonly ConditionUpdate[]): ConditionUpdate {
  const missing = others.find((condition) => condition.status === 'False') ?? others.find((condition) => condition.status !== 'True');
  if (missing === undefined) return { type: 'Ready', status: 'True', reason: 'Ready', message: 'joined, connected, applied and in sync' };
  return { type: 'Ready', status: missing.status, reason: missing.reason, message: `${missing.type}: ${missing.message}` };
}
