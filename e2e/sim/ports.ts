/** What a simulated process reaches outside itself, each as its port: every call takes time, shows in the trace, and fails to answer once the process is dead. */
import type { Assignment, JournalEntry } from '../../mesh/model/history.ts';
import type { DesiredState } from '../../mesh/model/desired.ts';
import type { RunState, RunTarget, StrategyValue } from '../../mesh/model/rollout.ts';
import type { Condition } from '../../mesh/model/condition.ts';
import type { DnsPacketHandler, DnsServer } from '../../mesh/ports/dns.ts';
import { type ApiDiscovery, type KubernetesClient, KubernetesError, type KubernetesObject, type ObjectRef, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { RecordStore } from '../../mesh/ports/records.ts';
import type { SnapshotStore } from '../../mesh/ports/snapshot.ts';
import type { Life } from './life.ts';
import type { Trace } from './trace.ts';

const nameOf = (ref: ObjectRef): string => (ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`);

interface Conditioned extends KubernetesObject { readonly status?: { readonly conditions?: readonly Condition[] } }

/** Of one API: `Cluster/berlin Ready` → what it said last. */
export type SeenConditions = Map<string, string>;

/** Writes, refusals and changed conditions of one API, whoever causes them. */
export function tracedKubernetes(client: KubernetesClient, host: string, trace: Trace, conditions: SeenConditions): KubernetesClient {

  function traceConditions(kind: ResourceKind, object: Conditioned): void {
    for (const { type, status, reason } of object.status?.conditions ?? []) {
      const key = `${kind.kind}/${nameOf(object.metadata)} ${type}`;
      if (conditions.get(key) === `${status} ${reason}`) continue;
      conditions.set(key, `${status} ${reason}`);
      trace.add(host, 'condition', `${key}=${status} ${reason}`);
    }
  }

  async function write<T extends KubernetesObject>(verb: string, kind: ResourceKind, ref: ObjectRef, manager: string, subresource: string | undefined, work: () => Promise<T>): Promise<T> {
    const what = `${verb} ${kind.kind}${subresource === undefined ? '' : `/${subresource}`}`;
    const before = ref.name === '' ? undefined : (await client.get(kind, ref, new AbortController().signal))?.metadata.resourceVersion;
    try {
      const object = await work();
      const { resourceVersion } = object.metadata;
      trace.add(host, 'object', `${what} ${nameOf(object.metadata)} by ${manager} ${before === resourceVersion ? 'unchanged' : `version ${resourceVersion}`}`);
      traceConditions(kind, object);
      return object;
    } catch (error) {
      trace.add(host, 'object', `${what} ${nameOf(ref)} by ${manager} refused: ${error instanceof KubernetesError ? error.reason : String(error)}`);
      throw error;
    }
  }

  return {
    get: (kind, ref, signal) => client.get(kind, ref, signal),
    list: (kind, options, signal) => client.list(kind, options, signal),
    watch: (kind, options, signal) => client.watch(kind, options, signal),
    create: (kind, object, options, signal) => write('create', kind, object.metadata, options.fieldManager, undefined, () => client.create(kind, object, options, signal)),
    update: (kind, object, options, signal) => write('update', kind, object.metadata, options.fieldManager, options.subresource, () => client.update(kind, object, options, signal)),
    patch: (kind, ref, body, options, signal) => write(options.type, kind, ref, options.fieldManager, options.subresource, () => client.patch(kind, ref, body, options, signal)),
    async delete(kind, ref, options, signal) {
      await client.delete(kind, ref, options, signal);
      trace.add(host, 'object', `delete ${kind.kind} ${nameOf(ref)}`);
    },
  };
}

/** `requested` hears of every call before it is made. */
export function countedKubernetes(client: KubernetesClient, requested: (verb: keyof KubernetesClient, kind: ResourceKind) => void): KubernetesClient {
  const counted = <V extends keyof KubernetesClient>(verb: V): KubernetesClient[V] => ((kind: ResourceKind, ...rest: unknown[]) => {
    requested(verb, kind);
    return (client[verb] as (...all: unknown[]) => unknown)(kind, ...rest);
  }) as KubernetesClient[V];
  return { get: counted('get'), list: counted('list'), watch: counted('watch'), create: counted('create'), update: counted('update'), patch: counted('patch'), delete: counted('delete') };
}

export function livingKubernetes(client: KubernetesClient, life: Life): KubernetesClient {
  return {
    get: (...call) => life.call(() => client.get(...call)),
    list: (...call) => life.call(() => client.list(...call)),
    async* watch(kind, options, signal) {
      await life.pause();
      for await (const event of client.watch(kind, options, signal)) {
        await life.pause();
        if (signal.aborted) return;
        yield event as never;
      }
    },
    create: (...call) => life.call(() => client.create(...call)),
    update: (...call) => life.call(() => client.update(...call)),
    patch: (...call) => life.call(() => client.patch(...call)),
    delete: (...call) => life.call(() => client.delete(...call)),
  } as KubernetesClient;
}

export const livingDiscovery = (discovery: ApiDiscovery, life: Life): ApiDiscovery => ({
  kindsOf: (...call) => life.call(() => discovery.kindsOf(...call)),
  versionsOf: (...call) => life.call(() => discovery.versionsOf(...call)),
});

/** One durable step of a run, or its beginning. */
export interface SavedStep {
  readonly run: string;
  /** null: the run froze none. */
  readonly strategy: StrategyValue | null;
  /** All rows of the run afterwards. */
  readonly targets: readonly RunTarget[];
  readonly state: RunState;
  /** What it told clusters to be. `back`: what they had before. */
  readonly assigned: readonly { readonly cluster: string; readonly assignedAt: number; readonly back: boolean }[];
}

/** The records, and beside them what they hold of runs, for looking at without waiting. */
export interface TracedRecords {
  readonly records: RecordStore;
  readonly journal: readonly JournalEntry[];
  /** Every one that was saved, oldest first; the records themselves keep a cluster's last. */
  readonly assignments: readonly Assignment[];
  targets(run: string): readonly RunTarget[];
  /** Of all runs, oldest first. */
  readonly steps: readonly SavedStep[];
  /** `PACKAGE VERSION` of what a desired state brings beside the plan. */
  bundlesOf(desiredId: string): readonly string[];
}

export function tracedRecords(records: RecordStore, trace: Trace): TracedRecords {
  const journal: JournalEntry[] = [];
  const assignments: Assignment[] = [];
  const targets = new Map<string, readonly RunTarget[]>();
  const steps: SavedStep[] = [];
  const strategies = new Map<string, StrategyValue | null>();
  const bundles = new Map<string, readonly string[]>();
  const kept = (entries: readonly JournalEntry[]): void => {
    for (const entry of entries) {
      journal.push(entry);
      trace.add('hub', 'journal', `${entry.run} ${entry.event}${entry.cluster === '' ? '' : ` ${entry.cluster}`}`);
    }
  };
  return {
    journal,
    assignments,
    targets: (run) => targets.get(run) ?? [],
    steps,
    bundlesOf: (desiredId) => bundles.get(desiredId) ?? [],
    records: {
      ...records,
      async putRevisions(revisions) {
        await records.putRevisions(revisions);
        for (const { id, content } of revisions) bundles.set(id, ((JSON.parse(content) as DesiredState).bundles ?? []).map((bundle) => `${bundle.package} ${bundle.version}`));
      },
      async recordChange(change) {
        await records.recordChange(change);
        for (const { cluster, field, by, after } of change.entries) trace.add('hub', 'history', `${cluster} ${field} ${after === null ? 'gone' : 'set'} by ${by}`);
      },
      async createRun(run, frozen) {
        const created = await records.createRun(run, frozen);
        if (created) {
          targets.set(run, frozen.targets);
          strategies.set(run, frozen.strategy);
          steps.push({ run, strategy: frozen.strategy, targets: frozen.targets, state: frozen.state, assigned: [] });
          kept(frozen.journal);
        }
        return created;
      },
      async saveProgress(progress) {
        const given = await records.saveProgress(progress);
        const rows = await records.listTargets(progress.run);
        const back = new Set(rows.filter(({ phase }) => phase === 'RollingBack').map(({ cluster }) => cluster));
        targets.set(progress.run, rows);
        steps.push({
          run: progress.run, strategy: strategies.get(progress.run) ?? null, targets: rows, state: progress.state,
          assigned: given.map(({ cluster, assignedAt }) => ({ cluster, assignedAt, back: back.has(cluster) })),
        });
        assignments.push(...given);
        kept(progress.journal);
        return given;
      },
    },
  };
}

export function livingRecords(records: RecordStore, life: Life): RecordStore {
  return {
    recordChange: (...call) => life.call(() => records.recordChange(...call)),
    listStates: (...call) => life.call(() => records.listStates(...call)),
    statesAt: (...call) => life.call(() => records.statesAt(...call)),
    listHistory: (...call) => life.call(() => records.listHistory(...call)),
    namesOf: (...call) => life.call(() => records.namesOf(...call)),
    listGone: (...call) => life.call(() => records.listGone(...call)),
    historyKeptSince: (...call) => life.call(() => records.historyKeptSince(...call)),
    compactHistory: (...call) => life.call(() => records.compactHistory(...call)),
    putRevisions: (...call) => life.call(() => records.putRevisions(...call)),
    getRevision: (...call) => life.call(() => records.getRevision(...call)),
    putBundle: (...call) => life.call(() => records.putBundle(...call)),
    getBundle: (...call) => life.call(() => records.getBundle(...call)),
    createRun: (...call) => life.call(() => records.createRun(...call)),
    dropRun: (...call) => life.call(() => records.dropRun(...call)),
    dropRevisions: (...call) => life.call(() => records.dropRevisions(...call)),
    dropSummaries: (...call) => life.call(() => records.dropSummaries(...call)),
    countBundles: (...call) => life.call(() => records.countBundles(...call)),
    dropBundles: (...call) => life.call(() => records.dropBundles(...call)),
    dropReports: (...call) => life.call(() => records.dropReports(...call)),
    getRun: (...call) => life.call(() => records.getRun(...call)),
    lastHealthyOn: (...call) => life.call(() => records.lastHealthyOn(...call)),
    listTargets: (...call) => life.call(() => records.listTargets(...call)),
    saveProgress: (...call) => life.call(() => records.saveProgress(...call)),
    listJournal: (...call) => life.call(() => records.listJournal(...call)),
    listJournalAfter: (...call) => life.call(() => records.listJournalAfter(...call)),
    lastJournalSequence: (...call) => life.call(() => records.lastJournalSequence(...call)),
    listAssignments: (...call) => life.call(() => records.listAssignments(...call)),
    putReport: (...call) => life.call(() => records.putReport(...call)),
    getReport: (...call) => life.call(() => records.getReport(...call)),
    check: (...call) => life.call(() => records.check(...call)),
    close: () => Promise.resolve(),
  };
}

export function memorySnapshots(): SnapshotStore {
  let held: string | undefined;
  return {
    load: () => Promise.resolve(held),
    save: (content) => {
      held = content;
      return Promise.resolve();
    },
  };
}

export const livingSnapshots = (snapshots: SnapshotStore, life: Life): SnapshotStore => ({
  load: () => life.call(() => snapshots.load()),
  save: (content) => life.call(() => snapshots.save(content)),
});

/** Hands the packet handler to the test, which asks it as a resolver would. */
export function memoryDns(address: string, life: Life, listening: (handler: DnsPacketHandler | undefined) => void): DnsServer {
  return {
    async serve(handler, signal) {
      await life.pause();
      listening(handler);
      signal.addEventListener('abort', () => listening(undefined), { once: true });
      return { address };
    },
  };
}
