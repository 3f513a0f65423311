/** Each agent is told the contents that its cluster's assigned state refers to, and no others. */
import type { BundleDelivery } from '../../../mesh/model/bundle.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import { type Measured, measure } from '../../runtime/sync/publisher.ts';
import type { Publishers } from '../gateway/publishers.ts';
import type { HubPorts } from '../ports.ts';
import type { Assignments } from '../rollout/assignments.ts';
import { storedProblem } from './bundles.ts';
import type { BundleJudge } from './judge.ts';

/** Keys expire, and their file changes, without an event. */
const AGAIN_MILLISECONDS = 60_000;
const REVIEW = '';

interface Told {
  readonly delivery: BundleDelivery;
  readonly measured: Measured;
}

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
  const { log, records, clock, digest } = ports;
  /** Cluster → digest → what it was told. */
  const told = new Map<string, ReadonlyMap<string, Told>>();
  /** By digest, as of the last review or later; the same object as long as it says the same. */
  const known = new Map<string, Told>();
  /** Digest → why it is withheld; each is logged once. */
  const withheld = new Map<string, string>();

  /** A key that expired since a run brought the bundle takes nothing away; one that was revoked since does. */
  async function look(wanted: string): Promise<Told | undefined> {
    const stored = await records.getBundle(wanted);
    const problem = stored === undefined ? 'the records do not have it; were they restored from an older backup?' : storedProblem(stored, judge, ports, stored.verifiedAt);
    if (stored === undefined || problem !== undefined) {
      if (withheld.get(wanted) !== problem) log.error({ digest: wanted, problem }, 'a bundle that is assigned is not told to agents');
      withheld.set(wanted, problem ?? '');
      known.delete(wanted);
      return undefined;
    }
    withheld.delete(wanted);
    const before = known.get(wanted);
    if (before !== undefined && canonicalJson(before.delivery.signatures) === canonicalJson(stored.signatures)) return before;
    const delivery = { digest: wanted, content: stored.content, signatures: stored.signatures };
    const fresh = { delivery, measured: measure(delivery, digest) };
    known.set(wanted, fresh);
    return fresh;
  }

  /** `seen`: what was found out in the same go. */
  async function tell(cluster: string, seen: Map<string, Told | undefined>): Promise<void> {
    const before = told.get(cluster);
    const now = new Map<string, Told>();
    for (const { digest: wanted } of assignments.bundles().get(cluster) ?? []) {
      const found = seen.has(wanted) ? seen.get(wanted) : await look(wanted);
      seen.set(wanted, found);
      if (found === undefined) continue;
      if (before?.get(wanted) !== found) publishers.tell(cluster, 'Bundle', wanted, found.delivery, found.measured);
      now.set(wanted, found);
    }
    for (const name of before?.keys() ?? []) if (!now.has(name)) publishers.untell(cluster, 'Bundle', name);
    if (now.size === 0) told.delete(cluster);
    else told.set(cluster, now);
  }

  async function tellAll(): Promise<void> {
    const seen = new Map<string, Told | undefined>();
    for (const cluster of everywhere()) await tell(cluster, seen);
    for (const name of known.keys()) if (!seen.has(name)) known.delete(name);
  }

  const everywhere = (): string[] => [...new Set([...assignments.bundles().keys(), ...told.keys()])].sort();
  const loop = createLoop({
    name: 'bundle publishing', ...ports,
    async reconcile(key) {
      if (key !== REVIEW) {
        await tell(key, new Map(known));
        return {};
      }
      await tellAll();
      return { requeueAt: clock.now() + AGAIN_MILLISECONDS };
    },
  });
  assignments.subscribe((cluster) => { if (assignments.bundles().has(cluster) || told.has(cluster)) loop.add(cluster); });
  return {
    load: tellAll,
    add: loop.add,
    start(signal) {
      loop.addAt(REVIEW, clock.now() + AGAIN_MILLISECONDS);
      return loop.start(signal);
    },
  };
}
