/** What is heard of a cluster → its state and history in the records, and Cluster.status, which shows that state. The only writer of Cluster.status; writes transitions, never heartbeats. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { authorsOf } from '../../../mesh/inventory/authors.ts';
import { changesOf } from '../../../mesh/inventory/changes.ts';
import { agentOf, type ClusterFacts, foldCluster } from '../../../mesh/inventory/fold.ts';
import { type ClusterFields, fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import type { ClusterStatusValue } from '../../../mesh/model/cluster-status.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import type { HistoryEntry } from '../../../mesh/model/history.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Cache } from '../../runtime/cache.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { DriftJudge } from '../drift/judge.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Acceptance } from '../identity/acceptance.ts';
import type { Revocations } from '../identity/revocation.ts';
import type { ClusterIdentity } from '../identity/service.ts';
import type { HubPorts } from '../ports.ts';
import type { Assignments } from '../rollout/assignments.ts';
import { reportOn } from '../report.ts';
import { conditionsOf } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import { createClaims } from './claims.ts';
import { createPace } from './pace.ts';
import { createRecorded } from './recorded.ts';
import { runAuthor } from './run-author.ts';

/** Agents need seconds to return to a restarted hub; until then their absence is the hub's own doing. */
const GRACE_SECONDS = 15;

const WORKERS = 4;
const TIME_LIMIT_SECONDS = 60;
/** When the API server was away, a thousand clusters are behind at once; they must not need minutes to come back. */
const RETRY_RATE = { perSecond: 50, burst: 200 };

/** An agent that waits for its certificate has given up by then; it asks again. */
const IDENTITY_PATIENCE_SECONDS = 10;

export interface InventoryParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records'>;
  readonly fleet: Fleet;
  readonly assignments: Assignments;
  readonly clusters: Cache<ClusterObject>;
  readonly runs: Cache<UpdateRunObject>;
  readonly drift: DriftJudge;
  /** The people who have approved a gate of that run. */
  readonly approversOf: (run: string) => readonly string[];
  /** Who lets the run pass the cluster's closed windows now. */
  readonly overriddenBy: (cluster: string, run: string) => string | undefined;
  readonly revocations: Pick<Revocations, 'progress' | 'subscribe'>;
  readonly acceptance: Pick<Acceptance, 'of' | 'subscribe'>;
}

export interface Inventory extends Loop {
  /** Resolves once the identity is in the cluster's status; rejects (`retry`) where it was not within seconds, and then it never will be. */
  giveIdentity(cluster: string, identity: ClusterIdentity): Promise<void>;
}

interface Step {
  readonly status: ClusterStatusValue;
  readonly fields: ClusterFields;
  readonly entries: readonly HistoryEntry[];
}

interface Given {
  readonly identity: ClusterIdentity;
  readonly stored: () => void;
}

export function createInventory({ ports, fleet, assignments, clusters, runs, drift, approversOf, overriddenBy, revocations, acceptance }: InventoryParts): Inventory {
  const { clock, kubernetes, log, records } = ports;
  const graceEnds = (): number => fleet.listeningSince() + GRACE_SECONDS * 1000;
  const pace = createPace();
  const given = new Map<string, Given[]>();
  const recorded = createRecorded(records);
  const claims = createClaims({ clusters, fleet, records });

  function factsOf(object: ClusterObject, status: ClusterStatusValue | undefined, identity: ClusterIdentity | undefined): ClusterFacts {
    const { name } = object.metadata;
    const connection = fleet.connection(name);
    const report = fleet.value(name, 'ClusterReport', name);
    const revocation = revocations.progress(name, status?.revocation);
    const pending = acceptance.of(object, status);
    const wasConnected = findCondition(conditionsOf({ status }), 'Connected')?.status === 'True';
    return {
      name, declared: object.spec?.properties ?? {}, claims: claims.of(name, report?.value.uid ?? status?.uid),
      report: report?.value ?? null, reportedAt: report?.receivedAt ?? null, reportedBy: connection?.identity.spiffeId ?? null,
      applied: drift.applied(name) ?? null, drift: drift.verdict(object, status as ClusterObject['status']),
      assignment: assignments.get(name) ?? null,
      identity: identity ?? null, joinedAt: identity?.joinedAt ?? fromRfc3339(status?.identity?.joinedAt) ?? null,
      connected: connection?.connected ?? (wasConnected && clock.now() < graceEnds()), connectedSince: connection?.since ?? null,
      exports: fleet.heard(name, 'ExportFact') === undefined ? null : [...fleet.values(name, 'ExportFact').keys()],
      ...(revocation === undefined ? {} : { revocation }),
      ...(pending === undefined ? {} : { pending }),
    };
  }

  /** What is to be shown and recorded of a cluster now; undefined: nothing new. */
  function stepOf(object: ClusterObject, identity: ClusterIdentity | undefined): Step | undefined {
    const isShown = recorded.isShownBy(object);
    const believed = isShown ? undefined : recorded.believed(object);
    const before = believed === undefined ? object.status as ClusterStatusValue | undefined : believed.status;
    const facts = factsOf(object, before, identity);
    const { status } = foldCluster(facts, before, clock.now());
    if (isShown && status === before) return undefined;
    const fieldsBefore = believed?.fields ?? fieldsOf(object);
    const fields = fieldsOf({ ...object, status });
    const authorOf = authorsOf({
      agent: agentOf(facts, status), managedFields: object.metadata.managedFields ?? [], annotations: object.metadata.annotations ?? {}, before: fieldsBefore, after: fields,
      assignment: facts.assignment, run: (name) => runAuthor(runs.get({ name }), approversOf(name), overriddenBy(facts.name, name)),
    });
    const entries = changesOf({ cluster: facts.name, at: clock.now(), before: fieldsBefore, after: fields, authorOf });
    return entries.length === 0 && status === object.status ? undefined : { status, fields, entries };
  }

  async function reconcile(name: string, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    const identities = given.get(name) ?? [];
    const identity = identities.at(-1)?.identity;
    const known = clusters.get({ name });
    if (known === undefined || stepOf(known, identity) !== undefined) {
      // Not from the cache: it may not show our own last write yet.
      const object = await kubernetes.get<ClusterObject>(Cluster, { name }, signal);
      const step = object === undefined ? undefined : stepOf(object, identity);
      if (object === undefined) {
        pace.forget(name);
        await recorded.recordGone(name, clock.now());
      } else if (step !== undefined) {
        const held = identities.length > 0 ? undefined : pace.take(name, clock.now());
        if (held !== undefined) {
          if (held.sayIt) log.warn({ cluster: name }, 'what its agent says changes so often that Cluster.status follows slowly');
          return { requeueAt: held.waitUntil };
        }
        await recorded.record(name, clock.now(), step.fields, step.entries);
        await writeStatus(kubernetes, Cluster, object, step.status as NonNullable<ClusterObject['status']>, signal);
      }
    }
    const later = (given.get(name) ?? []).filter((one) => !identities.includes(one));
    if (later.length > 0) given.set(name, later);
    else given.delete(name);
    for (const { stored } of identities) stored();
    const shown = clusters.get({ name });
    const wakes = [...(fleet.connection(name) === undefined && clock.now() < graceEnds() ? [graceEnds()] : []), ...(shown === undefined ? [] : [drift.verdict(shown).wakeAt ?? []].flat())];
    return wakes.length === 0 ? {} : { requeueAt: Math.min(...wakes) };
  }

  const reportCluster = reportOn<ClusterObject>(ports, Cluster);
  const loop = createLoop({
    name: 'inventory', reconcile, ...ports, workers: WORKERS, retryRate: RETRY_RATE, timeLimitSeconds: TIME_LIMIT_SECONDS,
    async report(name, trouble, signal) {
      const object = clusters.get({ name });
      if (object !== undefined) await reportCluster(object, trouble, signal);
    },
  });
  clusters.subscribe(({ object }) => loop.add(object.metadata.name));
  fleet.subscribe(({ cluster, type }) => { if (type !== 'DnsSample' && type !== 'Answer') loop.add(cluster); });
  assignments.subscribe((cluster) => loop.add(cluster));
  claims.subscribe((cluster) => loop.add(cluster));
  drift.subscribe((cluster) => loop.add(cluster));
  revocations.subscribe((cluster) => loop.add(cluster));
  acceptance.subscribe((cluster) => loop.add(cluster));

  return {
    ...loop,
    async start(signal) {
      for (const name of await recorded.load()) loop.add(name);
      await claims.load();
      await loop.start(signal);
    },
    async giveIdentity(cluster, identity) {
      const done = new AbortController();
      const one: Given = { identity, stored: () => done.abort() };
      given.set(cluster, [...(given.get(cluster) ?? []), one]);
      loop.add(cluster);
      await clock.sleepUntil(clock.now() + IDENTITY_PATIENCE_SECONDS * 1000, done.signal);
      if (done.signal.aborted) return;
      const others = (given.get(cluster) ?? []).filter((other) => other !== one);
      if (others.length > 0) given.set(cluster, others);
      else given.delete(cluster);
      throw new AdvisedError('retry', `cluster "${cluster}": its identity could not be stored within ${IDENTITY_PATIENCE_SECONDS} s`);
    },
  };
}
