/** What a run that has ended leaves to be taken back, or to be tried again. */
import { compareText } from '../model/order.ts';
import type { RunTarget } from '../model/rollout.ts';
import type { DesiredChange } from './targets.ts';

const byCluster = (a: DesiredChange, b: DesiredChange): number => compareText(a.cluster, b.cluster);

/** Everything the run changed and has not taken back itself, back to what it had before, or to `baseline` (by cluster) where it had nothing. Sorted by cluster. */
export function undoTargets(targets: readonly RunTarget[], baseline: Readonly<Record<string, string>>): DesiredChange[] {
  return targets
    .filter(({ assignedAt, rolledBackAt }) => assignedAt !== null && rolledBackAt === undefined)
    .flatMap(({ cluster, fromId, toId, backId }): DesiredChange[] => {
      const earlier = backId ?? fromId ?? (Object.hasOwn(baseline, cluster) ? baseline[cluster] : undefined);
      return earlier === undefined || earlier === toId ? [] : [{ cluster, fromId: toId, toId: earlier }];
    })
    .sort(byCluster);
}

/** Clusters that failed, were left out, or went back, each with the very state that it was to have. Sorted by cluster. */
export function retryTargets(targets: readonly RunTarget[]): DesiredChange[] {
  return targets
    .filter(({ phase }) => phase === 'Failed' || phase === 'Skipped' || phase === 'RolledBack' || phase === 'RollbackFailed')
    .map(({ cluster, fromId, toId, backId, assignedAt, rolledBackAt, phase }): DesiredChange => {
      const has = assignedAt === null ? fromId : rolledBackAt === undefined ? toId : backId ?? fromId;
      const failing = phase === 'Failed' || phase === 'RollbackFailed';
      return { cluster, fromId: has, toId, ...(backId === undefined ? {} : { backId }), ...(failing ? { failingBefore: true } : {}), ...(has === toId ? { again: true } : {}) };
    })
    .sort(byCluster);
}
