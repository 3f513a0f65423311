/** Chooses clusters by what they can do, whoever runs them, and says of each other one why not. What is unknown is no yes. */
import { isOver } from '../model/frozen.ts';
import { matchesGlob } from '../model/glob.ts';
import { type Instant, toRfc3339 } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { type ClusterFigures, gpuCount, GIBIBYTE } from './figures.ts';
import { idleOf } from './report.ts';

export interface Wish {
  /** Each a kind of capability that must not be empty (`gpu`), or a glob over resources, architectures and storage classes. */
  readonly classes: readonly string[];
  /** Any of them: a region, the beginning of regions' names up to a `-`, or a glob. */
  readonly regions: readonly string[];
  /** Each `NAME`, which people declare or label, or `NAME=GLOB` of a declared property, a label or a kind of capability. */
  readonly capabilities: readonly string[];
  readonly freeCpuMilli?: number;
  readonly freeMemoryBytes?: number;
  readonly freeGpus?: number;
}

interface Chosen {
  readonly cluster: ClusterFigures;
  readonly why: readonly string[];
}

export interface Finding {
  /** Most to give first: GPUs where they are wished for, then processors, then memory; then by name. */
  readonly chosen: readonly Chosen[];
  /** Sorted by name; every reason. */
  readonly others: readonly { readonly name: string; readonly reasons: readonly string[] }[];
}

/** A wish's part fulfilled, or why not. */
type Verdict = { readonly yes: string } | { readonly no: string };

/** At most as old: an agent that is away may come back to something else. */
export function findClusters(clusters: readonly ClusterFigures[], wish: Wish, now: Instant): Finding {
  const judged = clusters.map((cluster) => ({ cluster, verdicts: judge(cluster, wish, now) }));
  const reasons = (verdicts: readonly Verdict[]): string[] => verdicts.flatMap((verdict) => ('no' in verdict ? [verdict.no] : []));
  return {
    chosen: judged.filter(({ verdicts }) => reasons(verdicts).length === 0)
      .map(({ cluster, verdicts }) => ({ cluster, why: verdicts.flatMap((verdict) => ('yes' in verdict && verdict.yes !== '' ? [verdict.yes] : [])) }))
      .sort((a, b) => compareFree(a.cluster, b.cluster, wish)),
    others: judged.map(({ cluster, verdicts }) => ({ name: cluster.name, reasons: reasons(verdicts) })).filter((one) => one.reasons.length > 0).sort((a, b) => compareText(a.name, b.name)),
  };
}

function judge(cluster: ClusterFigures, { classes, regions, capabilities, freeCpuMilli, freeMemoryBytes, freeGpus }: Wish, now: Instant): Verdict[] {
  const idle = idleOf(cluster);
  const enough = (wanted: number | undefined, free: number | undefined, what: string, show: (amount: number) => string): Verdict[] => {
    if (wanted === undefined) return [];
    if (free === undefined) return [{ no: `${what}: unknown how much is free` }];
    return [free >= wanted ? { yes: `${show(free)} ${what} free` } : { no: `${what}: ${show(free)} free, ${show(wanted)} wanted` }];
  };
  return [
    ...usable(cluster, now),
    ...classes.map((one) => classOf(cluster, one)),
    ...regions.length === 0 ? [] : [regionOf(cluster, regions)],
    ...capabilities.map((one) => capabilityOf(cluster, one)),
    ...enough(freeCpuMilli, idle?.cpuMilli, 'CPU', (milli) => String(milli / 1000)),
    ...enough(freeMemoryBytes, idle?.memoryBytes, 'memory', (bytes) => `${Number((bytes / GIBIBYTE).toFixed(1))}Gi`),
    ...enough(freeGpus, idle === null ? undefined : gpuCount(idle), 'GPU', String),
  ];
}

function usable({ connected, asOf, frozen, doubt }: ClusterFigures, now: Instant): Verdict[] {
  return [
    ...connected ? [] : [{ no: asOf === null || asOf === 0 ? 'no agent has told of it' : `its agent is away since ${toRfc3339(asOf)}` }],
    ...frozen !== null && !isOver(frozen.until, now) ? [{ no: `frozen: ${frozen.reason}` }] : [],
    ...doubt === null ? [] : [{ no: `in doubt: ${doubt}` }],
  ];
}

const CLASSES = ['extended-resource', 'architecture', 'storage-class'];

function classOf({ capabilities }: ClusterFigures, wanted: string): Verdict {
  if (capabilities === null) return { no: `class ${wanted}: unknown what it has` };
  const own = Object.hasOwn(capabilities, wanted) ? capabilities[wanted] ?? [] : undefined;
  const found = own ?? CLASSES.flatMap((kind) => capabilities[kind] ?? []).filter((name) => matchesGlob(wanted, name));
  if (found.length > 0) return { yes: `${wanted}: ${found.join(', ')}` };
  return { no: `class ${wanted}: has none` };
}

function regionOf({ labels, properties, capabilities }: ClusterFigures, wanted: readonly string[]): Verdict {
  const own = [...new Set([labels['region'], properties['region'], ...capabilities?.['region'] ?? []])].filter((region) => region !== undefined);
  const found = own.find((region) => wanted.some((one) => matchesGlob(one, region) || region.startsWith(`${one}-`)));
  if (found !== undefined) return { yes: `region ${found}` };
  return { no: own.length === 0 ? 'region: unknown' : `region: is ${own.join(', ')}` };
}

const NO = new Set(['', 'false', 'no', '0', 'none']);
/** Lists of names, joined by commas. */
const LISTS = ['certifications', 'capabilities'];

/** Certifications and promises count where people say so: an agent could claim anything. */
function capabilityOf({ labels, declared, properties, capabilities }: ClusterFigures, wanted: string): Verdict {
  const [name = '', ...rest] = wanted.split('=');
  const glob = rest.length === 0 ? undefined : rest.join('=');
  const said = [labels[name], declared[name]].filter((value) => value !== undefined);
  const listed = LISTS.some((key) => [labels[key], declared[key]].some((text) => text?.split(',').some((one) => one.trim() === name)));
  if (glob === undefined) {
    if (listed || said.some((value) => !NO.has(value.toLowerCase()))) return { yes: `${name} declared` };
    if (capabilities?.[name] !== undefined && capabilities[name].length > 0) return { yes: `${name}: ${capabilities[name].join(', ')}` };
    if (said.length > 0) return { no: `${name}: declared as ${said.join(', ')}` };
    return { no: Object.hasOwn(properties, name) ? `${name}: only its agent says so; declare it in spec.properties` : `${name}: not declared` };
  }
  const values = [...said, ...capabilities?.[name] ?? []];
  const found = values.find((value) => matchesGlob(glob, value));
  if (found !== undefined) return { yes: `${name} ${found}` };
  return { no: values.length === 0 ? `${name}: unknown` : `${name}: is ${values.join(', ')}` };
}

function compareFree(a: ClusterFigures, b: ClusterFigures, { classes, freeGpus }: Wish): number {
  const [left, right] = [idleOf(a), idleOf(b)];
  const gpus = classes.includes('gpu') || freeGpus !== undefined;
  // Of whom it is unknown comes last.
  if (left === null || right === null) return Number(left === null) - Number(right === null) || compareText(a.name, b.name);
  return (gpus ? gpuCount(right) - gpuCount(left) : 0) || right.cpuMilli - left.cpuMilli || right.memoryBytes - left.memoryBytes || compareText(a.name, b.name);
}
