/** Channels, Bundles and their runs as the values that promotion is decided from. */
import { type ChannelObject, channelSpec } from '../../../mesh/api/resources/bundle.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { BundleCandidate, ChannelCluster, ChannelRun, ChannelValue } from '../../../mesh/bundle/channel.ts';
import type { BundleObject } from '../../../mesh/api/resources/bundle.ts';
import type { BundleReference } from '../../../mesh/model/bundle.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { compareText } from '../../../mesh/model/order.ts';
import { type ClusterSelector, matchesSelector } from '../../../mesh/model/selector.ts';
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

/** Runs that channels made, and those by which people repeated or undid them. Newest last. */
export function channelRuns(objects: readonly UpdateRunObject[]): ChannelRun[] {
  const byName = new Map(objects.map((object) => [object.metadata.name, object]));
  /** The run that it repeats in the end; a chain that is longer than there are runs is none. */
  const origin = (object: UpdateRunObject): UpdateRunObject | undefined => {
    let at: UpdateRunObject | undefined = object;
    for (let steps = 0; at?.spec.retryOf !== undefined; steps++) at = steps > objects.length ? undefined : byName.get(at.spec.retryOf);
    return at;
  };
  const undone = new Map(objects.flatMap(({ spec, status, metadata }) => (spec.undoOf !== undefined && status?.startedAt !== undefined ? [[spec.undoOf, metadata.name] as const] : [])));
  return [...objects].sort(olderFirst).flatMap((object) => {
    const first = origin(object);
    const channel = first?.metadata.labels?.[CHANNEL_LABEL];
    const bundle = first?.spec.bundle;
    const undoneBy = undone.get(object.metadata.name);
    if (channel === undefined || bundle?.digest === undefined) return [];
    return [{
      name: object.metadata.name, channel, bundle: bundle.name, digest: bundle.digest, phase: runPhase(object), finishedAt: fromRfc3339(object.status?.finishedAt) ?? null, ...(undoneBy === undefined ? {} : { undoneBy }),
    }];
  });
}
