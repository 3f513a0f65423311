/** Runs from which it follows what channels do next: what failed, or was taken back, is not brought again, and only what passed is promoted. */
import type { BundleObject, ChannelObject } from '../../../mesh/api/resources/bundle.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { ChannelRun } from '../../../mesh/bundle/channel.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Assignments } from '../rollout/assignments.ts';
import type { BundleJudge } from './judge.ts';
import { bundleCandidates, channelRuns, channelValue } from './values.ts';

/** `runs` oldest first; `digests` that a channel may still ask for. Of each of those the last run, of each channel the last one, and the last with success. Clusters on which one came to a bad end are not its matter. Pure. */
function lastWords(runs: readonly ChannelRun[], digests: ReadonlySet<string>): ReadonlySet<string> {
  const last = new Map<string, string>();
  for (const { name, channel, digest, phase } of runs) {
    if (!FINAL_RUN_PHASES.includes(phase)) continue;
    last.set(channel, name);
    if (digests.has(digest)) last.set(`${channel} ${digest}`, name);
    if (phase === 'Completed') last.set(`${channel} Completed`, name);
  }
  return new Set(last.values());
}

export interface DecidingParts {
  readonly runs: Cache<UpdateRunObject>;
  readonly channels: Cache<ChannelObject>;
  readonly bundles: Cache<BundleObject>;
  readonly judge: BundleJudge;
  readonly assignments: Pick<Assignments, 'bundles'>;
  readonly views: () => readonly ClusterView[];
}

export function decidingRuns({ runs, channels, bundles, judge, assignments, views }: DecidingParts): ReadonlySet<string> {
  if (channels.list().length === 0) return new Set();
  const known = { views: views(), bundles: (cluster: string) => assignments.bundles().get(cluster) ?? [], healthy: () => true, held: () => null };
  const candidates = bundleCandidates(bundles.list(), judge);
  const ran = channelRuns(runs.list(), channels.list().flatMap((object) => channelValue(object, known) ?? []), candidates, known.views);
  return lastWords(ran, new Set([...candidates, ...[...assignments.bundles().values()].flat()].map(({ digest }) => digest)));
}
