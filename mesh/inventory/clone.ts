/** One cluster's networking configuration to another: what has to change so that meshes and policies treat the target as they treat the source. Writes nothing. */
import type { FailoverPolicyValue } from '../model/policy.ts';
import { type ClusterSelector, matchesSelector } from '../model/selector.ts';
import { type CloneChange, type CloneConflict, type Clonable, cloneKey, failoverChange, type NamedSelector, nameChange, withChange } from './clone-changes.ts';
import { entriesOf, keysOf } from './clone-selectors.ts';
import { notCopied, type NotCopied } from './clone-rest.ts';

export type { Clonable, CloneChange, NamedSelector } from './clone-changes.ts';

export interface CloneInput {
  readonly source: Clonable;
  readonly target: Clonable;
  /** Every selector of every policy. Those of meshes and export policies are followed; what becomes of the others is told. */
  readonly selectors: readonly NamedSelector[];
  readonly failover: readonly FailoverPolicyValue[];
  /** Names; they hold for every cluster. */
  readonly globalServices: readonly string[];
  /** Also take the target out of what the source is not part of. Meshes aside, nothing is taken away without it. */
  readonly exact: boolean;
  /** Conflicts of the meshes that the changes would bring. Not asked where nothing changes. */
  readonly check: (after: CloneOutcome) => readonly CloneConflict[];
}

/** The fleet as it would be. */
export interface CloneOutcome {
  readonly target: Clonable;
  readonly selectors: readonly NamedSelector[];
  readonly failover: readonly FailoverPolicyValue[];
}

/** What becomes of the target's part in one policy. */
export interface CloneEffect {
  readonly kind: NamedSelector['kind'];
  readonly name: string;
  readonly path: string;
  readonly joins: boolean;
  /** false: the source is treated otherwise, or how it is treated is not copied; it follows from a label that had to change. */
  readonly asSource: boolean;
}

export interface ClonePlan {
  /** In the order in which they are to be written: policies before the cluster that they are to find. */
  readonly changes: readonly CloneChange[];
  readonly effects: readonly CloneEffect[];
  /** Not empty: must not be applied. */
  readonly conflicts: readonly CloneConflict[];
  readonly notCopied: readonly NotCopied[];
}

const COPIED: readonly NamedSelector['kind'][] = ['Mesh', 'ExportPolicy'];
const isCopied = ({ kind }: NamedSelector): boolean => COPIED.includes(kind);

export function planClone({ source, target, selectors, failover, globalServices, exact, check }: CloneInput): ClonePlan {
  if (source.subject.name === target.subject.name) {
    return { changes: [], effects: [], notCopied: [], conflicts: [{ reason: 'SameCluster', message: `cluster ${source.subject.name}: is both source and target; name another target`, clusters: [source.subject.name] }] };
  }
  const selects = (one: NamedSelector, cluster: Clonable): boolean => matchesSelector(one.selector, cluster.subject);
  const sourceHasMesh = selectors.some((one) => one.kind === 'Mesh' && selects(one, source));
  const mayLeave = (one: NamedSelector): boolean => exact || (one.kind === 'Mesh' && sourceHasMesh);
  const differs = (one: NamedSelector, cluster: Clonable): boolean =>
    isCopied(one) && selects(one, source) !== selects(one, cluster) && (selects(one, source) || mayLeave(one));

  // Each key that is copied may move the target in a policy that was in order before: looked at again until nothing new is asked for.
  const keys = new Map<string, CloneChange[]>();
  const conflicts: CloneConflict[] = [];
  const blocked = new Set<NamedSelector>();
  let after = target;
  for (let asked = askedFor(); asked !== undefined; asked = askedFor()) {
    const copied = cloneKey(source, after, asked.key, asked.by);
    keys.set(asked.key, 'changes' in copied ? copied.changes : []);
    if ('changes' in copied) {
      after = copied.changes.reduce(withChange, after);
    } else {
      conflicts.push(copied.conflict);
      blocked.add(asked.by);
    }
  }
  function askedFor(): { key: string; by: NamedSelector } | undefined {
    for (const by of selectors) {
      if (!differs(by, after)) continue;
      const entries = entriesOf(by.selector).filter((entry) => matchesSelector(entry, source.subject) !== matchesSelector(entry, after.subject));
      const key = entries.flatMap((entry) => keysOf(entry, [source.subject, after.subject])).find((one) => !keys.has(one));
      if (key !== undefined) return { key, by };
    }
    return undefined;
  }

  const policies: CloneChange[] = [];
  const selectorsAfter = selectors.map((one): NamedSelector => {
    if (blocked.has(one) || !differs(one, after)) return one;
    const change = nameChange(one, source.subject.name, target.subject.name, selects(one, source));
    const selector: ClusterSelector = 'names' in change ? { ...one.selector, names: change.names } : one.selector;
    if ('names' in change && matchesSelector(selector, after.subject) === selects(one, source)) {
      policies.push({ kind: one.kind, name: one.name, path: [...one.path, 'names'], before: one.selector.names, after: change.names, why: change.why });
      return { ...one, selector };
    }
    conflicts.push({
      reason: 'SelectorNotFollowed',
      message: `${one.kind} ${one.name}: ${one.path.join('.')} ${selects(one, source) ? `selects ${source.subject.name} and would still not select` : `does not select ${source.subject.name} and would still select`} ${target.subject.name}: ${'problem' in change ? change.problem : 'its other conditions do not allow it'}; edit the selector by hand`,
      clusters: [target.subject.name],
    });
    return one;
  });
  const failoverAfter = failover.map((policy): FailoverPolicyValue => {
    const found = failoverChange(policy, source.subject.name, target.subject.name);
    if (found === undefined) return policy;
    if ('conflict' in found) {
      conflicts.push(found.conflict);
      return policy;
    }
    policies.push(found.change);
    return { ...policy, priority: found.priority };
  });

  const changes = [...policies, ...[...keys.values()].flat()];
  const effects = selectors.flatMap((one, index): CloneEffect[] => {
    const joins = selects(selectorsAfter[index] ?? one, after);
    return joins === selects(one, target) ? [] : [{ kind: one.kind, name: one.name, path: one.path.join('.'), joins, asSource: isCopied(one) && joins === selects(one, source) }];
  });
  return {
    changes, effects,
    conflicts: [...conflicts, ...(changes.length === 0 ? [] : check({ target: after, selectors: selectorsAfter, failover: failoverAfter }))],
    notCopied: notCopied({ source, target: after, selectors: selectorsAfter, isCopied, failover, globalServices }),
  };
}
