/** `isthmus join`: a one-use token for one cluster, and the helm command that uses it. */
import { Option, type Command } from 'commander';
import { apiVersionOf, Cluster, JoinToken } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { clusterNameProblem } from '../../../mesh/model/names.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { systemRandom } from '../../adapters/random.ts';
import { createJoinToken } from '../../runtime/new-join-token.ts';
import { CommandFailure, type Environment, keyValues, UsageProblem } from '../environment.ts';
import { collect, wholeNumber } from '../options.ts';
import { FIELD_MANAGER } from '../field-manager.ts';

const LONGEST_LIFETIME_SECONDS = 86_400;

interface JoinOptions {
  readonly label: readonly string[];
  readonly property: readonly string[];
  readonly namespace: string;
  readonly ttl: string;
  readonly output: 'helm' | 'token' | 'json';
  readonly dryRun: boolean;
}

export async function joinCluster(environment: Environment, cluster: string, options: JoinOptions): Promise<void> {
  const problem = clusterNameProblem('CLUSTER', cluster);
  if (problem !== undefined) throw new UsageProblem(problem);
  const lifetimeSeconds = wholeNumber('--ttl', options.ttl, 1, LONGEST_LIFETIME_SECONDS);
  const labels = keyValues('--label', options.label);
  const properties = keyValues('--property', options.property);

  const client = await environment.connect();
  const { signal } = environment;
  const trust = (await client.get<ConfigMapObject>(ConfigMap, { namespace: options.namespace, name: 'isthmus-trust' }, signal))?.data;
  const [bundlePem, trustDomain, hubAddress] = [trust?.['bundle.pem'], trust?.['trustDomain'], trust?.['hubAddress']];
  if (bundlePem === undefined || trustDomain === undefined || hubAddress === undefined) {
    throw new CommandFailure(`ConfigMap ${options.namespace}/isthmus-trust is not there or not whole: a running hub writes it; is this the hub's Kubernetes API, and is --namespace right?`);
  }
  const { text, object } = createJoinToken({ cluster, hubAddress, trustDomain, bundlePem, lifetimeSeconds }, { random: systemRandom, digest: sha256Hex, now: environment.now() });
  const write = { fieldManager: FIELD_MANAGER, dryRun: options.dryRun };
  // Labels and properties given here are this command's; others' stay.
  await client.patch<ClusterObject>(Cluster, { name: cluster }, {
    apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: cluster, ...(options.label.length === 0 ? {} : { labels }) },
    spec: options.property.length === 0 ? {} : { properties },
  }, { type: 'apply', force: true, ...write }, signal);
  await client.create(JoinToken, object, write, signal);

  if (options.output === 'token') return environment.out(`${text}\n`);
  const helm = [
    'helm upgrade --install isthmus-agent charts/isthmus-agent', '--namespace isthmus-system --create-namespace',
    `--set cluster.name=${cluster}`, `--set hub.address=${hubAddress}`, `--set-string join.token=${text}`,
  ];
  if (options.output === 'json') return environment.out(`${JSON.stringify({ cluster, hubAddress, trustDomain, expiresAt: object.spec.expiresAt, token: text, helm: helm.join(' ') })}\n`);
  environment.err(`Cluster ${cluster} may join once, until ${object.spec.expiresAt}${options.dryRun ? ' (dry run: nothing was made)' : ''}. With ${cluster}'s kubeconfig run:\n\n`);
  environment.out(`${helm.join(' \\\n  ')}\n`);
}

export function register(program: Command, environment: (command: Command) => Environment): void {
  program.command('join')
    .description('make a one-use token for a cluster and print the helm command that uses it; joining again replaces a lost identity')
    .argument('<cluster>', 'a DNS label of at most 32 characters, the same as Cilium\'s cluster-name')
    .option('--label <key=value>', 'label of the Cluster, repeatable', collect, [])
    .option('--property <key=value>', 'declared property of the Cluster, repeatable', collect, [])
    .option('--namespace <name>', 'the hub\'s namespace', 'isthmus-system')
    .option('--ttl <seconds>', 'how long the token can be redeemed', '600')
    .option('--dry-run', 'check with the server, make nothing', false)
    .addOption(new Option('-o, --output <format>', 'what to print').choices(['helm', 'token', 'json']).default('helm'))
    .action(async (cluster: string, options: JoinOptions, command: Command) => joinCluster(environment(command), cluster, options));
}
