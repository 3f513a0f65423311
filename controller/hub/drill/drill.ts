/** Drill objects → evacuations for the agents, measured by what their own DNS answers. The state is durable before an evacuation is sent. */
import type { DrillAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { DrillObject } from '../../../mesh/api/resources/drill.ts';
import { Drill } from '../../../mesh/api/resources/index.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { DrillState, DrillValue } from '../../../mesh/model/drill.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { serviceKey } from '../../../mesh/model/service.ts';
import { decideDrill, type DrillDecision, type DrillFacts, isFinished, PENDING_DRILL } from '../../../mesh/drill/decide.ts';
import { renderReport } from '../../../mesh/drill/report.ts';
import { DRILL_REPORTS } from '../../../mesh/ports/records.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Publishers } from '../gateway/publishers.ts';
import type { HubPorts } from '../ports.ts';
import { reportOn } from '../report.ts';
import { drillValue, openDrills } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import { nextFailureAt, realFailure } from './real-failure.ts';

/** How long a restarted hub waits for agents before it judges a drill without those that are missing. */
const GRACE_SECONDS = 15;
const CHANGES_AT_ONCE = 10;

/** What the records keep of a drill: what people are told, and whose it is. */
type StoredReport = DrillAnswer & { readonly uid: string | undefined };

const ageOf = ({ metadata }: DrillObject): string => `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
const oldestFirst = (drills: readonly DrillObject[]): DrillObject[] => [...drills].sort((a, b) => (ageOf(a) < ageOf(b) ? -1 : 1));

export const drillReportName = (drill: string): string => `${DRILL_REPORTS}${drill}`;

export interface DrillParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records'>;
  readonly fleet: Fleet;
  readonly publishers: Publishers;
  readonly drills: Cache<DrillObject>;
  readonly clusters: Cache<ClusterObject>;
}

export interface Drills extends Loop {
  /** Sends again what was under way, before the gateway opens: an agent that reconnects must not end an evacuation early. */
  resume(): Promise<void>;
}

export function createDrills({ ports, fleet, publishers, drills, clusters }: DrillParts): Drills {
  const { clock, log, kubernetes, records } = ports;

  /** A report of an earlier drill of that name is another drill's. */
  async function stateOf({ metadata }: DrillObject): Promise<DrillState> {
    const text = await records.getReport(drillReportName(metadata.name));
    const report = text === undefined ? undefined : JSON.parse(text) as StoredReport;
    return report?.uid === metadata.uid ? report?.state ?? PENDING_DRILL : PENDING_DRILL;
  }

  function factsOf(drill: DrillValue): DrillFacts {
    const connected = fleet.clusters().filter((cluster) => fleet.connection(cluster)?.connected === true);
    const samples = fleet.clusters().flatMap((cluster) => fleet.value(cluster, 'DnsSample', drill.name)?.value ?? []);
    return { samples, clusters: connected, realFailure: realFailure(drill, fleet, clock.now()) };
  }

  function tell(drill: string, { evacuation }: DrillDecision): void {
    if (evacuation === null) publishers.untellAll('Evacuation', drill);
    else publishers.tellAll('Evacuation', drill, evacuation);
  }

  /** Two evacuations of one service at once could leave nobody to serve it. Who has begun goes on, else the oldest begins. */
  async function waitsForDrill(object: DrillObject, drill: DrillValue, state: DrillState): Promise<string | undefined> {
    if (state.phase !== 'Pending' || drill.cancelRequested) return undefined;
    for (const other of oldestFirst(running())) {
      const value = other.metadata.name === drill.name ? undefined : drillValue(other);
      if (value === undefined || serviceKey(value.service) !== serviceKey(drill.service)) continue;
      const { phase } = await stateOf(other);
      if (!isFinished(phase) && (phase !== 'Pending' || ageOf(other) < ageOf(object))) return value.name;
    }
    return undefined;
  }

  /** Until the agents of a running drill are back, their silence is the hub's own doing. */
  function waitsForAgents(drill: DrillValue, state: DrillState): number | undefined {
    if (state.phase === 'Pending' || drill.cancelRequested) return undefined;
    const graceEnds = fleet.listeningSince() + GRACE_SECONDS * 1000;
    const missing = clusters.list().some(({ metadata, status }) => status?.identity !== undefined && fleet.connection(metadata.name) === undefined);
    return missing && clock.now() < graceEnds ? graceEnds : undefined;
  }

  async function save(uid: string | undefined, drill: DrillValue, state: DrillState): Promise<void> {
    const answer: StoredReport = { drill, state, markdown: renderReport(drill, state), uid };
    await records.putReport(drillReportName(drill.name), JSON.stringify(answer));
  }

  /** Decides until nothing follows any more: each state is durable before the next one is asked for. */
  async function advance(uid: string | undefined, drill: DrillValue, before: DrillState): Promise<DrillDecision> {
    let state = before;
    for (let count = 1; ; count += 1) {
      const decision = decideDrill(drill, state, factsOf(drill), clock.now());
      const changed = canonicalJson(decision.state) !== canonicalJson(state);
      if (changed) await save(uid, drill, decision.state);
      if (decision.state.phase !== state.phase) log.info({ drill: drill.name, phase: decision.state.phase }, decision.state.message);
      tell(drill.name, decision);
      if (!changed || count === CHANGES_AT_ONCE) return decision;
      state = decision.state;
    }
  }

  async function reconcile(name: string, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    const object = drills.get({ name });
    if (object === undefined) {
      publishers.untellAll('Evacuation', name);
      return {};
    }
    const drill = drillValue(object);
    if (drill === undefined) return {};
    const before = await stateOf(object);
    const wait = waitsForAgents(drill, before);
    if (wait !== undefined) return { requeueAt: wait };
    const first = await waitsForDrill(object, drill, before);
    if (first !== undefined) {
      const message = `waits for drill ${first} of the same service to end; set spec.stop of it to end it sooner`;
      await writeStatus(kubernetes, Drill, object, { observedGeneration: object.metadata.generation ?? 0, phase: 'Pending', message }, signal);
      return {};
    }
    const { state, wakeAt } = await advance(object.metadata.uid, drill, before);
    const recoveries = state.clusters.flatMap(({ recoverySeconds }) => recoverySeconds ?? []);
    await writeStatus(kubernetes, Drill, object, {
      observedGeneration: object.metadata.generation ?? 0, phase: state.phase, message: state.message,
      ...(state.startedAt === null ? {} : { startedAt: toRfc3339(state.startedAt) }), ...(state.finishedAt === null ? {} : { finishedAt: toRfc3339(state.finishedAt) }),
      ...(recoveries.length === 0 ? {} : { worstRecoverySeconds: Math.max(...recoveries) }),
    }, signal);
    if (wakeAt === null) return {};
    return { requeueAt: Math.min(wakeAt, nextFailureAt(fleet, clock.now()) ?? wakeAt) };
  }

  const reportDrill = reportOn<DrillObject>(ports, Drill, { phase: 'Pending', message: '' });
  const loop = createLoop({
    name: 'drill', reconcile, ...ports,
    async report(name, trouble, signal) {
      const object = drills.get({ name });
      if (object !== undefined) await reportDrill(object, trouble, signal);
    },
  });
  const running = (): readonly DrillObject[] => openDrills(drills);
  drills.subscribe(({ object }) => {
    loop.add(object.metadata.name);
    for (const { metadata } of running()) loop.add(metadata.name);
  });
  fleet.subscribe(({ type }) => {
    if (type === 'ClusterReport' || type === 'AppliedReport' || type === 'Answer') return;
    for (const { metadata } of running()) loop.add(metadata.name);
  });

  return {
    ...loop,
    async resume() {
      for (const object of running()) {
        const drill = drillValue(object);
        const state = await stateOf(object);
        // The evacuation of a state without news; agents end it at its `until` in any case.
        if (drill !== undefined && state.phase !== 'Pending') tell(drill.name, decideDrill({ ...drill, cancelRequested: false }, state, { samples: [], clusters: [], realFailure: null }, clock.now()));
      }
    },
  };
}
