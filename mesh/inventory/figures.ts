/** A cluster as capacity planning sees it: what it has, gives and has given away, how old that is, and what an hour of it costs. */
import type { ClusterLike } from '../model/cluster-fields.ts';
import type { LabelledRequests, ResourceAmounts } from '../model/cluster.ts';
import type { ClusterStatusValue } from '../model/cluster-status.ts';
import { findCondition } from '../model/condition.ts';
import { fromRfc3339, type Instant } from '../model/instant.ts';

export interface ClusterFigures {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What people declare; of prices and certifications only this counts, for an agent could say anything. */
  readonly declared: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, string>>;
  /** null: unknown. A kind that is there and empty is known to have nothing. */
  readonly capabilities: Readonly<Record<string, readonly string[]>> | null;
  readonly capacity: ResourceAmounts | null;
  readonly allocatable: ResourceAmounts | null;
  readonly requested: ResourceAmounts | null;
  readonly requestedBy: readonly LabelledRequests[] | null;
  /** null: its agent is connected, so the figures are today's, to a minute and 1 %; else the last moment of which they tell, 0 where there is none. */
  readonly asOf: Instant | null;
  readonly connected: boolean;
  readonly frozen: { readonly reason: string; readonly until: Instant | null } | null;
  /** Why what it says is in doubt; null: nothing speaks against it. */
  readonly doubt: string | null;
  readonly price: Price | null;
}

/** Of an hour, without a currency: whatever the declared numbers mean. */
export interface Price {
  readonly perCpu: number;
  readonly perGibibyte: number;
}

export const GIBIBYTE = 2 ** 30;
const DOUBTFUL = new Set(['DuplicateUid', 'ReportRefused']);

export function figuresOf({ metadata, spec, status: given }: ClusterLike): ClusterFigures {
  const status = (given ?? {}) as ClusterStatusValue;
  const declared = (spec?.['properties'] ?? {}) as Readonly<Record<string, string>>;
  const frozen = spec?.['frozen'] as { readonly reason: string; readonly until?: string } | undefined;
  const connection = findCondition(status.conditions, 'Connected');
  const connected = connection?.status === 'True';
  const consistent = findCondition(status.conditions, 'Consistent');
  const { capacity = null, allocatable = null, requested = null } = status.resources ?? {};
  return {
    name: metadata.name, labels: metadata.labels ?? {}, declared,
    properties: { ...Object.fromEntries((status.properties ?? []).map(({ name, value }) => [name, value])), ...declared },
    capabilities: status.capabilities ?? null, capacity, allocatable, requested: requested ?? null, requestedBy: status.requestedBy ?? null,
    asOf: connected ? null : connection === undefined || connection.reason === 'NeverConnected' ? 0 : fromRfc3339(connection.lastTransitionTime) ?? 0, connected,
    frozen: frozen === undefined ? null : { reason: frozen.reason, until: fromRfc3339(frozen.until) ?? null },
    doubt: consistent?.status === 'False' && DOUBTFUL.has(consistent.reason) ? consistent.message : null,
    price: priceOf(declared, capacity),
  };
}

/** A price for the whole cluster is for its processors and its memory, half each. Numbers that are none, or less than nothing, are no price. */
function priceOf(declared: Readonly<Record<string, string>>, capacity: ResourceAmounts | null): Price | null {
  const read = (name: string): number | undefined => {
    const text = declared[name]?.trim() ?? '';
    return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
  };
  const [whole, perCpu, perGibibyte] = [read('cost-per-hour'), read('cost-per-cpu-hour'), read('cost-per-memory-gib-hour')];
  if (perCpu !== undefined || perGibibyte !== undefined) return { perCpu: perCpu ?? 0, perGibibyte: perGibibyte ?? 0 };
  if (whole === undefined || capacity === null || capacity.cpuMilli === 0 || capacity.memoryBytes === 0) return null;
  return { perCpu: whole / 2 / (capacity.cpuMilli / 1000), perGibibyte: whole / 2 / (capacity.memoryBytes / GIBIBYTE) };
}

export const costOf = ({ cpuMilli, memoryBytes }: ResourceAmounts, { perCpu, perGibibyte }: Price): number => cpuMilli / 1000 * perCpu + memoryBytes / GIBIBYTE * perGibibyte;

export const NOTHING: ResourceAmounts = { cpuMilli: 0, memoryBytes: 0, pods: 0, gpus: {} };

export const plus = (a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts => combined(a, b, (left, right) => left + right);
/** Never less than nothing: pods can ask for more than their node gives, after the node shrank. */
export const minus = (a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts => combined(a, b, (left, right) => Math.max(0, left - right));

function combined(a: ResourceAmounts, b: ResourceAmounts, of: (left: number, right: number) => number): ResourceAmounts {
  const gpus = [...new Set([...Object.keys(a.gpus), ...Object.keys(b.gpus)])].sort();
  return {
    cpuMilli: of(a.cpuMilli, b.cpuMilli), memoryBytes: of(a.memoryBytes, b.memoryBytes), pods: of(a.pods, b.pods),
    gpus: Object.fromEntries(gpus.map((name) => [name, of(a.gpus[name] ?? 0, b.gpus[name] ?? 0)])),
  };
}

export const gpuCount = ({ gpus }: ResourceAmounts): number => Object.values(gpus).reduce((sum, count) => sum + count, 0);
