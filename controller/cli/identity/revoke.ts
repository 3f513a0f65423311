/** `isthmus identity revoke`: cuts a cluster off, waits for what comes of it, and reports. */
import { type Command, Option } from 'commander';
import { MESH_LIFETIME } from '../../../certs/policy/schedule.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import { Cluster, Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { REASON_ANNOTATION } from '../../../mesh/inventory/authors.ts';
import { fromRfc3339, toRfc3339 } from '../../../mesh/model/instant.ts';
import { revokedAt } from '../../../mesh/model/revocation.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { listAll } from '../list.ts';
import { wholeNumber } from '../options.ts';
import { printReport, type ReportFormat, reportOption } from '../output/report.ts';
import { table } from '../output/table.ts';
import { listed } from '../../../mesh/model/listed.ts';

const POLL_MILLISECONDS = 200;
const LONGEST_SECONDS = 86_400;
const LONGEST_REASON = 1024;
/** Of names in one line. */
const MOST_NAMES = 20;

type Revocation = NonNullable<NonNullable<ClusterObject['status']>['revocation']>;

interface RevokeOptions {
  readonly why: string;
  readonly wait: 'all' | 'users' | 'no';
  readonly timeout: string;
  readonly dryRun: boolean;
  readonly output: ReportFormat;
}

const isDone = (revocation: Revocation | undefined, wait: RevokeOptions['wait']): boolean =>
  revocation !== undefined && (wait === 'no' || (wait === 'users' ? revocation.lastUserRemovedAt : revocation.lastWatchGoneAt) !== undefined);

async function revoke(environment: Environment, cluster: string, options: RevokeOptions): Promise<void> {
  const timeoutSeconds = wholeNumber('--timeout', options.timeout, 1, LONGEST_SECONDS);
  if (options.why.trim() === '') throw new UsageProblem('--why: say why, for the record and for whoever meets it');
  if (options.why.length > LONGEST_REASON) throw new UsageProblem(`--why: has ${options.why.length} characters; at most ${LONGEST_REASON} are kept`);
  const client = await environment.connect();
  const object = await client.get<ClusterObject>(Cluster, { name: cluster }, environment.signal);
  if (object === undefined) {
    const known = (await listAll<ClusterObject>(client, Cluster, environment.signal)).map(({ metadata }) => metadata.name);
    throw new CommandFailure(`there is no cluster ${JSON.stringify(cluster)}, so nothing was revoked; ${known.length === 0 ? 'no cluster has joined yet' : `known: ${listed(known, MOST_NAMES)}`}`);
  }
  if (object.status?.revocation !== undefined) environment.err(`${cluster} is revoked already, since ${object.status.revocation.at} (${object.status.revocation.reason}): nothing is written, this is how far it is\n`);
  else await declare(environment, client, object, options);
  if (options.dryRun) return;
  const revocation = await follow(environment, client, cluster, options, timeoutSeconds);
  printReport(environment, options.output, {
    text: reportText(cluster, revocation), name: `cluster.isthmus.dev/${cluster}`,
    value: { cluster, done: revocation.lastWatchGoneAt !== undefined, ...revocation, peers: revocation.peers ?? [], rejoin: `isthmus join ${cluster}`, oldCertificatesEnd: oldCertificatesEnd(revocation.at) },
  });
  if (!isDone(revocation, options.wait)) {
    const open = (revocation.peers ?? []).filter(({ podsReplacedAt, userRemovedAt }) => (options.wait === 'users' ? userRemovedAt : podsReplacedAt) === undefined).map((peer) => peer.cluster);
    throw new CommandFailure(`${cluster} is revoked, but not all of it was done ${environment.signal.aborted ? 'when you stopped waiting' : `within ${timeoutSeconds} s`}: ${listed(open, MOST_NAMES)}; it goes on by itself, and the same command shows how far it is${revocation.lastUserRemovedAt === undefined ? '' : '. Pods are replaced by an update run: "isthmus run list" shows what it waits for'}`);
  }
}

async function declare(environment: Environment, client: KubernetesClient, object: ClusterObject, { why, dryRun, output }: RevokeOptions): Promise<void> {
  const cluster = object.metadata.name;
  // The hub puts its own clock's instant in place of one that is earlier. Never before an earlier revocation: the API server refuses that.
  const at = Math.max(environment.now(), (revokedAt(object.spec?.revoked) ?? 0) + 1);
  // The API server writes the caller's name there. One that writes none would refuse that an earlier one stays, and this must not wait.
  const annotations = { [REASON_ANNOTATION]: why, [CHANGED_BY]: null };
  await client.patch<ClusterObject>(Cluster, { name: cluster }, { metadata: { annotations }, spec: { revoked: { at: toRfc3339(at), reason: why } } }, { type: 'merge', fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
  if (!dryRun) {
    environment.err(`cluster.isthmus.dev/${cluster} revoked\n`);
    return;
  }
  const meshes = (await listAll<MeshObject>(client, Mesh, environment.signal)).filter(({ status }) => status?.clusters?.some(({ name }) => name === cluster));
  const peers = meshes.flatMap(({ status }) => status?.clusters ?? []).map(({ name }) => name).filter((name) => name !== cluster);
  const clusters = await listAll<ClusterObject>(client, Cluster, environment.signal);
  const isAway = ({ status }: ClusterObject): boolean => status?.conditions?.find(({ type }) => type === 'Connected')?.status !== 'True';
  const away = clusters.filter((one) => peers.includes(one.metadata.name) && isAway(one)).map(({ metadata }) => metadata.name);
  const { status } = object;
  const text = [
    `${cluster} would be revoked (dry run: nothing was written).`,
    `At once:`,
    `  - the hub ends ${isAway(object) ? 'nothing, for its agent is not connected' : 'its open stream'}, and refuses its certificate${status?.identity === undefined ? 's' : ` ${status.identity.certificateSerial} and those before`} at every call`,
    `  - ${peers.length === 0 ? 'it is in no mesh: no peer has a user of it' : `its user and its keys go from ${peers.length === 1 ? '1 peer' : `${peers.length} peers`}: ${listed(peers, MOST_NAMES)}`}`,
    ...(away.length === 0 ? [] : [`  - of these are away, and do so when they are back: ${listed(away, MOST_NAMES)}`]),
    `  - ${status?.exportCount === undefined || status.exportCount === 0 ? 'it exports nothing' : `what it exports (${status.exportCount}) is imported nowhere any more`}`,
    ...(meshes.length === 0 ? [] : [`Then, by an update run of Mesh ${listed(meshes.map(({ metadata }) => metadata.name), MOST_NAMES)}: each peer's pods of clustermesh-apiserver are replaced, for watches that are open stay so until then`]),
    `It is undone by joining anew alone: isthmus join ${cluster}`,
  ].join('\n').concat('\n');
  const value = { cluster, dryRun: true, reason: why, connected: !isAway(object), peers, away, exportCount: status?.exportCount ?? 0, meshes: meshes.map(({ metadata }) => metadata.name), rejoin: `isthmus join ${cluster}` };
  printReport(environment, output, { text, value, name: `cluster.isthmus.dev/${cluster}` });
}

async function follow(environment: Environment, client: KubernetesClient, cluster: string, { wait }: RevokeOptions, timeoutSeconds: number): Promise<Revocation> {
  const until = environment.now() + timeoutSeconds * 1000;
  let told = '';
  for (;;) {
    const revocation = (await client.get<ClusterObject>(Cluster, { name: cluster }, environment.signal))?.status?.revocation;
    const line = revocation === undefined ? 'waiting for the hub' : `users removed ${revocation.usersRemoved}/${revocation.clusters}, pods replaced ${revocation.podsReplaced}/${revocation.clusters}`;
    if (line !== told) environment.err(`  ${line}\n`);
    told = line;
    if (revocation !== undefined && isDone(revocation, wait)) return revocation;
    const over = environment.signal.aborted || environment.now() >= until;
    if (over && revocation !== undefined) return revocation;
    if (over) throw new CommandFailure(`cluster ${cluster}: is declared revoked, but no hub has acted on it ${environment.signal.aborted ? 'yet' : `within ${timeoutSeconds} s`}; is one running (kubectl get lease -A)? It acts as soon as it does`);
    await environment.sleep(POLL_MILLISECONDS);
  }
}

function reportText(cluster: string, revocation: Revocation): string {
  const { at, reason, streamsCutAt, peers = [], clusters, usersRemoved, podsReplaced, lastUserRemovedAt, lastWatchGoneAt } = revocation;
  const after = (time: string | undefined): string => {
    const instant = fromRfc3339(time);
    return instant === undefined ? '' : `+${((instant - (fromRfc3339(at) ?? instant)) / 1000).toFixed(1)}s`;
  };
  const total = (count: number, last: string | undefined): string => (last === undefined ? `${count} of ${clusters}` : `${last} (${after(last)})`);
  return [
    `${cluster} was revoked at ${at}: ${reason}`,
    `streams cut:        ${streamsCutAt === undefined ? 'its agent was not connected' : `${streamsCutAt} (${after(streamsCutAt)})`}`,
    `last user removed:  ${total(usersRemoved, lastUserRemovedAt)}`,
    `last watch gone:    ${total(podsReplaced, lastWatchGoneAt)}`,
    ...(peers.length === 0 ? [] : ['', table(['PEER', 'USER REMOVED', 'PODS REPLACED', 'PROBLEM'], peers.map((peer) => [peer.cluster, after(peer.userRemovedAt), after(peer.podsReplacedAt), peer.problem ?? ''])).trimEnd(), '']),
    `To let it in again: isthmus join ${cluster}`,
    `Where its keys are stolen, not before ${oldCertificatesEnd(at)}: until then a mesh etcd that knows it as a user takes certificates of before; or after a rotation of the root: isthmus identity rotate --of root`,
  ].join('\n').concat('\n');
}

/** Cilium's etcd knows no revocations: what was made for the mesh is good for it to its end, wherever the cluster is a user. */
const oldCertificatesEnd = (at: string): string => toRfc3339((fromRfc3339(at) ?? 0) + MESH_LIFETIME);

export function registerRevoke(identity: Command, environment: (command: Command) => Environment): void {
  identity.command('revoke')
    .description('cut a cluster off: its streams end, its peers remove its user at once and replace their pods of clustermesh-apiserver by an update run; undone by "isthmus join" alone')
    .argument('<cluster>')
    .requiredOption('--why <text>', 'why, for the record and for whoever meets it')
    .addOption(new Option('--wait <what>', 'for what to wait').choices(['all', 'users', 'no']).default('all'))
    .option('--timeout <seconds>', 'how long to wait', '600')
    .option('--dry-run', 'say what will happen, check with the server, write nothing', false)
    .addOption(reportOption())
    .action(async (cluster: string, options: RevokeOptions, command: Command) => revoke(environment(command), cluster, options));
}
