/** Whether what a cluster says of itself can be true: condition `Consistent`. What it says wrongly is bounded, flagged and never believed over what people declare. */
import type { ClusterReport } from '../model/cluster.ts';
import type { ConditionUpdate } from '../model/condition.ts';
import { listed } from '../model/listed.ts';

/** What others than the cluster's own agent know of its claims. */
export interface ClusterClaims {
  /** Other clusters that say they have the same uid, sorted by name. */
  readonly sameUid: readonly { readonly name: string; readonly connected: boolean }[];
  /** Names under which a Cluster with this uid was deleted from the hub, sorted. */
  readonly formerNames: readonly string[];
  /** Why what its agent says was refused since its last good report; null: it was not. */
  readonly refused: string | null;
}

export interface Claim extends ClusterClaims {
  readonly connected: boolean;
  readonly uid: string | undefined;
  readonly declared: Readonly<Record<string, string>>;
  readonly reported: ClusterReport['properties'] | null;
}

export const NO_CLAIMS: ClusterClaims = { sameUid: [], formerNames: [], refused: null };

const MOST_NAMED = 5;
const LONGEST_VALUE = 64;
const WORST_FIRST = ['DuplicateUid', 'ReportRefused', 'PropertyContradiction'] as const;
type Reason = (typeof WORST_FIRST)[number];

/** One reason, the worst; the message has them all. Says the same of the same claims, whenever it is asked. */
export function judgeClaims(claim: Claim, earlier: ConditionUpdate | undefined): ConditionUpdate {
  const problems = new Map<Reason, string>();
  const duplicate = duplicateOf(claim, earlier?.reason === 'DuplicateUid');
  if (duplicate !== undefined) problems.set('DuplicateUid', duplicate);
  if (claim.refused !== null) problems.set('ReportRefused', `its agent sent what was refused, and nothing of it is believed: ${claim.refused}`);
  const contradiction = contradictionOf(claim);
  if (contradiction !== undefined) problems.set('PropertyContradiction', contradiction);
  const reason = WORST_FIRST.find((one) => problems.has(one));
  if (reason !== undefined) return { type: 'Consistent', status: 'False', reason, message: WORST_FIRST.flatMap((one) => problems.get(one) ?? []).join('; ') };
  // Silence takes nothing back: what was refused or contradicted stays so until the agent says something else.
  if (claim.reported === null && (earlier?.reason === 'ReportRefused' || earlier?.reason === 'PropertyContradiction')) return earlier;
  const renamed = renameOf(claim);
  if (renamed !== undefined) return { type: 'Consistent', status: 'True', reason: 'Renamed', message: renamed };
  if (claim.reported === null) return earlier ?? { type: 'Consistent', status: 'Unknown', reason: 'NotReported', message: 'its agent has said nothing of it yet' };
  return { type: 'Consistent', status: 'True', reason: 'Consistent', message: 'what its agent says contradicts neither what is declared nor another cluster' };
}

/** Two that were connected at one time are two clusters, and stay two while both are there. */
function duplicateOf({ connected, sameUid, uid }: Claim, earlier: boolean): string | undefined {
  if (sameUid.length === 0 || !(earlier || (connected && sameUid.some((other) => other.connected)))) return undefined;
  return `has the uid ${quote(uid)} as ${namesOf(sameUid.map(({ name }) => name))} has: one was made from a copy of the other, or one agent lies; give the copy a namespace kube-system of its own, or delete the Cluster that is gone`;
}

/** One uid, one agent at a time: the same cluster under another name, and no lie. */
function renameOf({ connected, sameUid, formerNames, uid }: Claim): string | undefined {
  const others = sameUid.map(({ name }) => name);
  if (others.length > 0 && !connected) {
    const heirs = sameUid.filter((other) => other.connected).map(({ name }) => name);
    if (heirs.length > 0) return `goes on as ${namesOf(heirs)}, which has the same uid ${quote(uid)}; delete this Cluster when nothing needs it any more`;
    return `has the uid ${quote(uid)} as ${namesOf(others)} has, and neither is connected: the same cluster under another name`;
  }
  if (others.length > 0) return `is what was known as ${namesOf(others)}, whose agent is gone: the same uid ${quote(uid)}; delete that Cluster when nothing needs it any more`;
  return formerNames.length > 0 ? `is what was known as ${namesOf(formerNames)}, a Cluster that was deleted: the same uid ${quote(uid)}` : undefined;
}

function contradictionOf({ declared, reported }: Claim): string | undefined {
  const names = Object.keys(reported ?? {}).filter((name) => Object.hasOwn(declared, name) && declared[name] !== reported?.[name]).sort();
  if (names.length === 0) return undefined;
  const told = names.slice(0, MOST_NAMED).map((name) => `${name} is declared as ${quote(declared[name])}, its agent reports ${quote(reported?.[name])}`);
  return `${told.join('; ')}${names.length > MOST_NAMED ? `; and ${names.length - MOST_NAMED} more` : ''}; what is declared holds: correct spec.properties, or what the agent is told to report`;
}

const quote = (text: string | undefined): string => JSON.stringify((text ?? '').length > LONGEST_VALUE ? `${(text ?? '').slice(0, LONGEST_VALUE)}…` : text ?? '');
const namesOf = (names: readonly string[]): string => listed(names, MOST_NAMED);
