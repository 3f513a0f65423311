/** A cluster as capacity planning sees it: what it has, gives and has given away, how old that is, and what an hour of it costs. */
import type { ClusterFields } from '../model/cluster-fields.ts';
import type { LabelledRequests, ResourceAmounts } from '../model/cluster.ts';
import type { StatusCondition } from '../model/cluster-status.ts';
import { fromRfc3339, type Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { fieldReader } from './row.ts';

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
/** Reasons of the condition `Consistent`, where nobody has the message. */
const DOUBTS: Readonly<Record<string, string>> = { DuplicateUid: 'another cluster had the same uid at the same time', ReportRefused: 'its agent sent what was refused' };

/** What is known better than by fields: who is connected just now, and what a condition says, of which fields hold the reason alone. */
export interface FiguresAside {
  readonly connected?: { readonly value: boolean; readonly since: Instant } | undefined;
  readonly doubt?: string | undefined;
}

/** Of a cluster as its fields tell it, now or at a past moment: the same reading as of rows. */
export function figuresOf(name: string, fields: ClusterFields, aside: FiguresAside = {}): ClusterFigures {
  const read = fieldReader(fields);
  const under = (prefix: string): [string, unknown][] => Object.keys(fields).filter((field) => field.startsWith(prefix)).sort(compareText).map((field) => [field.slice(prefix.length), read(field)]);
  const texts = (entries: readonly (readonly [string, unknown])[]): Record<string, string> => Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  const declared = texts(under('spec.properties.'));
  const frozen = read('spec.frozen') as { readonly reason: string; readonly until?: string } | undefined;
  const told = read('conditions.Connected') as StatusCondition | undefined;
  const consistent = read('conditions.Consistent') as StatusCondition | undefined;
  const connected = aside.connected?.value ?? told?.status === 'True';
  const away = aside.connected?.since ?? (told === undefined || told.reason === 'NeverConnected' ? 0 : fromRfc3339(told.lastTransitionTime) ?? 0);
  const amounts = (kind: string): ResourceAmounts | null => (read(`resources.${kind}`) as ResourceAmounts | undefined) ?? null;
  const capabilities = under('capabilities.') as [string, readonly string[]][];
  const capacity = amounts('capacity');
  return {
    name, labels: texts(under('labels.')), declared,
    properties: { ...texts(under('properties.').map(([key, value]) => [key, (value as { value?: unknown } | undefined)?.value])), ...declared },
    capabilities: capabilities.length > 0 ? Object.fromEntries(capabilities) : read('capabilities') === undefined ? null : {},
    capacity, allocatable: amounts('allocatable'), requested: amounts('requested'), requestedBy: (read('requestedBy') as readonly LabelledRequests[] | undefined) ?? null,
    asOf: connected ? null : away, connected,
    frozen: frozen === undefined ? null : { reason: frozen.reason, until: fromRfc3339(frozen.until) ?? null },
    doubt: consistent?.status === 'False' && DOUBTS[consistent.reason] !== undefined ? aside.doubt ?? DOUBTS[consistent.reason]! : null,
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
