/** `isthmus agent`. */
import type { Command } from 'commander';
import { MAX_PROPERTY_NAME, MAX_PROPERTY_VALUE, MAX_REPORT_LABELS, MAX_REPORTED_PROPERTIES, type MeshEndpoint } from '../../../mesh/model/cluster.ts';
import type { LogLevel } from '../../adapters/log.ts';
import { TRUST_SETTLE_SECONDS } from '../../agent/identity/settle-seconds.ts';
import { DEFAULT_GPU_RESOURCES, DEFAULT_REPORT_LABELS } from '../../agent/observe/defaults.ts';
import { type Environment, keyValues, UsageProblem } from '../environment.ts';
import { collect, globalKubeconfig, logLevelOption, wholeNumber } from '../options.ts';
import { packageVersion } from '../version.ts';

interface AgentFlags {
  readonly cluster: string;
  readonly hub: string;
  readonly namespace: string;
  readonly ciliumNamespace: string;
  readonly dataDir: string;
  readonly dnsListen: string;
  readonly peerListen: string;
  readonly advertisePeer: string;
  readonly healthListen: string;
  readonly meshEndpoint?: string;
  readonly property: readonly string[];
  readonly peerProbeInterval: string;
  readonly peerProbeFailures: string;
  readonly trustSettle: string;
  readonly reportLabels: string;
  readonly gpuResources: string;
  readonly bundleKeys?: string;
  readonly deployment?: string;
  readonly serviceAccount?: string;
  readonly joinTokenFile?: string;
  readonly serviceAccountTokenFile?: string;
  readonly hubTrustDomain?: string;
  readonly hubCaFile?: string;
  readonly statusFile?: string;
  readonly logLevel: LogLevel;
}

/** `HOST:PORT`, a DNS name, or addresses joined by commas. */
export function parseMeshEndpoint(text: string): MeshEndpoint {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65535) throw new UsageProblem(`--mesh-endpoint ${JSON.stringify(text)}: write NAME:PORT or IP[,IP…]:PORT`);
  const hosts = (match[1] ?? '').split(',').map((host) => host.replace(/^\[(.*)\]$/, '$1'));
  const numeric = hosts.every((host) => /^[0-9.]+$|:/.test(host));
  if (!numeric && hosts.length > 1) throw new UsageProblem(`--mesh-endpoint ${JSON.stringify(text)}: give one name or several addresses, not several names`);
  return numeric ? { ips: hosts, port } : { address: hosts[0] ?? '', port };
}

const parseList = (text: string): string[] => [...new Set(text.split(',').map((part) => part.trim()).filter((part) => part !== ''))];

/** Kubernetes' grammar of label keys. */
const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

export function parseReportLabels(text: string): string[] {
  const labels = parseList(text);
  const wrong = labels.find((label) => !LABEL_KEY.test(label));
  if (wrong !== undefined) throw new UsageProblem(`--report-labels: ${JSON.stringify(wrong)} is no label key; write for example team,example.com/product`);
  if (labels.length > MAX_REPORT_LABELS) throw new UsageProblem(`--report-labels: ${labels.length} labels given, at most ${MAX_REPORT_LABELS} allowed`);
  return labels;
}

/** What the hub would refuse as a whole is refused here, by name. */
export function parseProperties(texts: readonly string[]): Record<string, string> {
  const properties = keyValues('--property', texts);
  const count = Object.keys(properties).length;
  if (count > MAX_REPORTED_PROPERTIES) throw new UsageProblem(`--property: ${count} properties given, at most ${MAX_REPORTED_PROPERTIES} allowed`);
  for (const [name, value] of Object.entries(properties)) {
    if (name.length > MAX_PROPERTY_NAME) throw new UsageProblem(`--property ${JSON.stringify(name.slice(0, 40))}…: the name has ${name.length} characters; at most ${MAX_PROPERTY_NAME} are allowed`);
    if (value.length > MAX_PROPERTY_VALUE) throw new UsageProblem(`--property ${name}: the value has ${value.length} characters; at most ${MAX_PROPERTY_VALUE} are allowed`);
  }
  return properties;
}

export function register(program: Command, environment: (command: Command) => Environment): void {
  program.command('agent')
    .description('run a cluster\'s agent; a join token is read from ISTHMUS_JOIN_TOKEN or a file, once')
    .requiredOption('--cluster <name>', 'this cluster\'s name, as in the join token')
    .option('--hub <host:port>', 'the hub\'s gateway; nothing: the join token\'s', '')
    .option('--namespace <name>', 'namespace of the agent\'s own Secret', 'isthmus-system')
    .option('--deployment <name>', 'the agent\'s own Deployment in its namespace, for bundles that bring another version of it; nothing: it keeps its version')
    .option('--service-account <name>', 'the account that the agent runs as, to which no bundle may bind rights; nothing: isthmus-agent')
    .option('--cilium-namespace <name>', 'namespace of Cilium', 'kube-system')
    .option('--data-dir <path>', 'folder of the last known state', './isthmus-agent-data')
    .option('--dns-listen <host:port>', 'where DNS is answered, UDP and TCP', '127.0.0.1:5353')
    .option('--peer-listen <host:port>', 'where other agents are answered', '127.0.0.1:8444')
    .option('--advertise-peer <host:port>', 'how other agents reach that; nothing: the address it listens on', '')
    .option('--health-listen <host:port>', '/healthz, /readyz and /metrics', '127.0.0.1:8081')
    .option('--mesh-endpoint <host:port>', 'where peers reach this cluster\'s clustermesh-apiserver; nothing: read from its Service')
    .option('--property <key=value>', 'a property to report, repeatable', collect, [])
    .option('--peer-probe-interval <seconds>', 'how often each peer is asked', '2')
    .option('--peer-probe-failures <count>', 'unanswered this often in a row: unreachable', '3')
    .option('--trust-settle <seconds>', 'how long after a change of roots, or of who signs, Cilium\'s processes have it from their kubelets', String(TRUST_SETTLE_SECONDS))
    .option('--report-labels <keys>', 'labels of pods or namespaces by which requests are summed, joined by commas, at most 4; empty: none', DEFAULT_REPORT_LABELS.join(','))
    .option('--gpu-resources <globs>', 'extended resources that are GPUs, joined by commas', DEFAULT_GPU_RESOURCES.join(','))
    .option('--bundle-keys <path>', 'a file (YAML) with the keys that bundles must be signed with, and by how many; nothing: no signatures are asked for')
    .option('--join-token-file <path>', 'the join token, where it is not in ISTHMUS_JOIN_TOKEN')
    .option('--service-account-token-file <path>', 'join with the service-account token in this file, for which the hub has a ClusterAdmission, instead of a join token')
    .option('--hub-trust-domain <domain>', 'for that: the hub\'s trust domain')
    .option('--hub-ca-file <path>', 'for that: the hub\'s roots (PEM)')
    .option('--status-file <path>', 'write the bound addresses here, as JSON')
    .addOption(logLevelOption())
    .action(async (flags: AgentFlags, command: Command) => {
      const { runAgent } = await import('../../agent/main.ts');
      await runAgent({
        cluster: flags.cluster,
        kubeconfig: globalKubeconfig(command),
        namespace: flags.namespace,
        hubAddress: flags.hub,
        joinToken: process.env['ISTHMUS_JOIN_TOKEN'],
        joinTokenFile: flags.joinTokenFile,
        serviceAccountTokenFile: flags.serviceAccountTokenFile,
        hubTrustDomain: flags.hubTrustDomain,
        hubCaFile: flags.hubCaFile,
        dataDir: flags.dataDir,
        dnsListen: flags.dnsListen,
        peerListen: flags.peerListen,
        advertisePeer: flags.advertisePeer,
        healthListen: flags.healthListen,
        ciliumNamespace: flags.ciliumNamespace,
        properties: parseProperties(flags.property),
        meshEndpoint: flags.meshEndpoint === undefined ? undefined : parseMeshEndpoint(flags.meshEndpoint),
        peerProbeIntervalSeconds: wholeNumber('--peer-probe-interval', flags.peerProbeInterval, 1, 3600),
        peerProbeFailures: wholeNumber('--peer-probe-failures', flags.peerProbeFailures, 1, 100),
        trustSettleSeconds: wholeNumber('--trust-settle', flags.trustSettle, 0, 3600),
        reportLabels: parseReportLabels(flags.reportLabels),
        gpuResources: parseList(flags.gpuResources),
        bundleKeys: flags.bundleKeys,
        deployment: flags.deployment,
        serviceAccount: flags.serviceAccount,
        logLevel: flags.logLevel,
        version: packageVersion(),
        statusFile: flags.statusFile,
      }, environment(command).signal);
    });
}
