/** What people have decided to go without: which findings they mean, and which of their words mean none. */
import type { CheckSkip } from '../model/mesh-check.ts';
import { listed } from '../model/listed.ts';
import { effectOf, isSkippable } from './checks.ts';
import type { Conflict } from './conflict.ts';

interface SkippedFinding extends Conflict {
  /** What the person says. */
  readonly because: string;
}

export interface Findings {
  /** Not empty: nothing of the mesh is changed. */
  readonly conflicts: readonly Conflict[];
  /** Clusters of these stay out of the plan for now. */
  readonly postponed: readonly Conflict[];
  readonly warnings: readonly Conflict[];
  readonly skipped: readonly SkippedFinding[];
  /** Sentences about skips that skip nothing now. */
  readonly idleSkips: readonly string[];
}

const NAMED = 3;
/** Looked at by agents, one peer at a time: the plan does not know whether it skips anything. */
const BY_AGENTS: CheckSkip['check'] = 'EndpointUnreachable';

/** A finding is meant where all of its clusters are. */
export function isMeant({ check, clusters }: CheckSkip, finding: Pick<Conflict, 'reason' | 'clusters'>): boolean {
  return check === finding.reason && (clusters === undefined || (finding.clusters.length > 0 && finding.clusters.every((one) => clusters.includes(one))));
}

export function sortOut(found: readonly Conflict[], skips: readonly CheckSkip[], mesh: string): Findings {
  const used = new Set<CheckSkip>();
  const skipped: SkippedFinding[] = [];
  const open = found.filter((finding) => {
    const skip = isSkippable(finding.reason) ? skips.find((one) => isMeant(one, finding)) : undefined;
    if (skip === undefined) return true;
    used.add(skip);
    skipped.push({ ...finding, because: skip.reason });
    return false;
  });
  const of = (effect: ReturnType<typeof effectOf>): Conflict[] => open.filter(({ reason }) => effectOf(reason) === effect);
  const idleSkips = skips.flatMap((skip, index) => (used.has(skip) || skip.check === BY_AGENTS ? [] : [
    `Mesh ${mesh}: spec.skips[${index}] (${skip.check}${skip.clusters === undefined ? '' : ` of ${listed(skip.clusters, NAMED)}`}) skips nothing: ${otherwise(skip, found)}; take it out`,
  ]));
  return { conflicts: of('refuses'), postponed: of('waits'), warnings: of('warns'), skipped, idleSkips };
}

const otherwise = (skip: CheckSkip, found: readonly Conflict[]): string => (found.some(({ reason }) => reason === skip.check)
  ? 'what the check finds is about other clusters, too, or is skipped already' : 'the check finds nothing');
