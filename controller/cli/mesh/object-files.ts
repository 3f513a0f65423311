/** Meshes and Clusters in files, as `kubectl apply -f` takes them: several documents, Lists, `-` for standard input. */
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Cluster, Mesh } from '../../../mesh/api/resources/index.ts';
import { type MeshObject, meshSpec } from '../../../mesh/api/resources/mesh.ts';
import { RELEASE_TOOLS } from '../../../mesh/model/cluster.ts';
import { yamlProblem } from '../../adapters/yaml-problem.ts';
import { textOf } from '../bundle/file.ts';
import { UsageProblem } from '../environment.ts';

export interface ObjectFiles {
  readonly meshes: readonly MeshObject[];
  readonly clusters: readonly ClusterObject[];
}

const MOST_ALIASES = 100;
const API_VERSION = apiVersionOf(Mesh);

const documentSchema = z.looseObject({ apiVersion: z.string().optional(), kind: z.string().optional(), metadata: z.looseObject({ name: z.string().min(1) }).optional(), items: z.array(z.unknown()).optional() });
const endpointSchema = z.object({ address: z.string().optional(), ips: z.array(z.string()).optional(), port: z.int().default(2379) });
const declaredSchema = endpointSchema.extend({ tls: z.object({ secretName: z.string().min(1), trust: z.enum(['Secret', 'Mesh']).default('Secret') }).optional() });
const clusterSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string().min(1), labels: z.record(z.string(), z.string()).optional() }),
  spec: z.looseObject({ meshEndpoint: declaredSchema.optional(), properties: z.record(z.string(), z.string()).optional() }).optional(),
  status: z.looseObject({
    cilium: z.looseObject({
      version: z.string().optional(), clusterName: z.string().optional(), clusterId: z.int().optional(), maxConnectedClusters: z.union([z.literal(255), z.literal(511)]).optional(), namespace: z.string().optional(),
      podCidrs: z.array(z.string()).optional(), kvstoreMesh: z.boolean().optional(), authMode: z.enum(['legacy', 'migration', 'cluster']).optional(), endpoint: endpointSchema.optional(), settings: z.record(z.string(), z.string()).optional(),
      release: z.looseObject({ tool: z.enum(RELEASE_TOOLS), name: z.string() }).optional(),
    }).optional(),
  }).optional(),
});

/** The first thing that is wrong, by its path in the object. */
function problemOf({ issues: [issue] }: z.ZodError): string {
  return issue === undefined ? 'cannot be read' : `${issue.path.join('.')}: ${issue.message}`;
}

function documentsOf(path: string): readonly unknown[] {
  const documents = parseAllDocuments(textOf('-f', path));
  if ('empty' in documents) return [];
  return documents.flatMap((document) => {
    const [wrong] = document.errors;
    if (wrong !== undefined) throw new UsageProblem(`-f ${path}: is no YAML that can be read: ${yamlProblem(wrong.message)}`);
    const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    return value === null ? [] : [value];
  });
}

/** Objects of other kinds are passed over: a folder of a fleet's manifests holds more than its meshes. */
export function readObjectFiles(paths: readonly string[]): ObjectFiles {
  const found = new Map<string, MeshObject | ClusterObject>();
  function take(path: string, value: unknown): void {
    const read = documentSchema.safeParse(value);
    if (!read.success) throw new UsageProblem(`-f ${path}: holds what is no Kubernetes object (${problemOf(read.error)})`);
    const { apiVersion, kind = '', metadata, items } = read.data;
    if (kind.endsWith('List') && items !== undefined) {
      for (const item of items) take(path, item);
      return;
    }
    if (apiVersion !== API_VERSION || (kind !== Mesh.kind && kind !== Cluster.kind)) return;
    const key = `${kind} ${metadata?.name ?? ''}`;
    if (found.has(key)) throw new UsageProblem(`-f ${path}: ${key} is there twice; give it once`);
    const checked = kind === Mesh.kind ? meshSpec.safeParse(read.data['spec'] ?? {}) : clusterSchema.safeParse(value);
    if (!checked.success) throw new UsageProblem(`-f ${path}: ${key}: ${kind === Mesh.kind ? 'spec.' : ''}${problemOf(checked.error)}`);
    if (metadata === undefined) throw new UsageProblem(`-f ${path}: a ${kind} has no metadata.name`);
    found.set(key, { ...read.data, metadata, ...(kind === Mesh.kind ? { spec: checked.data } : checked.data) } as unknown as MeshObject | ClusterObject);
  }
  for (const path of paths) for (const value of documentsOf(path)) take(path, value);
  const all = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  return { meshes: all.filter(({ kind }) => kind === Mesh.kind) as MeshObject[], clusters: all.filter(({ kind }) => kind === Cluster.kind) as ClusterObject[] };
}
