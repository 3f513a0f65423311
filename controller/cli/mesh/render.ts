/** `isthmus mesh render`: what the agents would write, as manifests for those who let no controller write Secrets. Offline: the same planner, the same renderer. */
import { type Command, Option } from 'commander';
import { parseCiliumVersion } from '../../../mesh/model/cilium-version.ts';
import { hostAliasesOf } from '../../../mesh/cilium/values.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { collect } from '../options.ts';
import { type FleetPlan, planFleet, refuseConflicts } from './fleet-plan.ts';
import { keyReferences, manifestsOf, remoteSecret, replaceFolder } from './manifests.ts';
import { readObjectFiles } from './object-files.ts';

export interface RenderOptions {
  readonly file: readonly string[];
  readonly ciliumVersion?: string;
  readonly cluster?: string;
  readonly mark?: string;
  readonly output: 'yaml' | 'dir';
  readonly outputDir?: string;
}

const NAMED = 10;
const MARK = /^[A-Za-z0-9.-]{1,64}$/;

/** What no manifest can say, and a person has to know. */
function notes({ plan, peerings }: FleetPlan): string[] {
  const waiting = plan.meshes.flatMap(({ mesh, waiting: names, notes: { postponed } }) => names.filter((name) => !postponed.some(({ clusters }) => clusters.includes(name)))
    .map((name) => `cluster ${name}: is selected by Mesh ${mesh} and has not joined; it is left out`));
  // Addresses of peers are said below, by cluster.
  const found = plan.meshes.flatMap(({ notes: { postponed, warnings, skipped, idleSkips } }) => [
    ...postponed.map(({ message }) => message), ...warnings.filter(({ reason }) => reason !== 'HostAliasesNeeded').map(({ message }) => message), ...skipped.map(({ reason, message, because }) => `${message} (${reason}, skipped: ${because})`), ...idleSkips,
  ]);
  return [...waiting, ...found, ...[...peerings].flatMap(([cluster, { peering, cilium }]) => [
    ...(cilium.clusterId === peering.clusterId ? [] : [`cluster ${cluster}: its Cilium has no cluster id; ${peering.clusterId} is planned: write it down as status.cilium.clusterId, or another file may get another, and set it there ("isthmus mesh values ${cluster} -f …")`]),
    ...(hostAliasesOf(peering) === undefined ? [] : [`cluster ${cluster}: Cilium ${peering.ciliumVersion} finds peers that are given by addresses by the hosts file of its pods alone; see "isthmus mesh values ${cluster} -f …"`]),
    ...keyReferences(peering).map(({ peer, keys, of }) => `cluster ${cluster}: put ${keys.map(([key, from]) => `${from} as ${key}`).join(', ')} of Secret ${of} into Secret ${peering.namespace}/${remoteSecret(peering)} there, without which peer ${peer} cannot be read; no key is in a manifest`),
  ])];
}

export function renderMesh(environment: Pick<Environment, 'out' | 'err'>, options: RenderOptions): void {
  const { file, ciliumVersion, cluster, mark, output, outputDir } = options;
  if (file.length === 0) throw new UsageProblem('-f: give files with a Mesh and its Clusters ("kubectl get meshes,clusters.isthmus.dev -o yaml" writes one)');
  if (ciliumVersion !== undefined && parseCiliumVersion(ciliumVersion) === undefined) throw new UsageProblem(`--cilium-version ${JSON.stringify(ciliumVersion)}: give a version, as 1.19.6`);
  if ((output === 'dir') !== (outputDir !== undefined)) throw new UsageProblem('-o dir and --output-dir belong together');
  if (mark !== undefined && !MARK.test(mark)) throw new UsageProblem(`--mark ${JSON.stringify(mark)}: give 1 to 64 letters, digits, ".", "-"`);
  const objects = readObjectFiles(file);
  if (objects.meshes.length === 0) throw new UsageProblem(`-f ${file.join(' -f ')}: holds no Mesh`);
  const fleet = planFleet(objects, { offline: true, ...(ciliumVersion === undefined ? {} : { ciliumVersion }) });
  refuseConflicts(fleet, 'nothing is rendered');
  if (cluster !== undefined && !fleet.peerings.has(cluster)) throw new CommandFailure(`cluster ${JSON.stringify(cluster)} is in no mesh of these files; ${fleet.peerings.size === 0 ? 'no cluster is' : `these are: ${[...fleet.peerings.keys()].slice(0, NAMED).join(', ')}`}`);
  const wanted = [...fleet.peerings].filter(([name]) => cluster === undefined || name === cluster);
  for (const note of notes(fleet)) environment.err(`note: ${note}\n`);
  if (outputDir !== undefined) {
    const manifests = wanted.flatMap(([name, { peering }]) => manifestsOf(name, peering, mark));
    replaceFolder('--output-dir', outputDir, manifests);
    environment.err(`${manifests.length} manifests for ${wanted.length} clusters are in ${outputDir}\n`);
    return;
  }
  environment.out(wanted.map(([name, { mesh, peering }]) => `# cluster ${name} of Mesh ${mesh}\n${manifestsOf(name, peering, mark).map(({ text }) => `---\n${text}`).join('')}`).join(''));
}

export function registerRender(mesh: Command, environment: (command: Command) => Environment): void {
  mesh.command('render').description('what the agents would write, as manifests by cluster, from Mesh and Cluster objects in files; asks no server')
    .option('-f, --file <path>', 'a file of Meshes and Clusters, or - (repeatable)', collect, [])
    .option('--cilium-version <version>', 'in the format of this version, whatever the Clusters say')
    .option('--cluster <name>', 'of this cluster alone (all are planned)')
    .option('--mark <text>', 'stands in every entry: Cilium connects anew, and believes the roots of then, when it changes')
    .addOption(new Option('-o, --output <format>', 'one stream, or a folder for each cluster').choices(['yaml', 'dir']).default('yaml'))
    .option('--output-dir <folder>', 'with -o dir: replaced whole, or left as it is')
    .action((options: RenderOptions, command: Command) => { renderMesh(environment(command), options); });
}
