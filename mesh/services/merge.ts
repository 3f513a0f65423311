/** Many clusters' exports of one service become one import (KEP-1645, "Constraints and Conflict Resolution"). */
import { listed } from '../model/listed.ts';
import { serviceKey, type ExportFact, type IpFamily, type ServicePort, type ServiceType } from '../model/service.ts';

export interface ImportPlan {
  readonly namespace: string;
  readonly name: string;
  readonly type: ServiceType;
  /** Union over all exports. Every port has a name unless it is the only one. */
  readonly ports: readonly ServicePort[];
  readonly ipFamilies: readonly IpFamily[];
  readonly sessionAffinity: 'None' | 'ClientIP';
  /** Exporting clusters, sorted. */
  readonly clusters: readonly string[];
  /** Empty: no conflict. Comma-joined KEP-1645 reasons otherwise; they hold for every export of the service. */
  readonly conflictReason: string;
  readonly conflictMessage: string;
}

interface ConflictRule {
  readonly reason: 'PortConflict' | 'TypeConflict' | 'SessionAffinityConflict' | 'IPFamilyConflict';
  readonly field: string;
  /** Exports with different texts conflict; the text is shown to people. */
  readonly text: (fact: ExportFact) => string;
}

const portText = (port: ServicePort): string =>
  `${port.name === '' ? '' : `${port.name}=`}${port.protocol}/${port.port}${port.appProtocol === undefined ? '' : `(${port.appProtocol})`}`;

const RULES: readonly ConflictRule[] = [
  { reason: 'PortConflict', field: 'ports', text: (fact) => fact.ports.map(portText).sort().join(' ') },
  { reason: 'TypeConflict', field: 'type', text: (fact) => fact.type },
  { reason: 'SessionAffinityConflict', field: 'sessionAffinity', text: (fact) => fact.sessionAffinity },
  { reason: 'IPFamilyConflict', field: 'ipFamilies', text: (fact) => [...fact.ipFamilies].sort().join(' ') },
];

/** A message goes to every exporting cluster and into its conditions: it names a few of many, and never all of a long value. */
const MOST_NAMED = 8;
const LONGEST_VALUE = 200;
const short = (text: string): string => (text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text);

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** One import per exported service, sorted by namespace and name. The order of `allowed` does not matter. */
export function planImports(allowed: readonly ExportFact[]): ImportPlan[] {
  const groups = new Map<string, ExportFact[]>();
  for (const fact of allowed) {
    const group = groups.get(serviceKey(fact));
    if (group === undefined) groups.set(serviceKey(fact), [fact]);
    else group.push(fact);
  }
  return [...groups.values()]
    .map((facts) => mergeExports(facts.sort((a, b) => a.exportedAt - b.exportedAt || byText(a.cluster, b.cluster))))
    .sort((a, b) => byText(a.namespace, b.namespace) || byText(a.name, b.name));
}

/** `facts` has the oldest export first: it decides every field that cannot be merged. */
function mergeExports(facts: readonly ExportFact[]): ImportPlan {
  const oldest = facts[0]!;
  const conflicts = RULES.flatMap((rule) => {
    const kept = rule.text(oldest);
    const others = facts.filter((fact) => rule.text(fact) !== kept);
    if (others.length === 0) return [];
    const differing = listed(others.map((fact) => `${fact.cluster} has "${short(rule.text(fact))}"`).sort(), MOST_NAMED);
    const resolution = rule.reason === 'PortConflict' ? 'ports are merged and the oldest export wins where they clash' : 'the oldest export wins';
    return [{ reason: rule.reason, message: `${rule.field} of ${serviceKey(oldest)} differ: ${oldest.cluster} (oldest) has "${short(kept)}", ${differing}; ${resolution}; make the Services equal to end the conflict` }];
  });
  return {
    namespace: oldest.namespace,
    name: oldest.name,
    type: oldest.type,
    ports: mergePorts(facts),
    ipFamilies: oldest.ipFamilies,
    sessionAffinity: oldest.sessionAffinity,
    clusters: [...new Set(facts.map((fact) => fact.cluster))].sort(),
    conflictReason: conflicts.map((conflict) => conflict.reason).join(','),
    conflictMessage: conflicts.map((conflict) => conflict.message).join('; '),
  };
}

/**
 * Union in the order of age: a port whose name, or whose protocol and number, an older export already uses is left out. A Service with several
 * ports may not have an unnamed one, so that one is then called after itself (`tcp-80`).
 */
function mergePorts(facts: readonly ExportFact[]): ServicePort[] {
  const union: ServicePort[] = [];
  for (const port of facts.flatMap((fact) => fact.ports)) {
    const taken = union.some((older) => older.name === port.name || (older.protocol === port.protocol && older.port === port.port));
    if (!taken) union.push(port);
  }
  if (union.length < 2) return union;
  const names = new Set(union.map((port) => port.name));
  return union.flatMap((port) => {
    if (port.name !== '') return [port];
    const name = `${port.protocol.toLowerCase()}-${port.port}`;
    return names.has(name) ? [] : [{ ...port, name }];
  });
}
