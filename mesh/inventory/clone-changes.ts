/** The single changes that a clone is made of. */
import type { FailoverPolicyValue } from '../model/policy.ts';
import type { ClusterSelector, SelectorSubject } from '../model/selector.ts';

export interface Clonable {
  readonly subject: SelectorSubject;
  /** `spec.properties`. */
  readonly declared: Readonly<Record<string, string>>;
  /** `spec.meshEndpoint` is set. */
  readonly hasMeshEndpoint: boolean;
  readonly frozen: boolean;
  /** `namespace/name`. */
  readonly exports: readonly string[];
}

export interface NamedSelector {
  readonly kind: 'Mesh' | 'ExportPolicy' | 'UpdateStrategy' | 'DriftPolicy' | 'AccessPolicy';
  readonly name: string;
  /** Where the selector stands in the object: `['spec', 'clusters']`; for people where lists are on the way. */
  readonly path: readonly string[];
  readonly selector: ClusterSelector;
}

export interface CloneChange {
  readonly kind: 'Cluster' | NamedSelector['kind'] | 'FailoverPolicy';
  readonly name: string;
  readonly path: readonly string[];
  /** undefined: is not there. */
  readonly before: string | readonly string[] | undefined;
  /** undefined: taken away. */
  readonly after: string | readonly string[] | undefined;
  readonly why: string;
}

export interface CloneConflict {
  readonly reason: string;
  readonly message: string;
  readonly clusters: readonly string[];
}

const MOST_NAMES = 1024;
const MOST_PRIORITY = 64;

/** Gives the target the source's value of one key: a label as a label, a declared property as a declared property, nothing as nothing. */
export function cloneKey(source: Clonable, target: Clonable, key: string, by: NamedSelector): { readonly changes: CloneChange[] } | { readonly conflict: CloneConflict } {
  const { name } = target.subject;
  const why = `${by.kind} ${by.name} looks at ${key}`;
  const at = (part: 'label' | 'property', before: string | undefined, after: string | undefined): CloneChange[] =>
    (before === after ? [] : [{ kind: 'Cluster', name, path: part === 'label' ? ['metadata', 'labels', key] : ['spec', 'properties', key], before, after, why }]);
  const label = own(source.subject.labels, key);
  const targetLabel = own(target.subject.labels, key);
  const targetDeclared = own(target.declared, key);
  if (label !== undefined) return { changes: at('label', targetLabel, label) };
  const declared = own(source.declared, key);
  if (declared !== undefined) return { changes: [...at('label', targetLabel, undefined), ...at('property', targetDeclared, declared)] };
  const observed = source.subject.properties.some((property) => property.name === key);
  if (observed || (targetLabel === undefined && targetDeclared === undefined)) {
    return { conflict: {
      reason: 'ObservedKey', clusters: [name],
      message: `${by.kind} ${by.name}: ${by.path.join('.')} looks at ${key}, which agents observe and nobody can copy to ${name}; change that in ${name} itself, or edit the selector`,
    } };
  }
  return { changes: [...at('label', targetLabel, undefined), ...at('property', targetDeclared, undefined)] };
}

export function withChange(cluster: Clonable, { path: [, part, key = ''], after }: CloneChange): Clonable {
  const set = (record: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries([...Object.entries(record).filter(([name]) => name !== key), ...(typeof after === 'string' ? [[key, after] as const] : [])]);
  if (part === 'labels') return { ...cluster, subject: { ...cluster.subject, labels: set(cluster.subject.labels) } };
  const properties = [...cluster.subject.properties.filter(({ name }) => name !== key), ...(typeof after === 'string' ? [{ name: key, value: after }] : [])];
  return { ...cluster, declared: set(cluster.declared), subject: { ...cluster.subject, properties } };
}

/** `joins`: the target's name beside the source's; else out of the list. */
export function nameChange({ selector: { names } }: NamedSelector, source: string, target: string, joins: boolean): { readonly names: readonly string[]; readonly why: string } | { readonly problem: string } {
  if (names === undefined) return { problem: 'it does so by an expression whose value no label or declared property of the source carries' };
  if (joins) {
    if (names.length >= MOST_NAMES) return { problem: `names holds ${names.length} globs already, the most there can be` };
    return { names: beside(names, source, target), why: `selects clusters by name: ${target} stands beside ${source}` };
  }
  const rest = names.filter((glob) => glob !== target);
  if (rest.length === names.length) return { problem: `names holds no ${JSON.stringify(target)}, only globs that match it` };
  return rest.length === 0 ? { problem: `names holds nothing but ${JSON.stringify(target)}` } : { names: rest, why: `selects clusters by name: ${source} is not among them` };
}

export function failoverChange({ name, priority }: FailoverPolicyValue, source: string, target: string): { readonly change: CloneChange; readonly priority: readonly string[] } | { readonly conflict: CloneConflict } | undefined {
  if (!priority.includes(source) || priority.includes(target)) return undefined;
  if (priority.length >= MOST_PRIORITY) {
    return { conflict: { reason: 'ListFull', clusters: [target], message: `FailoverPolicy ${name}: spec.priority names ${priority.length} clusters, the most there can be; take one out, or leave ${target} out: clusters that are not listed come last` } };
  }
  const after = beside(priority, source, target);
  return { priority: after, change: { kind: 'FailoverPolicy', name, path: ['spec', 'priority'], before: priority, after, why: `prefers ${source} in this order: ${target} comes right after it` } };
}

function beside(list: readonly string[], source: string, target: string): string[] {
  const at = list.indexOf(source);
  return at < 0 ? [...list, target] : [...list.slice(0, at + 1), target, ...list.slice(at + 1)];
}

const own = (record: Readonly<Record<string, string>>, key: string): string | undefined => (Object.hasOwn(record, key) ? record[key] : undefined);
