/** Each agent is told the contents that its cluster's assigned state refers to, and no others. */
import type { BundleDelivery } from '../../../mesh/model/bundle.ts';
import type { Assignments } from '../rollout/assignments.ts';
import type { Publishers } from '../gateway/publishers.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { storedProblem } from './bundles.ts';
import type { BundleJudge } from './judge.ts';

/** Keys expire, and their file changes, without an event. */
const AGAIN_MILLISECONDS = 60_000;
const REVIEW = '';

/** `add`: what a cluster has may have changed without an assignment (it left the fleet). */
export interface BundlePublishing extends Pick<Loop, 'start' | 'add'> {
  /** Tells everything that is assigned now; before the gateway opens, or agents would be told that there is nothing. */
  load(): Promise<void>;
}

export function createBundlePublishing({ ports, assignments, publishers, judge }: {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'records' | 'digest'>;
  readonly assignments: Pick<Assignments, 'bundles' | 'subscribe'>;
  readonly publishers: Pick<Publishers, 'tell' | 'untell'>;
  readonly judge: BundleJudge;
}): BundlePublishing {
  const { log, records, clock } = ports;
  const told = new Map<string, Set<string>>();
  /** Digest → why it is withheld; each is logged once. */
  const withheld = new Map<string, string>();

  /** A key that expired since a run brought the bundle takes nothing away; one that was revoked since does. */
  async function usable(digest: string): Promise<BundleDelivery | undefined> {
    const stored = await records.getBundle(digest);
    const problem = stored === undefined ? 'the records do not have it; were they restored from an older backup?' : storedProblem(stored, judge, ports, stored.verifiedAt);
    if (problem === undefined) withheld.delete(digest);
    else if (withheld.get(digest) !== problem) {
      withheld.set(digest, problem);
      log.error({ digest, problem }, 'a bundle that is assigned is not told to agents');
    }
    return stored === undefined || problem !== undefined ? undefined : { digest, content: stored.content, signatures: stored.signatures };
  }

  async function tell(cluster: string): Promise<void> {
    const wanted = new Set((assignments.bundles().get(cluster) ?? []).map(({ digest }) => digest));
    const before = told.get(cluster) ?? new Set<string>();
    const now = new Set<string>();
    for (const digest of wanted) {
      const delivery = await usable(digest);
      if (delivery === undefined) continue;
      publishers.tell(cluster, 'Bundle', digest, delivery);
      now.add(digest);
    }
    for (const digest of before) if (!now.has(digest)) publishers.untell(cluster, 'Bundle', digest);
    if (now.size === 0) told.delete(cluster);
    else told.set(cluster, now);
  }

  const everywhere = (): string[] => [...new Set([...assignments.bundles().keys(), ...told.keys()])].sort();
  const loop = createLoop({
    name: 'bundle publishing', ...ports,
    async reconcile(key) {
      for (const cluster of key === REVIEW ? everywhere() : [key]) await tell(cluster);
      return key === REVIEW ? { requeueAt: clock.now() + AGAIN_MILLISECONDS } : {};
    },
  });
  assignments.subscribe((cluster) => { if (assignments.bundles().has(cluster) || told.has(cluster)) loop.add(cluster); });
  return {
    async load() { for (const cluster of everywhere()) await tell(cluster); },
    add: loop.add,
    start(signal) {
      loop.addAt(REVIEW, clock.now() + AGAIN_MILLISECONDS);
      return loop.start(signal);
    },
  };
}
