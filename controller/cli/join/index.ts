/** `isthmus join`: a one-use token for one cluster, or leave to join by its own service account, and the helm command that uses it. */
import { Option, type Command } from 'commander';
import { apiVersionOf, Cluster, JoinToken } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { revokedAt } from '../../../mesh/model/revocation.ts';
import { clusterNameProblem } from '../../../mesh/model/names.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { systemRandom } from '../../adapters/random.ts';
import { createJoinToken } from '../../runtime/new-join-token.ts';
import { CommandFailure, type Environment, keyValues, UsageProblem } from '../environment.ts';
import { collect, wholeNumber } from '../options.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { admissionSpec, writeAdmission } from './admission.ts';

const LONGEST_LIFETIME_SECONDS = 86_400;
const USUAL_ACCOUNT = 'isthmus-system/isthmus-agent';

interface JoinOptions {
  readonly label: readonly string[];
  readonly property: readonly string[];
  readonly namespace: string;
  readonly ttl: string;
  readonly output: 'helm' | 'token' | 'json';
  readonly dryRun: boolean;
  readonly issuer?: string;
  readonly jwks?: string;
  readonly audience?: string;
  readonly serviceAccount?: string;
}

export async function joinCluster(environment: Environment, cluster: string, options: JoinOptions): Promise<void> {
  const problem = clusterNameProblem('CLUSTER', cluster);
  if (problem !== undefined) throw new UsageProblem(problem);
  const lifetimeSeconds = wholeNumber('--ttl', options.ttl, 1, LONGEST_LIFETIME_SECONDS);
  const labels = keyValues('--label', options.label);
  const properties = keyValues('--property', options.property);
  const { issuer, jwks, audience } = options;
  if ((issuer === undefined) !== (jwks === undefined)) throw new UsageProblem('--issuer and --jwks: give both, and the cluster joins by its service account, or none, and it gets a token');
  if (issuer === undefined && audience !== undefined) throw new UsageProblem('--audience: is of service-account tokens; give --issuer and --jwks as well');
  if (issuer !== undefined && options.output === 'token') throw new UsageProblem('-o token: with --issuer there is no token to copy; leave out one of them');
  const admission = issuer === undefined || jwks === undefined ? undefined : admissionSpec({ issuer, jwks, serviceAccount: options.serviceAccount ?? USUAL_ACCOUNT, ...(audience === undefined ? {} : { audience }) });

  const client = await environment.connect();
  const { signal } = environment;
  const trust = (await client.get<ConfigMapObject>(ConfigMap, { namespace: options.namespace, name: 'isthmus-trust' }, signal))?.data;
  const [bundlePem, trustDomain, hubAddress] = [trust?.['bundle.pem'], trust?.['trustDomain'], trust?.['hubAddress']];
  if (bundlePem === undefined || trustDomain === undefined || hubAddress === undefined) {
    throw new CommandFailure(`ConfigMap ${options.namespace}/isthmus-trust is not there or not whole: a running hub writes it; is this the hub's Kubernetes API, and is --namespace right?`);
  }
  const say = (helm: readonly string[], facts: object, note: string): void => {
    if (options.output === 'json') return environment.out(`${JSON.stringify({ cluster, hubAddress, trustDomain, ...facts, helm: helm.join(' ') })}\n`);
    environment.err(`Cluster ${cluster} may join ${note}${options.dryRun ? ' (dry run: nothing was made)' : ''}. With ${cluster}'s kubeconfig run:\n\n`);
    environment.out(`${helm.join(' \\\n  ')}\n`);
  };
  const command = ['helm upgrade --install isthmus-agent charts/isthmus-agent', '--namespace isthmus-system --create-namespace', `--set cluster.name=${cluster}`, `--set hub.address=${hubAddress}`];
  const declare = (): Promise<ClusterObject> => client.patch<ClusterObject>(Cluster, { name: cluster }, {
    apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: cluster, ...(options.label.length === 0 ? {} : { labels }) },
    spec: options.property.length === 0 ? {} : { properties },
  }, { type: 'apply', force: true, ...write }, signal);
  const write = { fieldManager: FIELD_MANAGER, dryRun: options.dryRun };

  if (admission !== undefined) {
    // Labels and properties given here are this command's; others' stay.
    const { spec, status } = await declare();
    // When the hub saw it, which is what counts, or where no hub has yet, what was declared.
    const since = fromRfc3339(status?.revocation?.at) ?? revokedAt(spec?.revoked);
    await writeAdmission(environment, client, cluster, admission, { revokedAt: since, dryRun: options.dryRun });
    const wanted = admission.audience ?? `isthmus:${trustDomain}`;
    const helm = [...command, '--set identity.join.serviceAccountToken=true', `--set identity.join.trustDomain=${trustDomain}`, `--set-string identity.join.audience=${wanted}`, `--set-string identity.join.bundle="$(echo ${Buffer.from(bundlePem).toString('base64')} | base64 -d)"`];
    return say(helm, { audience: wanted, issuer: admission.issuer, bundlePem }, `by its service account ${admission.namespace}/${admission.serviceAccount}`);
  }
  const { text, object } = createJoinToken({ cluster, hubAddress, trustDomain, bundlePem, lifetimeSeconds }, { random: systemRandom, digest: sha256Hex, now: environment.now() });
  await declare();
  await client.create(JoinToken, object, write, signal);

  if (options.output === 'token') return environment.out(`${text}\n`);
  say([...command, `--set-string join.token=${text}`], { expiresAt: object.spec.expiresAt, token: text }, `once, until ${object.spec.expiresAt}`);
}

export function register(program: Command, environment: (command: Command) => Environment): void {
  program.command('join')
    .description('make a one-use token for a cluster and print the helm command that uses it; joining again replaces a lost identity')
    .argument('<cluster>', 'a DNS label of at most 32 characters, the same as Cilium\'s cluster-name')
    .option('--label <key=value>', 'label of the Cluster, repeatable', collect, [])
    .option('--property <key=value>', 'declared property of the Cluster, repeatable', collect, [])
    .option('--namespace <name>', 'the hub\'s namespace', 'isthmus-system')
    .option('--ttl <seconds>', 'how long the token can be redeemed', '600')
    .option('--issuer <url>', 'instead of a token: let the cluster join by its own service-account tokens of this issuer (kubectl get --raw /.well-known/openid-configuration)')
    .option('--jwks <path>', 'for that: the issuer\'s public keys (kubectl get --raw /openid/v1/jwks)')
    .option('--audience <text>', 'for that: the only audience of the tokens (default: isthmus:TRUST_DOMAIN)')
    .option('--service-account <namespace/name>', 'for that: the agent\'s account there', USUAL_ACCOUNT)
    .option('--dry-run', 'check with the server, make nothing', false)
    .addOption(new Option('-o, --output <format>', 'what to print').choices(['helm', 'token', 'json']).default('helm'))
    .action(async (cluster: string, options: JoinOptions, command: Command) => joinCluster(environment(command), cluster, options));
}
