/** The clusters of the fleet as report and find take them, and their figures as people read them. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { type ClusterFigures, figuresOf, GIBIBYTE, gpuCount } from '../../../mesh/inventory/figures.ts';
import { pointedAt } from '../../../mesh/inventory/pointing.ts';
import { matchesQuery, parseQuery } from '../../../mesh/inventory/query.ts';
import { rowOf } from '../../../mesh/inventory/row.ts';
import { fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import type { ResourceAmounts } from '../../../mesh/model/cluster.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { listAll } from '../list.ts';
import { age } from '../output/index.ts';

/** Those that the query matches; an empty one matches all. */
export async function readFigures(environment: Environment, query: string): Promise<readonly ClusterFigures[]> {
  const parsed = parseQuery(query);
  if ('problem' in parsed) throw new UsageProblem(pointedAt(parsed, query));
  const clusters = await listAll<ClusterObject>(await environment.connect(), Cluster, environment.signal);
  return clusters.filter((cluster) => query.trim() === '' || matchesQuery(parsed.query, rowOf(cluster.metadata.name, fieldsOf(cluster)), environment.now())).map(figuresOf);
}

export const UNKNOWN = '<unknown>';
/** `12.5`; at most one decimal. */
const decimal = (value: number): string => String(Number(value.toFixed(1)));
export const cores = (amounts: ResourceAmounts | null): string => (amounts === null ? UNKNOWN : decimal(amounts.cpuMilli / 1000));
export const gibibytes = (amounts: ResourceAmounts | null): string => (amounts === null ? UNKNOWN : `${decimal(amounts.memoryBytes / GIBIBYTE)}Gi`);
export const gpus = (amounts: ResourceAmounts | null): string => (amounts === null ? UNKNOWN : String(gpuCount(amounts)));
export const since = (asOf: number | null, now: number): string => (asOf === null ? 'now' : asOf === 0 ? UNKNOWN : `${age(asOf, now)} ago`);
