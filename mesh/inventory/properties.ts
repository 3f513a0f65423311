/** A cluster's properties: declared ones, then what the hub derives from the report, then what the agent was told to report. */
import { type ClusterReport, MAX_PROPERTIES, MAX_PROPERTY_NAME, MAX_PROPERTY_VALUE } from '../model/cluster.ts';
import type { DERIVED_PROPERTIES } from '../model/cluster-fields.ts';
import type { StatusProperty } from '../model/cluster-status.ts';
import { type Instant, toRfc3339 } from '../model/instant.ts';
import { sortedByName } from '../model/order.ts';
import type { ClusterFacts } from './facts.ts';

function derivedProperties({ cilium, kubernetesVersion, agentVersion }: ClusterReport): Record<string, string> {
  const all: Record<(typeof DERIVED_PROPERTIES)[number], string> = {
    'agent-version': agentVersion,
    'cilium-cluster-id': cilium === null ? '' : String(cilium.clusterId),
    'cilium-version': cilium?.version ?? '',
    'kubernetes-version': kubernetesVersion,
    'pod-cidrs': cilium?.podCidrs.join(',') ?? '',
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

/** Sorted by name. `observedAt` is when the value became what it is, not when it was last confirmed. Without a report, earlier observations stay. */
export function foldProperties(facts: ClusterFacts, previous: readonly StatusProperty[], now: Instant): StatusProperty[] {
  const byName = new Map<string, StatusProperty>();
  const old = new Map(previous.map((property) => [property.name, property]));
  const add = (name: string, text: string, source: StatusProperty['source'], at: Instant): void => {
    if (name === '' || name.length > MAX_PROPERTY_NAME || byName.has(name) || byName.size >= MAX_PROPERTIES) return;
    const value = text.slice(0, MAX_PROPERTY_VALUE);
    const before = old.get(name);
    byName.set(name, before?.value === value && before.source === source ? before : { name, value, source, observedAt: toRfc3339(at) });
  };
  const addAll = (values: Readonly<Record<string, string>>, source: StatusProperty['source'], at: Instant): void => {
    for (const name of Object.keys(values).sort()) add(name, values[name] ?? '', source, at);
  };
  addAll(facts.declared, 'declared', now);
  if (facts.report !== null) {
    addAll(derivedProperties(facts.report), 'observed', facts.reportedAt ?? now);
    addAll(facts.report.properties, 'observed', facts.reportedAt ?? now);
  } else {
    for (const property of previous) if (property.source === 'observed' && !byName.has(property.name) && byName.size < MAX_PROPERTIES) byName.set(property.name, property);
  }
  return sortedByName([...byName.values()]);
}
