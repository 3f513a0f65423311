/** Channel → UpdateRun of the Bundle that it is to be on next. What that is, `mesh/bundle/promotion.ts` decides; how it goes, the run's strategy. */
import type { BundleObject, ChannelObject } from '../../../mesh/api/resources/bundle.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Channel, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { ChannelDecision, ChannelRun } from '../../../mesh/bundle/channel.ts';
import { ANY_BUNDLE, decideChannels } from '../../../mesh/bundle/promotion.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import { type ConditionUpdate, setCondition } from '../../../mesh/model/condition.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import { type ClusterSelector, isEmptySelector } from '../../../mesh/model/selector.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { eachApart } from '../../runtime/apart.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { DriftJudge } from '../drift/judge.ts';
import type { Fleet } from '../gateway/fleet.ts';
import { runName } from '../mesh/next-run.ts';
import type { HubPorts } from '../ports.ts';
import { reportOn } from '../report.ts';
import type { Assignments } from '../rollout/assignments.ts';
import { conditionsOf } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import type { BundleJudge } from './judge.ts';
import { bundleCandidates, CHANNEL_LABEL, channelRuns, channelValue, type RunEnds, runEnds } from './values.ts';

const ALL = 'channels';
/** In a selector. */
const MOST_NAMES = 1024;
/** Every report of every agent wakes the loop: a large fleet is looked at less often. */
const PAUSE_MILLISECONDS_PER_CLUSTER = 2;

export interface ChannelParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records'>;
  readonly channels: Cache<ChannelObject>;
  readonly bundles: Cache<BundleObject>;
  readonly runs: Cache<UpdateRunObject>;
  readonly judge: BundleJudge;
  readonly assignments: Assignments;
  readonly fleet: Fleet;
  readonly drift: DriftJudge;
  readonly clusters: Cache<ClusterObject>;
  readonly views: () => readonly ClusterView[];
}

function promoted({ blocked, openRun, wanted, behind }: ChannelDecision, clusters: number): Omit<ConditionUpdate, 'observedGeneration'> {
  const what = wanted === null ? '' : `${wanted.package} ${wanted.version}`;
  const told = (status: ConditionUpdate['status'], reason: string, message: string): Omit<ConditionUpdate, 'observedGeneration'> => ({ type: 'Promoted', status, reason, message });
  if (openRun !== null) return told('False', 'OnItsWay', `run ${openRun} is on its way; ${behind.length} of ${clusters} clusters are not on ${what === '' ? 'what the channel is to be on' : what}`);
  if (wanted === null) return told('Unknown', blocked?.reason ?? 'NothingYet', blocked?.message ?? 'there is nothing that the channel could be on');
  if (blocked === null && behind.length === 0) return told('True', 'Promoted', `${clusters === 1 ? 'its only cluster is' : `all ${clusters} clusters are`} on ${what}`);
  return told('False', blocked?.reason ?? 'Behind', blocked?.message ?? `${behind.length} of ${clusters} clusters are not on ${what}; a run will bring it`);
}

export function createChannels({ ports, channels, bundles, runs, judge, assignments, fleet, drift, clusters, views }: ChannelParts): Loop {
  const { clock, kubernetes, log, records } = ports;
  const reportChannel = reportOn<ChannelObject>(ports, Channel);

  function healthy(cluster: string): boolean {
    const assigned = assignments.get(cluster);
    const applied = drift.applied(cluster);
    return fleet.connection(cluster)?.connected === true && assigned !== undefined && applied?.healthy === true && applied.id === assigned.desiredId
      && (assigned.generation === undefined || applied.generation === undefined || applied.generation === assigned.generation);
  }

  /** Rows of an ended run do not change. */
  const ends = new Map<string, RunEnds>();

  /** Rows are asked for only of what each channel was brought last. */
  async function withSpent(ran: readonly ChannelRun[]): Promise<ChannelRun[]> {
    const newest = new Map(ran.map((run) => [run.channel, run.digest]));
    const spent = new Map<string, ReadonlySet<string>>();
    const told: ChannelRun[] = [];
    for (const run of ran) {
      if (newest.get(run.channel) === run.digest && FINAL_RUN_PHASES.includes(run.phase)) {
        const end = ends.get(run.name) ?? runEnds(await records.listTargets(run.name));
        ends.set(run.name, end);
        spent.set(run.channel, new Set([...spent.get(run.channel) ?? [], ...end.bad].filter((cluster) => !end.good.has(cluster))));
        told.push({ ...run, spent: spent.get(run.channel) ?? new Set() });
      } else told.push(run);
    }
    for (const name of ends.keys()) if (!ran.some((run) => run.name === name)) ends.delete(name);
    return told;
  }

  async function makeRun({ metadata, spec }: ChannelObject, { wanted, only }: ChannelDecision, signal: CancelSignal): Promise<void> {
    if (wanted === null) return;
    const taken = runs.list().map((run) => run.metadata.name);
    let name = runName(`channel-${metadata.name}`, taken);
    // A deleted UpdateRun leaves its rows: its name is not free.
    while (await records.getRun(name) !== undefined) name = runName(`channel-${metadata.name}`, [...taken, name]);
    const selected = only === null || only.length > MOST_NAMES ? spec.clusters : { ...spec.clusters, names: [...only] };
    const from = spec.bundle === undefined && spec.autoUpdate !== undefined && spec.autoUpdate.from !== ANY_BUNDLE ? `, which passed Channel ${spec.autoUpdate.from}` : '';
    try {
      await kubernetes.create<UpdateRunObject>(UpdateRun, {
        apiVersion: apiVersionOf(UpdateRun), kind: 'UpdateRun', metadata: { name, labels: { [CHANNEL_LABEL]: metadata.name } },
        spec: {
          strategyName: spec.strategyName, bundle: { name: wanted.name, digest: wanted.digest, clusters: selected, ...(isEmptySelector(selected as ClusterSelector) ? { all: true } : {}) },
          reason: `Channel ${metadata.name}: ${wanted.package} ${wanted.version}${from}`, requestedBy: HUB_FIELD_MANAGER, stop: false,
        },
      }, { fieldManager: HUB_FIELD_MANAGER }, signal);
      log.info({ run: name, channel: metadata.name, digest: wanted.digest }, 'update run created');
    } catch (error) {
      // The cache lags behind our own create.
      if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
    }
  }

  async function writeChannel(object: ChannelObject, decision: ChannelDecision, clusters: number, last: ChannelRun | undefined, signal: CancelSignal): Promise<void> {
    const observedGeneration = object.metadata.generation ?? 0;
    const { invalid, blocked, current, wanted } = decision;
    const updates: readonly Omit<ConditionUpdate, 'observedGeneration'>[] = [
      invalid === null ? { type: 'Valid', status: 'True', reason: 'Valid', message: `it has ${clusters} clusters` } : { type: 'Valid', status: 'False', ...invalid },
      blocked === null ? { type: 'Blocked', status: 'False', reason: 'NotBlocked', message: '' } : { type: 'Blocked', status: 'True', ...blocked },
      promoted(decision, clusters),
    ];
    const conditions = updates.reduce((all, update) => setCondition(all, { ...update, observedGeneration }, clock.now()), conditionsOf(object));
    await writeStatus(kubernetes, Channel, object, {
      observedGeneration, clusters, ...(current === null ? {} : { version: current.version, digest: current.digest }), ...(wanted === null ? {} : { wanted: wanted.version }),
      ...(last === undefined ? {} : { run: last.name }), ...(blocked === null ? {} : { blocked: blocked.reason }), conditions: [...conditions],
    }, signal);
  }

  let restsUntil = Number.NEGATIVE_INFINITY;

  async function reconcile(_key: string, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    const objects = channels.list();
    if (objects.length === 0) return {};
    if (clock.now() < restsUntil) return { requeueAt: restsUntil };
    const known = { views: views(), bundles: (cluster: string) => assignments.bundles().get(cluster) ?? [], healthy, held: drift.held };
    restsUntil = clock.now() + known.views.length * PAUSE_MILLISECONDS_PER_CLUSTER;
    const values = objects.flatMap((object) => channelValue(object, known) ?? []);
    const candidates = bundleCandidates(bundles.list(), judge);
    const ran = await withSpent(channelRuns(runs.list(), values, candidates, known.views));
    const decisions = new Map(decideChannels({ channels: values, bundles: candidates, runs: ran }, clock.now()).map((decision) => [decision.channel, decision]));
    await eachApart({
      controller: 'channel', objects, report: reportChannel,
      async work(object) {
        const { name } = object.metadata;
        const decision = decisions.get(name);
        if (decision === undefined) return;
        if (decision.makeRun) await makeRun(object, decision, signal);
        await writeChannel(object, decision, values.find((value) => value.name === name)?.clusters.length ?? 0, ran.findLast(({ channel }) => channel === name), signal);
      },
    }, signal);
    const wakes = [...[...decisions.values()].flatMap(({ wakeAt }) => wakeAt ?? []), drift.thawsAt() ?? []].flat();
    return wakes.length === 0 ? {} : { requeueAt: Math.min(...wakes) };
  }

  const loop = createLoop({
    name: 'channel', reconcile, ...ports,
    async report(_key, trouble, signal) {
      if (trouble !== undefined) for (const object of channels.list()) await reportChannel(object, trouble, signal);
    },
  });
  const wake = (): void => loop.add(ALL);
  for (const cache of [channels, bundles, runs, clusters]) cache.subscribe(wake);
  assignments.subscribe(wake);
  drift.subscribe(wake);
  fleet.subscribe(({ type }) => { if (type === 'AppliedReport' || type === 'Connection' || type === 'ClusterReport') wake(); });
  return loop;
}
