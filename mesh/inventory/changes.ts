/** What changed between two statuses of a cluster, as history rows. */
import { canonicalJson } from '../model/canonical.ts';
import type { ClusterStatusValue } from '../model/cluster-status.ts';
import type { HistoryEntry } from '../model/history.ts';
import type { Instant } from '../model/instant.ts';
import { DERIVED_PROPERTIES } from '../model/cluster-fields.ts';

const MAX_ENTRIES = 256;

/** At most 256 rows, one per field, sorted by field within each group. `agent` is who reported: the author of everything observed. */
export function historyOf(cluster: string, before: ClusterStatusValue, after: ClusterStatusValue, agent: string, now: Instant): HistoryEntry[] {
  const entries: HistoryEntry[] = [];
  const compare = (field: string, old: unknown, next: unknown, by: string): void => {
    const [oldText, nextText] = [old, next].map((value) => (value === undefined ? null : canonicalJson(value)));
    if (oldText !== nextText) entries.push({ cluster, at: now, field, before: oldText ?? null, after: nextText ?? null, by, run: null, reason: null, approvedBy: [] });
  };
  const compareEach = (prefix: string, old: Readonly<Record<string, unknown>>, next: Readonly<Record<string, unknown>>, byOf: (key: string) => string): void => {
    for (const key of [...new Set([...Object.keys(old), ...Object.keys(next)])].sort()) compare(`${prefix}.${key}`, old[key], next[key], byOf(key));
  };

  compare('identity', before.identity, after.identity, 'hub');
  compare('desired', before.desired, after.desired, after.desired === undefined ? 'hub' : `run/${after.desired.run}`);
  compare('current', before.current, after.current, after.current?.by ?? agent);
  compareEach('conditions', outcomes(before), outcomes(after), (type) => (type === 'Applied' || type === 'InSync' ? agent : 'hub'));
  compareEach('properties', values(before), values(after), (name) => ([before, after].some((status) => sourceOf(status, name) === 'declared') ? 'hub' : agent));
  compareEach('cilium', before.cilium ?? {}, after.cilium ?? {}, () => agent);
  for (const field of ['kubernetesVersion', 'agentVersion', 'nodes', 'exports', 'drift'] as const) compare(field, before[field], after[field], agent);
  return entries.slice(0, MAX_ENTRIES);
}

/** A changed message alone is no change of a condition. */
const outcomes = (status: ClusterStatusValue): Record<string, unknown> =>
  Object.fromEntries((status.conditions ?? []).map((condition) => [condition.type, { status: condition.status, reason: condition.reason }]));

/** Derived properties only repeat other fields, which have rows of their own. */
const values = (status: ClusterStatusValue): Record<string, string> =>
  Object.fromEntries((status.properties ?? []).filter(({ name, source }) => source === 'declared' || !DERIVED_PROPERTIES.some((derived) => derived === name)).map(({ name, value }) => [name, value]));

const sourceOf = (status: ClusterStatusValue, name: string): string | undefined => status.properties?.find((property) => property.name === name)?.source;
