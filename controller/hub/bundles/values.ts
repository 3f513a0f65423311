/** Channels, Bundles and their runs as the values that promotion is decided from. */
import { type ChannelObject, channelSpec } from '../../../mesh/api/resources/bundle.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { BundleCandidate, ChannelCluster, ChannelRun, ChannelValue } from '../../../mesh/bundle/channel.ts';
import type { BundleObject } from '../../../mesh/api/resources/bundle.ts';
import type { BundleReference } from '../../../mesh/model/bundle.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { compareText } from '../../../mesh/model/order.ts';
import { FINAL_RUN_PHASES, type RunTarget } from '../../../mesh/model/rollout.ts';
import { type ClusterSelector, matchesSelector } from '../../../mesh/model/selector.ts';
import { UNSELECTED, wasStopped } from '../../../mesh/rollout/skipped.ts';
import { runPhase } from '../views.ts';
import type { BundleJudge } from './judge.ts';

/** On an UpdateRun: the Channel that made it. */
export const CHANNEL_LABEL = 'isthmus.dev/channel';

/** What is known of each cluster. */
export interface ClusterKnowledge {
  readonly views: readonly ClusterView[];
  readonly bundles: (cluster: string) => readonly BundleReference[];
  readonly healthy: (cluster: string) => boolean;
  readonly held: (cluster: string) => string | null;
}

/** undefined: its spec is not as the schema has it. */
export function channelValue(object: ChannelObject, known: ClusterKnowledge): ChannelValue | undefined {
  const spec = channelSpec.safeParse(object.spec ?? {});
  if (!spec.success) return undefined;
  const { package: name, bundle, autoUpdate, minimumAgeSeconds, clusters } = spec.data;
  const members = known.views.filter((view) => view.joined && matchesSelector(clusters as ClusterSelector, view)).map((view) => view.name).sort(compareText);
  return {
    name: object.metadata.name, package: name, minimumAgeSeconds, ...(bundle === undefined ? {} : { bundle }), ...(autoUpdate === undefined ? {} : { autoUpdate }),
    clusters: members.map((cluster): ChannelCluster => ({
      name: cluster, bundle: known.bundles(cluster).find((one) => one.package === name) ?? null, healthy: known.healthy(cluster), held: known.held(cluster),
    })),
  };
}

/** Those that have no digest are left out; what is wrong with them is said on themselves. */
export function bundleCandidates(objects: readonly BundleObject[], judge: BundleJudge): BundleCandidate[] {
  return objects.flatMap((object) => {
    const { facts } = judge.verdict(object);
    const problem = judge.problem(object);
    return facts === undefined ? [] : [{ ...facts.reference, name: object.metadata.name, createdAt: fromRfc3339(object.metadata.creationTimestamp) ?? 0, ...(problem === undefined ? {} : { problem }) }];
  });
}

/** Names of one channel's runs end in a number that grows; creation times have whole seconds. */
const olderFirst = (a: UpdateRunObject, b: UpdateRunObject): number =>
  compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') || a.metadata.name.length - b.metadata.name.length || compareText(a.metadata.name, b.metadata.name);

interface Origin { readonly channels: readonly string[]; readonly bundle: string; readonly digest: string; readonly undone: boolean; /** No channel made it. */ readonly byHand: boolean }

/** Runs that channels made, and those by which people repeated them or took them back; and those that took back what a person's run had brought to clusters of a channel. Newest last. */
export function channelRuns(objects: readonly UpdateRunObject[], channels: readonly ChannelValue[], candidates: readonly BundleCandidate[], views: readonly ClusterView[]): ChannelRun[] {
  const byName = new Map(objects.map((object) => [object.metadata.name, object]));

  /** A chain that is longer than there are runs ends nowhere. */
  function originOf({ metadata, spec }: UpdateRunObject, steps = 0): Origin | undefined {
    const earlier = spec.undoOf ?? spec.retryOf;
    if (earlier === undefined) {
      const channel = metadata.labels?.[CHANNEL_LABEL];
      if (channel === undefined) return originByHand(spec);
      return spec.bundle?.digest === undefined ? undefined : { channels: [channel], bundle: spec.bundle.name, digest: spec.bundle.digest, undone: false, byHand: false };
    }
    const before = byName.get(earlier);
    const origin = before === undefined || steps > objects.length ? undefined : originOf(before, steps + 1);
    return origin === undefined || spec.undoOf === undefined ? origin : { ...origin, undone: !origin.undone };
  }

  function originByHand({ bundle }: UpdateRunObject['spec']): Origin | undefined {
    const candidate = candidates.find(({ name }) => name === bundle?.name);
    if (bundle === undefined || candidate === undefined) return undefined;
    const selected = new Set(views.filter((view) => matchesSelector(bundle.clusters as ClusterSelector, view)).map(({ name }) => name));
    const touched = channels.filter((channel) => channel.package === candidate.package && channel.clusters.some(({ name }) => selected.has(name)));
    return { channels: touched.map(({ name }) => name), bundle: bundle.name, digest: bundle.digest ?? candidate.digest, undone: false, byHand: true };
  }

  return [...objects].sort(olderFirst).flatMap((object): ChannelRun[] => {
    const { metadata: { name }, status } = object;
    const origin = originOf(object);
    const phase = runPhase(object);
    // One that was stopped before it began has taken nothing back.
    if (origin === undefined || (object.spec.undoOf !== undefined && status?.startedAt === undefined && FINAL_RUN_PHASES.includes(phase))) return [];
    const { undone, channels: touched, bundle, digest, byHand } = origin;
    // What a person brings is no word of theirs on the channel; what they take back is.
    if (byHand && object.spec.undoOf === undefined) return [];
    return touched.map((channel) => ({ name, channel, bundle, digest, phase, finishedAt: fromRfc3339(status?.finishedAt) ?? null, ...(undone ? { undoes: true } : {}) }));
  });
}

export interface RunEnds {
  /** Where it did not come to a good end, or will not go; not those that were away, held back or gone when they had their turn. */
  readonly bad: ReadonlySet<string>;
  readonly good: ReadonlySet<string>;
}

export function runEnds(targets: readonly RunTarget[]): RunEnds {
  const isBad = (target: RunTarget): boolean => ['Failed', 'RolledBack', 'RollbackFailed'].includes(target.phase) || (target.phase === 'Skipped' && (target.message === UNSELECTED || wasStopped(target)));
  const named = (which: (target: RunTarget) => boolean): ReadonlySet<string> => new Set(targets.filter(which).map(({ cluster }) => cluster));
  return { bad: named(isBad), good: named(({ phase }) => phase === 'Done') };
}
