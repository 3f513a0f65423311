/** AccessPolicies into what each cluster is asked to hold. Total and sorted: what cannot be compiled is said, and leaves clusters as they are. */
import { accessPortName, type AccessPolicyValue, type AccessRule, type AccessSource, MAX_ACCESS_CHARACTERS, MAX_ACCESS_RULES } from '../model/access.ts';
import { canonicalJson } from '../model/canonical.ts';
import { parseCiliumVersion } from '../model/cilium-version.ts';
import type { ClusterView } from '../model/cluster.ts';
import { listed } from '../model/listed.ts';
import { compareText, sortedByName } from '../model/order.ts';
import { matchesSelector, selectorProblem } from '../model/selector.ts';

export type AccessConflictReason = 'InvalidSpec' | 'InvalidSelector' | 'NoDestination' | 'NoSource' | 'CiliumMissing' | 'CiliumTooOld' | 'NotEnforced' | 'DenyUnavoidable' | 'AmbiguousClusterName' | 'ModesDiffer' | 'TooMuch';

export interface AccessConflict {
  readonly reason: AccessConflictReason;
  readonly message: string;
}

interface CompiledAccess {
  readonly policy: string;
  /** Clusters that hold a rule of it, sorted. */
  readonly clusters: readonly string[];
  /** Compiled all the same, but for `InvalidSpec`, `InvalidSelector` and `TooMuch`, which leave clusters as they are. */
  readonly conflicts: readonly AccessConflict[];
}

export interface AccessPlan {
  /** By cluster; those that hold nothing are not there. Sorted by policy. */
  readonly rules: ReadonlyMap<string, readonly AccessRule[]>;
  /** Sorted by name. */
  readonly policies: readonly CompiledAccess[];
}

const NAMED = 5;
/** `enableDefaultDeny`, without which a rule that only lets through would shut everything else out. */
const OLDEST_MINOR = 16;

const sorted = (values: readonly string[]): readonly string[] => [...new Set(values)].sort(compareText);
const ciliumName = ({ name, report }: ClusterView): string => report?.cilium?.clusterName ?? name;
const selectsAll = (selector: AccessPolicyValue['to']['clusters']): boolean => selector === undefined || Object.keys(selector).length === 0;
const setting = (cluster: ClusterView, key: 'enable-policy' | 'enable-non-default-deny-policies'): string | undefined => cluster.report?.cilium?.settings?.[key];

/** `assigned`: the rules that clusters have now, kept where a policy cannot be read. */
export function compileAccess(policies: readonly AccessPolicyValue[], clusters: readonly ClusterView[], assigned: ReadonlyMap<string, readonly AccessRule[]>): AccessPlan {
  const fleet = sortedByName(clusters).filter(({ joined, revoked }) => joined && revoked !== true);
  const timesNamed = new Map<string, number>();
  for (const cluster of fleet) timesNamed.set(ciliumName(cluster), (timesNamed.get(ciliumName(cluster)) ?? 0) + 1);
  const byCluster = new Map<string, AccessRule[]>();
  const sizes = new Map<string, number>();
  const lengths = new Map<AccessRule, number>();
  const lengthOf = (rule: AccessRule): number => {
    const length = lengths.get(rule) ?? canonicalJson(rule).length;
    lengths.set(rule, length);
    return length;
  };
  const compiled = sortedByName(policies).map((policy) => ({ policy, ...compileOne(policy, fleet, timesNamed, assigned) }));
  const result = compiled.map(({ policy, rules, conflicts }): CompiledAccess => {
    const holders: string[] = [];
    const full: string[] = [];
    for (const [cluster, rule] of rules) {
      const held = byCluster.get(cluster) ?? [];
      const size = (sizes.get(cluster) ?? 0) + lengthOf(rule);
      if (held.length >= MAX_ACCESS_RULES || size > MAX_ACCESS_CHARACTERS) { full.push(cluster); continue; }
      byCluster.set(cluster, [...held, rule]);
      sizes.set(cluster, size);
      holders.push(cluster);
    }
    const tooMuch: AccessConflict[] = full.length === 0 ? [] : [{ reason: 'TooMuch', message: `${listed(full, NAMED)}: a cluster holds at most ${MAX_ACCESS_RULES} policies of ${MAX_ACCESS_CHARACTERS} characters together, and those before this one by name fill that: it is not in force there; join policies, or select clusters in fewer words` }];
    return { policy: policy.name, clusters: holders, conflicts: [...conflicts, ...tooMuch] };
  });
  return { rules: byCluster, policies: result.map((one) => ({ ...one, conflicts: [...one.conflicts, ...modeConflicts(one, byCluster)] })) };
}

/** Gives rules that say the same as before as the same objects: a plan is made anew only where they are others. */
export function createAccessCompiler(): typeof compileAccess {
  let before: { readonly texts: ReadonlyMap<string, AccessRule>; readonly rules: AccessPlan['rules'] } = { texts: new Map(), rules: new Map() };
  return (policies, clusters, assigned) => {
    if (policies.length === 0) return NOTHING;
    const plan = compileAccess(policies, clusters, assigned);
    const same = new Map<AccessRule, AccessRule>();
    const texts = new Map<string, AccessRule>();
    const known = (rule: AccessRule): AccessRule => {
      const found = same.get(rule);
      if (found !== undefined) return found;
      const text = canonicalJson(rule);
      const one = before.texts.get(text) ?? rule;
      texts.set(text, one);
      same.set(rule, one);
      return one;
    };
    const rules = new Map([...plan.rules].map(([cluster, some]): [string, readonly AccessRule[]] => {
      const [next, last] = [some.map(known), before.rules.get(cluster) ?? []];
      return [cluster, next.length === last.length && next.every((rule, index) => rule === last[index]) ? last : next];
    }));
    before = { texts, rules };
    return { ...plan, rules };
  };
}

const NOTHING: AccessPlan = { rules: new Map(), policies: [] };

function compileOne(policy: AccessPolicyValue, fleet: readonly ClusterView[], timesNamed: ReadonlyMap<string, number>, assigned: ReadonlyMap<string, readonly AccessRule[]>): { readonly rules: readonly (readonly [string, AccessRule])[]; readonly conflicts: readonly AccessConflict[] } {
  const { name, mode, from, to } = policy;
  const kept = (reason: AccessConflictReason, message: string) => ({
    rules: [...assigned].flatMap(([cluster, rules]) => rules.filter((rule) => rule.policy === name && fleet.some((one) => one.name === cluster)).map((rule) => [cluster, rule] as const)).sort(([a], [b]) => compareText(a, b)),
    conflicts: [{ reason, message: `${message}. Until then clusters keep what they have of it` }],
  });
  if (policy.problem !== undefined) return kept('InvalidSpec', policy.problem);
  const selectors = [...from.map(({ clusters }, index) => ({ field: `spec.from[${index}].clusters`, selector: clusters })), { field: 'spec.to.clusters', selector: to.clusters }];
  for (const { field, selector } of selectors) {
    const problem = selector === undefined ? undefined : selectorProblem(selector);
    if (problem !== undefined) return kept('InvalidSelector', `${field}: ${problem}`);
  }
  const conflicts: AccessConflict[] = [];
  const chosen = fleet.filter((cluster) => selectsAll(to.clusters) || matchesSelector(to.clusters ?? {}, cluster));
  const bare = chosen.filter(({ report }) => (report?.cilium?.version ?? '') === '');
  const old = chosen.filter((cluster) => !bare.includes(cluster) && isOld(cluster));
  const holders = chosen.filter((cluster) => !bare.includes(cluster) && !old.includes(cluster));
  const named = (some: readonly ClusterView[]): string => listed(some.map((one) => one.name), NAMED);
  // Who asks for every cluster does not mean those without Cilium.
  if (bare.length > 0 && !selectsAll(to.clusters)) conflicts.push({ reason: 'CiliumMissing', message: `${named(bare)}: no Cilium was reported there, so nothing is enforced; install it, or leave the cluster out of spec.to.clusters` });
  if (old.length > 0) conflicts.push({ reason: 'CiliumTooOld', message: `${named(old)}: Cilium is older than 1.${OLDEST_MINOR} there, so nothing is written; upgrade it` });
  if (holders.length === 0) conflicts.push({ reason: 'NoDestination', message: 'spec.to.clusters: no joined cluster with Cilium matches, so the policy is in force nowhere' });
  const off = holders.filter((cluster) => setting(cluster, 'enable-policy') === 'never');
  if (off.length > 0) conflicts.push({ reason: 'NotEnforced', message: `${named(off)}: Cilium enforces no policies there (enable-policy is never); set Cilium's Helm value policyEnforcementMode to default` });
  const shut = mode === 'Allow' ? holders.filter((cluster) => setting(cluster, 'enable-policy') === 'always' || setting(cluster, 'enable-non-default-deny-policies') === 'false') : [];
  if (shut.length > 0) conflicts.push({ reason: 'DenyUnavoidable', message: `${named(shut)}: mode Allow shuts everything else out as well, for Cilium there knows no policies that only allow (enable-policy always, or enable-non-default-deny-policies false)` });

  const selected = from.map(({ clusters }) => (selectsAll(clusters) ? undefined : fleet.filter((cluster) => matchesSelector(clusters ?? {}, cluster))));
  const empty = selected.flatMap((some, index) => (some?.length === 0 ? [`spec.from[${index}].clusters`] : []));
  if (empty.length > 0) conflicts.push({ reason: 'NoSource', message: `${empty.join(', ')}: no joined cluster matches, so nobody is let through by it` });
  const doubtful = new Set<string>();
  const ports = to.ports === undefined ? undefined : [...new Map(to.ports.map((one) => [accessPortName(one), one])).values()].sort((a, b) => a.port - b.port || compareText(a.protocol, b.protocol));
  /** `own`: who holds it and has its name in Cilium together with others: that name means its own pods there. */
  const ruleOf = (own: ClusterView | undefined): AccessRule => ({
    policy: name, mode, to: to.service === undefined ? { namespaces: sorted(to.namespaces ?? []) } : { service: to.service }, ...(ports === undefined ? {} : { ports }),
    from: from.flatMap(({ namespaces, serviceAccounts }, index): AccessSource[] => {
      const some = selected[index];
      const usable = some?.filter((cluster) => cluster === own || timesNamed.get(ciliumName(cluster)) === 1);
      for (const cluster of some ?? []) if (timesNamed.get(ciliumName(cluster)) !== 1) doubtful.add(cluster.name);
      if (usable?.length === 0) return [];
      return [{
        ...(usable === undefined ? {} : { clusters: sorted(usable.map(ciliumName)) }),
        ...(namespaces === undefined ? {} : { namespaces: sorted(namespaces) }), ...(serviceAccounts === undefined ? {} : { serviceAccounts: sorted(serviceAccounts) }),
      }];
    }),
  });
  const shared = ruleOf(undefined);
  const rules = holders.map((holder): readonly [string, AccessRule] => [holder.name, timesNamed.get(ciliumName(holder)) === 1 ? shared : ruleOf(holder)]);
  if (doubtful.size > 0) conflicts.push({ reason: 'AmbiguousClusterName', message: `${listed(sorted([...doubtful]), NAMED)}: Cilium there has the cluster-name of another cluster, so other clusters cannot tell its pods, and let none of them through; set Cilium's Helm value cluster.name` });
  return { rules, conflicts };
}

function isOld({ report }: ClusterView): boolean {
  const version = parseCiliumVersion(report?.cilium?.version ?? '');
  return version === undefined || (version.major === 1 && version.minor < OLDEST_MINOR);
}

const destination = ({ to }: AccessRule): string => canonicalJson(to);

/** Allowed together, but who reads this one alone is misled. */
function modeConflicts({ policy, clusters }: CompiledAccess, byCluster: ReadonlyMap<string, readonly AccessRule[]>): AccessConflict[] {
  const others = new Set<string>();
  for (const cluster of clusters) {
    const rules = byCluster.get(cluster) ?? [];
    const own = rules.find((rule) => rule.policy === policy);
    if (own?.mode !== 'Allow') continue;
    for (const rule of rules) if (rule.mode === 'DefaultDeny' && destination(rule) === destination(own)) others.add(rule.policy);
  }
  return others.size === 0 ? [] : [{ reason: 'ModesDiffer', message: `mode is Allow, but by AccessPolicy ${listed(sorted([...others]), NAMED)} the same destination denies by default what no policy allows` }];
}
