/** `isthmus hub`. */
import { type Command, Option } from 'commander';
import { USUAL_RETENTION } from '../../hub/inventory/retention.ts';
import type { HubOptions } from '../../hub/main.ts';
import type { Environment } from '../environment.ts';
import { collect, globalKubeconfig, logLevelOption, wholeNumber } from '../options.ts';

/** Every flag is an option of the hub; the kubeconfig is a global one. */
type HubFlags = Omit<HubOptions, 'kubeconfig' | 'history'> & { readonly historyDays: string; readonly dailyHistoryDays: string; readonly runHistoryDays: string; readonly runsPerStrategy: string; readonly runObjectDays: string };

const MOST_DAYS = 36_500;
const MOST_RUNS = 10_000;

export function register(program: Command, environment: (command: Command) => Environment): void {
  program.command('hub')
    .description('run the control plane; its Kubernetes API is the one of --kubeconfig, the pod\'s own, or embedded')
    .option('--embedded', 'serve the hub\'s Kubernetes API from this process, kept in --data-dir', false)
    .option('--api-listen <host:port>', 'where the embedded API is served', '127.0.0.1:6443')
    .option('--write-kubeconfig <path>', 'write the embedded API\'s administrator\'s kubeconfig here')
    .option('--client-ca-file <path>', 'the embedded API believes client certificates that these authorities (PEM) signed: the common name is the user, each organization a group; stored Roles say what they may')
    .option('--data-dir <path>', 'folder of records and of the embedded API', './isthmus-hub-data')
    .option('--namespace <name>', 'namespace of the hub\'s own Secret and ConfigMap', 'isthmus-system')
    .option('--trust-domain <name>', 'SPIFFE trust domain of the fleet; fixed once a cluster has joined', 'isthmus.local')
    .addOption(new Option('--root <where>', 'managed: the hub makes the root of trust and keeps its key in its Secret; offline: a person signs each issuing CA ("isthmus identity root sign"); cert-manager: an issuer of cert-manager signs them').choices(['managed', 'offline', 'cert-manager']).default('managed'))
    .option('--root-certificates <path>', 'a file (PEM) with the root\'s certificate, and for a rotation the next one after it; for every root that the hub does not make itself')
    .option('--root-key-file <path>', 'the root\'s private key (PEM: P-256, RSA or Ed25519), read when an issuing CA is signed')
    .option('--root-passphrase-file <path>', 'file with its passphrase')
    .option('--root-signer <command>', 'a program (and its arguments; no shell) that signs with the root\'s key: JSON on stdin, base64 on stdout')
    .option('--cert-manager-issuer <name>', 'who signs issuing CAs with --root=cert-manager; an Issuer is one of --namespace')
    .option('--cert-manager-issuer-kind <kind>', 'its kind; nothing: ClusterIssuer')
    .option('--cert-manager-issuer-group <group>', 'its API group; nothing: cert-manager.io')
    .option('--listen <host:port>', 'where agents are answered', '127.0.0.1:8443')
    .option('--advertise <host:port>', 'how agents reach that; nothing: the address it listens on', '')
    .option('--health-listen <host:port>', '/healthz, /readyz and /metrics', '127.0.0.1:8080')
    .option('--records <path or url>', 'a SQLite file, or postgres://…; nothing: a SQLite file in --data-dir (environment: ISTHMUS_RECORDS, for URLs with a password)')
    .option('--history-days <count>', 'every change of a cluster is told for this long', String(USUAL_RETENTION.changeDays))
    .option('--daily-history-days <count>', 'and its state at the end of each day with a change for this long', String(USUAL_RETENTION.stateDays))
    .option('--run-history-days <count>', 'clusters and journal of a run are told for this long after its end, and as long as its UpdateRun object stands', String(USUAL_RETENTION.runDays))
    .option('--runs-per-strategy <count>', 'so many UpdateRun objects of ended runs stand for each strategy; the oldest go, but those that are needed or annotated isthmus.dev/keep=true', String(USUAL_RETENTION.runsPerStrategy))
    .option('--run-object-days <count>', 'and none of them longer than this after the end of its run', String(USUAL_RETENTION.runObjectDays))
    .option('--no-cluster-profiles', 'publish no ClusterProfile (multicluster.x-k8s.io) for each cluster where the Kubernetes API has that kind')
    .option('--no-discover', 'read no clusters from ClusterProfiles of others, Cluster API, Argo CD and Flux')
    .option('--argocd-namespace <name>', 'list the metadata of Argo CD\'s cluster Secrets here, repeatable', collect, [])
    .addOption(new Option('--accept-clusters <how>', 'Automatically: whoever shows a token joins; Manually: and waits until somebody accepts its key ("isthmus cluster accept")').choices(['Automatically', 'Manually']).default('Automatically'))
    .option('--bundle-keys <path>', 'a file (YAML) with the keys that bundles must be signed with, and by how many; nothing: no signatures are asked for')
    .option('--notifications <path>', 'a file (YAML) with the webhooks that are told of update runs: [{url, types, authSecret}]')
    .option('--ask-ca-file <path>', 'gates and notifications believe these authorities (PEM) as well as the usual ones')
    .option('--leader-election', 'one of several replicas', false)
    .addOption(logLevelOption())
    .action(async (flags: HubFlags, command: Command) => {
      const { runHub } = await import('../../hub/main.ts');
      const history = { changeDays: wholeNumber('--history-days', flags.historyDays, 1, MOST_DAYS), stateDays: wholeNumber('--daily-history-days', flags.dailyHistoryDays, 1, MOST_DAYS), runDays: wholeNumber('--run-history-days', flags.runHistoryDays, 1, MOST_DAYS), runsPerStrategy: wholeNumber('--runs-per-strategy', flags.runsPerStrategy, 1, MOST_RUNS), runObjectDays: wholeNumber('--run-object-days', flags.runObjectDays, 1, MOST_DAYS) };
      await runHub({ ...flags, history, kubeconfig: globalKubeconfig(command), records: flags.records ?? process.env['ISTHMUS_RECORDS'] }, environment(command).signal);
    });
}
