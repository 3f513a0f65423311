/** `isthmus mesh values`: which of Cilium's Helm values are not what a cluster's peering needs, why, and which pods that restarts. */
import { type Command, Option } from 'commander';
import { parse, stringify } from 'yaml';
import { apiVersionOf, Bundle } from '../../../mesh/api/resources/index.ts';
import { hostAliasesOf, isOpen, type Json, type ValueFinding, valueFindings, valuesOf } from '../../../mesh/cilium/values.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { yamlProblem } from '../../adapters/yaml-problem.ts';
import { textOf } from '../bundle/file.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { collect } from '../options.ts';
import { print } from '../output/index.ts';
import { planFleet, readMeshes, refuseConflicts } from './fleet-plan.ts';
import { readObjectFiles } from './object-files.ts';
import { releaseText, targetOf } from './release.ts';

const FORMATS = ['table', 'json', 'yaml', 'diff', 'bundle'] as const;
const TARGET = /^(HelmRelease|Application|ConfigMap)\/([a-z0-9][-a-z0-9]*)\/([a-z0-9][-a-z0-9.]*)$/;

export interface ValuesOptions {
  readonly file: readonly string[];
  readonly values?: string;
  readonly target?: string;
  readonly all: boolean;
  readonly output: typeof FORMATS[number];
}

function givenValues(path: string): Json {
  const text = textOf('--values', path);
  try {
    const given = parse(text) as Json;
    if (typeof given === 'object' && !Array.isArray(given)) return given ?? {};
  } catch (error) {
    throw new UsageProblem(`--values ${path}: is no YAML that can be read: ${yamlProblem(error instanceof Error ? error.message : '')}`);
  }
  throw new UsageProblem(`--values ${path}: holds no values; "helm get values cilium -n kube-system" writes them`);
}

const shown = (value: Json | undefined): string => (value === undefined ? 'unknown' : JSON.stringify(value));

/** Of one value, as `diff -u` has it; what is not known has no line of its own. */
const diffLines = ({ path, have, want, why, restarts }: ValueFinding): string =>
  [`# ${path}: ${why}${restarts.length === 0 ? '' : ` (restarts ${restarts.join(', ')})`}`, ...(have === undefined ? [] : [`-${path}: ${shown(have)}`]), `+${path}: ${shown(want)}`].map((line) => `${line}\n`).join('');

/** A version of its own for each content, so that another one is another bundle. A release's ConfigMap holds the file as a text. */
function bundleOf(cluster: string, text: string, values: { readonly [name: string]: Json }): string {
  const [, target = '', namespace = '', name = ''] = TARGET.exec(text) ?? [];
  const version = `0.0.0-v${sha256Hex(canonicalJson(values)).slice(0, 12)}`;
  const bundlePackage = `cilium-mesh-${cluster}`;
  return stringify({
    apiVersion: apiVersionOf(Bundle), kind: Bundle.kind, metadata: { name: `${bundlePackage}-${version.slice('0.0.0-'.length)}` },
    spec: { package: bundlePackage, version, parts: [{ name: 'values', values: { target, namespace, name, values: target === 'ConfigMap' ? { 'values.yaml': stringify(values) } : values } }] },
  });
}

export async function meshValues(environment: Environment, cluster: string, options: ValuesOptions): Promise<void> {
  if (options.output !== 'bundle' && options.target !== undefined) throw new UsageProblem('--target belongs to -o bundle');
  if (options.target !== undefined && !TARGET.test(options.target)) throw new UsageProblem(`--target ${JSON.stringify(options.target)}: give KIND/NAMESPACE/NAME of what the release is made of, as HelmRelease/flux-system/cilium (or Application, ConfigMap)`);
  const offline = options.file.length > 0;
  const given = options.values === undefined ? undefined : givenValues(options.values);
  const fleet = planFleet(offline ? readObjectFiles(options.file) : await readMeshes(await environment.connect(), environment.signal), { offline });
  const planned = fleet.peerings.get(cluster);
  if (planned === undefined) {
    refuseConflicts(fleet, `no peering of ${cluster} is planned`);
    throw new CommandFailure(`cluster ${JSON.stringify(cluster)} is in no mesh, or has not reported; "isthmus mesh get" shows the meshes`);
  }
  const { release } = planned.cilium;
  const target = options.target ?? targetOf(release);
  if (options.output === 'bundle' && target === undefined) {
    throw new UsageProblem(`-o bundle: give with --target what the release of ${cluster} is made of, as HelmRelease/flux-system/cilium (or Application/…, ConfigMap/…). ${releaseText(cluster, release) || 'No mark on Cilium\'s objects tells it.'}`);
  }
  const findings = valueFindings(planned.cilium, planned.peering, given);
  const open = options.all ? findings : findings.filter(isOpen);
  const aliases = hostAliasesOf(planned.peering);
  if (options.output === 'yaml') environment.out(`# Cilium ${planned.peering.ciliumVersion} of cluster ${cluster}, Mesh ${planned.mesh}: merge over the values of the release.\n${stringify(valuesOf(open))}`);
  else if (options.output === 'bundle') environment.out(bundleOf(cluster, target ?? '', valuesOf(open)));
  else if (options.output === 'diff') environment.out(open.map(diffLines).join(''));
  else {
    print(environment, options.output, {
      headings: ['VALUE', 'HAVE', 'WANT', 'RESTARTS', 'WHY'],
      rows: open.map(({ path, have, want, why, restarts }) => [path, shown(have), shown(want), restarts.length === 0 ? 'nothing' : restarts.join(', '), why]),
      value: { cluster, mesh: planned.mesh, ...(release === undefined ? {} : { release }), ...(target === undefined ? {} : { target }), findings: open, ...(aliases === undefined ? {} : { hostAliases: aliases }) },
      names: open.map(({ path }) => path),
      empty: `Cilium's values of ${cluster} are as its peering needs them.`,
    });
  }
  if (aliases !== undefined && options.output !== 'json') {
    const [kind = '', name = ''] = aliases.workload.split(' ');
    const patch = { spec: { template: { spec: { hostAliases: aliases.aliases } } } };
    environment.err(`Peers of ${cluster} are given by addresses, and Cilium ${planned.peering.ciliumVersion} has no value for their names: point DNS names at them (oslo.mesh.cilium.io for cluster oslo) and give these as spec.meshEndpoint.address of their Clusters, or patch ${aliases.workload}, whose pods then restart with each peer that comes or goes:\n`
      + `  kubectl -n ${planned.peering.namespace} patch ${kind.toLowerCase()} ${name} --type merge -p '${JSON.stringify(patch)}'\n`);
  }
  const source = releaseText(cluster, release);
  if (open.length > 0 && options.target === undefined && source !== '' && options.output !== 'json') environment.err(`${source}\n`);
  if (given === undefined && open.some(({ have }) => have === undefined)) environment.err('What is unknown no cluster tells: give the values of the release with --values FILE ("helm get values cilium" writes them).\n');
}

export function registerValues(mesh: Command, environment: (command: Command) => Environment): void {
  mesh.command('values').description('which of Cilium\'s Helm values are not as a cluster\'s peering needs them, and which pods a change restarts; -o yaml prints a file to merge')
    .argument('<cluster>')
    .option('-f, --file <path>', 'plan from these files of Meshes and Clusters instead of the hub\'s API (repeatable)', collect, [])
    .option('--values <file>', 'the values of the release, as "helm get values cilium" writes them')
    .option('--target <object>', 'with -o bundle: HelmRelease/NAMESPACE/NAME, Application/… or ConfigMap/…, into which a run writes the values; left out: what the cluster\'s agent found')
    .option('--all', 'also those that are as they should be', false)
    .addOption(new Option('-o, --output <format>', 'how to print').choices(FORMATS).default('table'))
    .action(async (cluster: string, options: ValuesOptions, command: Command) => meshValues(environment(command), cluster, options));
}
