/** Hubs that die at a durable write of a run, and what must hold at every one of them. */
import type { RunTarget } from '../../../../mesh/model/rollout.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../../../mesh/ports/kubernetes.ts';
import type { RecordStore, RunStepRecord } from '../../../../mesh/ports/records.ts';

export interface WriteCounter {
  readonly records: RecordStore;
  readonly kubernetes: KubernetesClient;
  /** What was written, in order: all writes that a run consists of. */
  readonly writes: readonly string[];
}

/** `at`: the number of the write (from 1) around which `die` is called; nothing of this hub is written after that. undefined: it lives. */
export function countWrites(records: RecordStore, kubernetes: KubernetesClient, at?: { readonly write: number; readonly when: 'before' | 'after'; die(): void }): WriteCounter {
  const writes: string[] = [];
  let dead = false;
  const around = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    if (dead) throw new Error('killed');
    writes.push(what);
    if (writes.length !== at?.write) return work();
    dead = true;
    if (at.when === 'before') at.die();
    else await work().finally(() => at.die());
    throw new Error('killed');
  };
  const alive = async <T>(work: () => Promise<T>): Promise<T> => { if (dead) throw new Error('killed'); return work(); };
  const isRun = (kind: ResourceKind): boolean => kind.kind === 'UpdateRun';
  return {
    writes,
    records: {
      ...records,
      recordChange: (change) => alive(() => records.recordChange(change)),
      putRevisions: (revisions) => (revisions.length === 0 ? alive(() => records.putRevisions(revisions)) : around('revisions', () => records.putRevisions(revisions))),
      putReport: (name, content) => (name.startsWith('run-changes/') ? around(`report ${name}`, () => records.putReport(name, content)) : alive(() => records.putReport(name, content))),
      createRun: (run, frozen) => around(`freeze ${run}`, () => records.createRun(run, frozen)),
      saveProgress: (step) => around(`step ${step.run}`, () => records.saveProgress(step)),
    },
    kubernetes: {
      ...kubernetes,
      create: <T extends KubernetesObject>(kind: ResourceKind, object: T, ...rest: [Parameters<KubernetesClient['create']>[2], Parameters<KubernetesClient['create']>[3]]) =>
        (isRun(kind) ? around(`create ${object.metadata.name}`, () => kubernetes.create(kind, object, ...rest)) : alive(() => kubernetes.create(kind, object, ...rest))),
      update: <T extends KubernetesObject>(kind: ResourceKind, object: T, ...rest: [Parameters<KubernetesClient['update']>[2], Parameters<KubernetesClient['update']>[3]]) =>
        (isRun(kind) ? around(`update ${object.metadata.name} ${rest[0].subresource ?? ''}`.trim(), () => kubernetes.update(kind, object, ...rest)) : alive(() => kubernetes.update(kind, object, ...rest))),
    },
  };
}

export interface Watched {
  readonly records: RecordStore;
  /** What was wrong at the moment of a write. */
  readonly problems: readonly string[];
}

/** Looks at the rows of each run at every durable step of it, whoever makes it. */
export function watchSteps(records: RecordStore, judge: (run: string, targets: readonly RunTarget[]) => string | undefined): Watched {
  const problems: string[] = [];
  const told = new Set<string>();
  const assigned = ({ run, assignments }: RunStepRecord): void => {
    for (const { cluster, desiredId } of assignments) {
      const key = `${run} ${cluster} ${desiredId}`;
      if (told.has(key)) problems.push(`assigned twice: ${key}`);
      told.add(key);
    }
  };
  return {
    problems,
    records: {
      ...records,
      async saveProgress(step) {
        const given = await records.saveProgress(step);
        assigned(step);
        const problem = judge(step.run, await records.listTargets(step.run));
        if (problem !== undefined) problems.push(problem);
        return given;
      },
    },
  };
}
