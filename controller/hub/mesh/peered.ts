/** Whether all that a mesh's plan asks for is connected, as the agents of its members say. Pure. */
import type { ClusterStatusValue } from '../../../mesh/model/cluster-status.ts';
import type { ConditionUpdate } from '../../../mesh/model/condition.ts';
import { listed } from '../../../mesh/model/listed.ts';
import type { MeshPlan } from '../../../mesh/plan/plan.ts';
import { blockedCells, blockedText } from './cells.ts';

const MOST_NAMED = 5;

export interface Peered {
  readonly condition: ConditionUpdate;
  /** Ordered pairs of which the first does not read the second yet; absent: nobody has said. */
  readonly pairsWaiting?: number;
}

export function peered({ conflicts, members: all, cells = [] }: Pick<MeshPlan, 'conflicts' | 'members' | 'cells'>, statusOf: (cluster: string) => Pick<ClusterStatusValue, 'current' | 'peering'> | undefined, generation: number): Peered {
  const stay = blockedCells({ cells, conflicts });
  const members = stay === undefined ? all : cells.filter((cell) => cell.conflicts.length === 0).flatMap((cell) => cell.members);
  const said = members.flatMap(({ name }) => { const peering = statusOf(name)?.peering; return peering === undefined ? [] : [{ name, peering }]; });
  const waits = said.filter(({ peering }) => peering.waiting > 0);
  const waiting = waits.reduce((sum, { peering }) => sum + peering.waiting, 0);
  const standing = said.reduce((sum, { peering }) => sum + peering.reads, 0);
  const late = members.filter(({ name, desiredId }) => statusOf(name)?.current?.id !== desiredId).map(({ name }) => name);
  const silent = members.filter(({ name }) => statusOf(name)?.peering === undefined).map(({ name }) => name);
  const named = waits.flatMap(({ name, peering }) => (peering.waitsFor ?? []).map(({ peer, reason }) => `${name} waits for ${peer}: ${reason}`));

  const condition = (status: 'True' | 'False' | 'Unknown', reason: string, message: string): Peered =>
    ({ condition: { type: 'Peered', status, reason, message: message.slice(0, 32_000), observedGeneration: generation }, ...(said.length === 0 ? {} : { pairsWaiting: waiting }) });
  if (conflicts.length > 0 && stay === undefined) return condition('False', 'NotPlanned', 'the plan has conflicts (see Planned)');
  if (waiting > 0) {
    const rest = waiting - Math.min(named.length, MOST_NAMED);
    return condition('False', 'Waiting', `${waiting} of ${waiting + standing} pairs wait: ${named.slice(0, MOST_NAMED).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`);
  }
  if (late.length > 0) return condition('False', 'Applying', `${listed(late, MOST_NAMED)} ha${late.length === 1 ? 's' : 've'} not applied the plan yet`);
  if (silent.length > 0) return condition('Unknown', 'NotSaid', `${listed(silent, MOST_NAMED)} ha${silent.length === 1 ? 's' : 've'} not said whom ${silent.length === 1 ? 'it reads' : 'they read'}; agents before this version do not`);
  if (stay !== undefined) return condition('False', 'NotPlanned', `${blockedText(stay)}; all ${standing} pairs of the other cells are connected`);
  return condition('True', 'Peered', `all ${standing} pairs are connected`);
}
