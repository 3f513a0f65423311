/** What people may decide on a change by others, and what of it goes into a desired state. Pure; the same for the command line and the hub. */
import type { DriftEntry, DriftOverride } from '../model/desired.ts';
import type { DecidedChange, DriftDecisionValue } from '../model/drift.ts';
import { compareText } from '../model/order.ts';

/** Of one cluster; older ones are left out, and their changes are drift again. */
const MOST_OVERRIDES = 256;

const LIVE_FACTS = ['ServiceImport', 'Service', 'EndpointSlice'];
const kindOf = (object: string): string => object.split(' ')[0] ?? '';

/** Why this cannot be decided so, with what to do instead; undefined: it can. */
export function decisionProblem(action: DriftDecisionValue['action'], { object, path, actual }: DecidedChange): string | undefined {
  const what = `${object}${path === '' ? '' : ` ${path}`}`;
  const kind = kindOf(object);
  if (actual === 'unknown') return `${what}: what stands there is not known, because another field manager holds it; set it back in the cluster`;
  if (LIVE_FACTS.includes(kind)) {
    return action === 'accept' ? `${what}: follows from what other clusters export, and cannot be desired otherwise; change the export or its Service in the exporting cluster`
      : `${what}: is written again by itself; where a controller keeps changing it, turn that controller off for this object`;
  }
  if (kind !== 'Secret' || action === 'revert') return undefined;
  if (/ \S+\/clustermesh-apiserver-[a-z]+-cert$/.test(object)) return `${what}: holds a private key, which the hub may not know and cannot make desired; revert it, and the hub's authority issues it anew`;
  if (path.endsWith('.key') || path.endsWith('.crt')) return `${what}: is key material, which the hub may not know and cannot make desired; revert it, and give the peer's certificates where the hub takes them from`;
  if (path === '' && actual !== 'absent') return `${what}: a whole Secret may hold what the hub may not know; accept its keys one by one after reverting it, or keep yours under another name`;
  return undefined;
}

const isOf = (change: DecidedChange, entry: Pick<DriftEntry, 'object' | 'path' | 'actual'>): boolean => change.object === entry.object && change.path === entry.path && change.actual === entry.actual;
const newestFirst = (a: DriftDecisionValue, b: DriftDecisionValue): number => b.createdAt - a.createdAt || compareText(b.name, a.name);

/** The newest decision on exactly this change. */
export function decisionFor(decisions: readonly DriftDecisionValue[], cluster: string, entry: Pick<DriftEntry, 'object' | 'path' | 'actual'>): DriftDecisionValue | undefined {
  return decisions.filter((decision) => decision.cluster === cluster && decision.changes.some((change) => isOf(change, entry)) && decisionProblem(decision.action, entry) === undefined).sort(newestFirst)[0];
}

/** By cluster; clusters without any are left out. */
export function overridesOf(decisions: readonly DriftDecisionValue[]): ReadonlyMap<string, readonly DriftOverride[]> {
  const byCluster = new Map<string, Map<string, DriftOverride>>();
  for (const { cluster, action, changes, name } of [...decisions].sort(newestFirst)) {
    const known = byCluster.get(cluster) ?? new Map<string, DriftOverride>();
    for (const { object, path, actual } of changes) {
      const key = JSON.stringify([object, path, actual]);
      if (decisionProblem(action, { object, path, actual }) !== undefined || known.has(key) || known.size >= MOST_OVERRIDES) continue;
      known.set(key, { object, path, actual, action: action === 'accept' ? 'keep' : 'overwrite', decision: name });
    }
    if (known.size > 0) byCluster.set(cluster, known);
  }
  return new Map([...byCluster].sort(([a], [b]) => compareText(a, b)).map(([cluster, known]) => [cluster, [...known].sort(([a], [b]) => compareText(a, b)).map(([, override]) => override)]));
}
