/** What a clone leaves as it is, and why. */
import { listed } from '../model/listed.ts';
import type { FailoverPolicyValue } from '../model/policy.ts';
import { matchesSelector } from '../model/selector.ts';
import type { Clonable, NamedSelector } from './clone-changes.ts';
import { tellsApart } from './clone-selectors.ts';

export interface NotCopied {
  readonly what: string;
  readonly why: string;
}

interface Rest {
  readonly source: Clonable;
  /** With the changes. */
  readonly target: Clonable;
  /** With the changes. */
  readonly selectors: readonly NamedSelector[];
  readonly isCopied: (one: NamedSelector) => boolean;
  readonly failover: readonly FailoverPolicyValue[];
  readonly globalServices: readonly string[];
}

const MOST_NAMES = 10;
const named = (names: readonly string[]): string => listed(names, MOST_NAMES);
const differing = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key]).sort();

/** Whoever gets in is decided by people, policy by policy. */
function accessReason({ from, to }: { readonly from: string; readonly to: string }, path: readonly string[], isOfSource: boolean): string {
  const [one, other] = isOfSource ? [from, to] : [to, from];
  return `${path.includes('from') ? 'lets in who comes from' : 'holds in'} ${one} and not ${other}; who may reach what is granted by hand`;
}

export function notCopied({ source, target, selectors, isCopied, failover, globalServices }: Rest): NotCopied[] {
  const [from, to] = [source.subject.name, target.subject.name];
  const rest: NotCopied[] = [];
  const labels = differing(source.subject.labels, target.subject.labels);
  const declared = differing(source.declared, target.declared);
  if (labels.length > 0) rest.push({ what: `labels ${named(labels)}`, why: 'no mesh or export policy tells the two clusters apart by them' });
  if (declared.length > 0) rest.push({ what: `properties ${named(declared)}`, why: 'no mesh or export policy tells the two clusters apart by them' });
  for (const { kind, name, path, selector } of selectors) {
    if (!tellsApart(selector, source.subject, target.subject)) continue;
    const here = `${kind} ${name}${kind === 'UpdateStrategy' || kind === 'AccessPolicy' ? `, ${path.join('.')}` : ''}`;
    if (kind === 'UpdateStrategy') rest.push({ what: here, why: `when and how carefully ${to} is updated is its own` });
    else if (kind === 'AccessPolicy') rest.push({ what: here, why: accessReason({ from, to }, path, matchesSelector(selector, source.subject)) });
    else if (kind === 'DriftPolicy') rest.push({ what: here, why: `what becomes of changes made by others in ${to} is its own` });
    else if (isCopied({ kind, name, path, selector })) rest.push({ what: here, why: `selects ${to} and not ${from}; --exact would take ${to} out` });
  }
  for (const { name, priority } of failover) {
    if (priority.includes(to) && priority.indexOf(from) > priority.indexOf(to)) rest.push({ what: `FailoverPolicy ${name}, spec.priority`, why: `prefers ${to} to ${from} already` });
  }
  if (globalServices.length > 0) rest.push({ what: `GlobalServices ${named(globalServices)}`, why: 'hold for every cluster' });
  if (source.hasMeshEndpoint) rest.push({ what: 'spec.meshEndpoint', why: `is where peers reach ${from}; the agent of ${to} reports its own` });
  if (source.frozen) rest.push({ what: 'spec.frozen', why: `somebody froze ${from}, not ${to}` });
  if (source.exports.length > 0) rest.push({ what: `ServiceExports ${named(source.exports)}`, why: `are objects in ${from}; make them in ${to} where its Services run` });
  rest.push({ what: 'identity, Cilium\'s version, cluster id and pod CIDRs', why: `belong to ${to}: by its join and by how Cilium was installed there` });
  return rest;
}
