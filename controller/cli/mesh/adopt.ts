/** `isthmus mesh adopt`: what becomes of a mesh that `cilium clustermesh connect` or Helm made, cluster by cluster, and the Mesh that takes it over. */
import type { Command } from 'commander';
import { z } from 'zod';
import { apiVersionOf, Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { adoptionOf, type ObjectAdoption } from '../../../mesh/cilium/adopt.ts';
import { listed } from '../../../mesh/model/listed.ts';
import type { StandingObject } from '../../../mesh/model/standing.ts';
import type { Answer } from '../../../mesh/model/sync.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { inquire } from '../inquire.ts';
import { collect } from '../options.ts';
import { type Format, formatOption, print } from '../output/index.ts';
import { planFleet, type PlannedPeering, readMeshes, refuseConflicts } from './fleet-plan.ts';
import { readObjectFiles } from './object-files.ts';

export interface AdoptOptions {
  readonly file: readonly string[];
  readonly dryRun: boolean;
  readonly output: Format;
}

interface ClusterAdoption {
  readonly cluster: string;
  readonly objects: readonly ObjectAdoption[];
  /** Why it is not known what stands there; absent: it is. */
  readonly unknown?: string;
  /** SHA-256 of roots that others put into the mesh's certificate Secrets. */
  readonly foreignRoots: readonly string[];
}

const AT_ONCE = 16;
const NAMED_ROOTS = 3;
const NAMED_CLUSTERS = 5;
const standingSchema = z.object({
  object: z.string(), ours: z.boolean(), owner: z.string(), managers: z.array(z.string()),
  entries: z.array(z.object({ key: z.string(), sha256: z.string(), means: z.string().optional() })),
});

/** An object with many entries comes in several records. */
function standingOf(records: readonly string[]): StandingObject[] {
  const objects = new Map<string, StandingObject>();
  for (const record of records) {
    const part = standingSchema.parse(JSON.parse(record)) as StandingObject;
    const known = objects.get(part.object);
    objects.set(part.object, known === undefined ? part : { ...known, entries: [...known.entries, ...part.entries] });
  }
  return [...objects.values()];
}

async function adoptionIn(environment: Environment, client: KubernetesClient, cluster: string, { peering, cilium }: PlannedPeering): Promise<ClusterAdoption> {
  const foreignRoots = cilium.foreignTrust?.roots ?? [];
  try {
    const { records } = await inquire<Answer>(environment, client, { standing: { cluster } });
    return { cluster, objects: adoptionOf(peering, standingOf(records), sha256Hex), foreignRoots };
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return { cluster, objects: [], unknown: error.message, foreignRoots };
  }
}

const SAID: Readonly<Record<ObjectAdoption['verdict'], string>> = {
  Absent: 'is written anew', Ours: 'is ours already', Equal: 'is taken over, byte for byte', Same: 'is taken over; its words stay, for they mean the same', Different: 'STAYS AS IT IS', Unneeded: 'stays as it is: nothing of ours',
};

function listing(found: readonly ClusterAdoption[]): Parameters<typeof print>[2] {
  return {
    headings: ['CLUSTER', 'OBJECT', 'OF', 'WHAT BECOMES OF IT'],
    rows: found.flatMap(({ cluster, objects, unknown }) => [
      ...objects.flatMap(({ object, owner, verdict, differences }) => [[cluster, object, owner, SAID[verdict]], ...differences.map((difference) => ['', '', '', `  ${difference}`])]),
      ...(unknown === undefined ? [] : [[cluster, '', '', `unknown: ${unknown}`]]),
    ]),
    value: found, names: found.flatMap(({ cluster, objects }) => objects.map(({ object }) => `${cluster}/${object}`)), empty: 'No cluster of this mesh has joined and reported.',
  };
}

function trustText(found: readonly ClusterAdoption[]): string {
  const others = found.filter(({ foreignRoots }) => foreignRoots.length > 0);
  if (others.length === 0) return '';
  const roots = [...new Set(others.flatMap(({ foreignRoots }) => foreignRoots))].sort();
  return `Certificates: those of ${others.map(({ cluster }) => cluster).join(', ')} were made by others, below ${listed(roots.map((root) => root.slice(0, 12)), NAMED_ROOTS)} (SHA-256), and stay as they are. `
    + 'To have them taken over as well without a call that fails, let the hub sign below that very root (--root-key-file), and then revert them one by one: docs/reference/mesh-render.md, "Certificates of an adopted mesh".\n';
}

/** Everybody is asked, a few at a time. */
async function askAll(environment: Environment, client: KubernetesClient, peerings: readonly (readonly [string, PlannedPeering])[]): Promise<ClusterAdoption[]> {
  const found: ClusterAdoption[] = [];
  for (let at = 0; at < peerings.length; at += AT_ONCE) {
    found.push(...await Promise.all(peerings.slice(at, at + AT_ONCE).map(([cluster, planned]) => adoptionIn(environment, client, cluster, planned))));
  }
  return found;
}

export async function adoptMesh(environment: Environment, name: string, { file, dryRun, output }: AdoptOptions): Promise<void> {
  const given = file.length === 0 ? undefined : readObjectFiles(file).meshes.find(({ metadata }) => metadata.name === name);
  if (file.length > 0 && given === undefined) throw new UsageProblem(`-f ${file.join(' -f ')}: holds no Mesh ${JSON.stringify(name)}`);
  const client = await environment.connect();
  const fleet = await readMeshes(client, environment.signal);
  const there = fleet.meshes.some(({ metadata }) => metadata.name === name);
  if (given === undefined && !there) throw new CommandFailure(`there is no mesh ${JSON.stringify(name)}; give one that is to be with -f FILE`);
  if (given !== undefined && there) throw new UsageProblem(`-f: Mesh ${JSON.stringify(name)} is there already; leave -f out to look at it as it is`);
  const planned = planFleet({ ...fleet, meshes: [...fleet.meshes, ...given === undefined ? [] : [given]] }, { offline: false });
  refuseConflicts({ ...planned, plan: { ...planned.plan, meshes: planned.plan.meshes.filter(({ mesh }) => mesh === name) } }, `Mesh ${name} takes nothing over`);
  const found = await askAll(environment, client, [...planned.peerings].filter(([, { mesh }]) => mesh === name));
  print(environment, output, listing(found));
  const waiting = planned.plan.meshes.find(({ mesh }) => mesh === name)?.waiting ?? [];
  for (const cluster of waiting) environment.err(`cluster ${cluster}: has not joined and reported, so it is not planned yet\n`);
  environment.err(trustText(found));
  const left = found.filter(({ objects, unknown }) => unknown !== undefined || objects.some(({ verdict }) => verdict === 'Different'));
  if (left.length > 0) {
    throw new CommandFailure(`${left.map(({ cluster }) => cluster).join(', ')}: ${left.length === 1 ? 'is' : 'are'} not taken over as ${left.length === 1 ? 'it is' : 'they are'}; ${given === undefined ? 'runs leave what is different alone until it is decided: set it right there, or "isthmus drift revert CLUSTER OBJECT" has it written over' : 'no Mesh was made: set right what is different, there or in the Mesh and its Clusters (spec.meshEndpoint), and look again'}`);
  }
  if (given !== undefined && (waiting.length > 0 || found.length === 0)) {
    throw new CommandFailure(`no Mesh was made: ${waiting.length > 0 ? `what stands in ${listed(waiting, NAMED_CLUSTERS)} is not known, for ${waiting.length === 1 ? 'its agent has' : 'their agents have'} not joined and reported` : 'it selects no cluster that has joined and reported'}; install the agents first, or narrow spec.clusters`);
  }
  if (given === undefined) return environment.err('Nothing that Cilium reads is changed by taking it over; "isthmus run list" shows the runs that do it.\n');
  await client.create<MeshObject>(Mesh, { apiVersion: apiVersionOf(Mesh), kind: Mesh.kind, metadata: { name }, spec: given.spec } as MeshObject, { fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
  environment.err(`mesh.isthmus.dev/${name} created${dryRun ? ' (dry run)' : '; "isthmus run list" shows the run that takes the clusters over'}\n`);
}

export function registerAdopt(mesh: Command, environment: (command: Command) => Environment): void {
  mesh.command('adopt').description('say what becomes of a mesh that others made, cluster by cluster; with -f make the Mesh that takes it over, if nothing that Cilium reads changes')
    .argument('<mesh>')
    .option('-f, --file <path>', 'the Mesh that is to be (repeatable)', collect, [])
    .option('--dry-run', 'look, check with the server, make nothing', false)
    .addOption(formatOption())
    .action(async (name: string, options: AdoptOptions, command: Command) => adoptMesh(environment(command), name, options));
}
