/** `isthmus identity show`: the authority and its rotation, or one cluster's certificate and what is in use there. */
import type { Command } from 'commander';
import { AGENT_LIFETIME, renewalTime } from '../../../certs/index.ts';
import type { CertificateAuthorityObject } from '../../../mesh/api/resources/authority.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { fromRfc3339, type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { nearest } from '../../../mesh/model/near.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { listAll } from '../list.ts';
import { render } from '../output/format.ts';
import { age, type Format, formatOption, table } from '../output/index.ts';
import { authorityOf, waitsText } from './rotate.ts';

const REDRAW_MILLISECONDS = 1000;

type Status = NonNullable<CertificateAuthorityObject['status']>;

const left = (notAfter: string | undefined, now: number): string => {
  const end = fromRfc3339(notAfter);
  return end === undefined ? '<unknown>' : end <= now ? `ended ${age(end, now)} ago` : age(now, end);
};

function authorityText({ roots = [], issuers = [], ...status }: Status, now: number): string {
  const rows = [
    ...roots.map((root) => [`root ${root.generation}`, root.state, root.trusted ? 'believed' : 'not believed', root.key, left(root.notAfter, now), root.taintedAt === undefined ? '' : `since ${root.taintedAt}`, root.fingerprint.slice(0, 16)]),
    ...issuers.map((issuer) => [`issuing CA ${issuer.generation}`, issuer.state, issuer.signs.length === 0 ? 'signs nothing' : `signs ${issuer.signs.join(', ')}`, `below root ${issuer.root}`, left(issuer.notAfter, now), issuer.taintedAt === undefined ? '' : `since ${issuer.taintedAt}`, issuer.fingerprint.slice(0, 16)]),
  ];
  const rotating = status.rotation === undefined
    ? `no rotation is running${status.finished === undefined ? '' : `; "${status.finished.id}" ${status.finished.back ? 'was taken back' : 'ended'} at ${status.finished.at}`}`
    : `rotation "${status.rotation.id}" (${status.rotation.reason}, asked for by ${status.rotation.by}) is in phase ${status.phase} since ${status.rotation.since}${status.rotation.back ? ', on its way back' : ''}: ${waitsText(status)}`;
  const problems = (status.conditions ?? []).filter(({ type, status: is }) => (type === 'Ready' || type === 'Accepted') && is === 'False').map(({ reason, message }) => `${reason}: ${message}`);
  return [
    `trust domain ${status.trustDomain}, bundle ${status.sequence}`, rotating, ...problems, '',
    table(['AUTHORITY', 'STATE', 'USE', 'KEY', 'ENDS-IN', 'TAINTED', 'FINGERPRINT'], rows).trimEnd(),
    ...(status.request === undefined ? [] : ['', `An issuing CA waits for the signature of root ${status.request.root} since ${status.request.since}. At the hub, where its key is, and at the hub again:`, '  isthmus identity root request --out issuing.csr.pem', `  isthmus identity root sign --key root.key.pem --request issuing.csr.pem --out issuing.crt.pem${status.request.hosts.map((host) => ` --permit ${host}`).join('')}`, '  isthmus identity root install issuing.crt.pem']),
    '',
  ].join('\n');
}

/** As agents renew by themselves; where the hub calls for it, earlier. */
function renewalText(notAfter: string | undefined, now: number): string {
  const end = fromRfc3339(notAfter);
  if (end === undefined) return '<unknown>';
  const [from, to] = [0, 1].map((uniform) => renewalTime({ notBefore: end - AGENT_LIFETIME, notAfter: end }, uniform)) as [Instant, Instant];
  return now < from ? `between ${toRfc3339(from)} and ${toRfc3339(to)}` : now < to ? `now, until ${toRfc3339(to)}` : 'overdue: its agent does not reach the hub';
}

function clusterText({ metadata: { name }, status = {} }: ClusterObject, authority: Status, now: number): string {
  const { identity, trust, revocation, pending } = status as NonNullable<ClusterObject['status']>;
  if (identity === undefined) {
    return pending === undefined
      ? `${name} has no identity yet: it has not joined. Make it a token: isthmus join ${name}\n`
      : `${name} has no identity yet: the key of fingerprint ${pending.keySha256} asks to join since ${pending.since}, by ${pending.by}. Compare it with the agent's log: isthmus cluster accept ${name} --key ${pending.keySha256.slice(0, 16)}\n`;
  }
  const issuer = authority.issuers?.find(({ generation }) => generation === identity.issuingCaGeneration);
  const root = authority.roots?.find(({ generation }) => generation === issuer?.root);
  const rows = [
    ['SPIFFE-ID', identity.spiffeId], ['SERIAL', identity.certificateSerial],
    ['CHAIN', [identity.issuer, issuer === undefined ? 'issuing CA that is no more' : `issuing CA ${issuer.generation}`, root === undefined ? 'root that is no more' : `root ${root.generation}, until ${root.notAfter}`].join(' <- ')],
    ['ENDS', `${identity.notAfter} (${(fromRfc3339(identity.notAfter) ?? 0) > now ? 'in ' : ''}${left(identity.notAfter, now)})`], ['RENEWS', revocation === undefined ? renewalText(identity.notAfter, now) : 'never: it is refused'], ['JOINED', identity.joinedAt],
    ['BELIEVES', trust === undefined ? '<unknown>: its agent has not said' : `bundle ${trust.sequence}${trust.sequence === authority.sequence ? '' : `; the fleet's is ${authority.sequence}`}`],
    ['SHOWS', trust === undefined ? '<unknown>' : [...new Set([...trust.clientIssuers, ...trust.serverIssuers])].join(', ')],
    ...(revocation === undefined ? [] : [['REVOKED', `${revocation.at}: ${revocation.reason}; to let it in again: isthmus join ${name}`]]),
  ];
  return rows.map(([key = '', value = '']) => `${`${key}:`.padEnd(11)}${value}\n`).join('');
}

interface ShowOptions { readonly output: Format; readonly watch: boolean }

const isText = (format: Format): boolean => format === 'table' || format === 'wide';

async function showIdentity(environment: Environment, cluster: string | undefined, { output, watch }: ShowOptions): Promise<void> {
  if (watch && !isText(output)) throw new UsageProblem(`--watch: shows the table again and again; leave out -o ${output}`);
  const client = await environment.connect();
  for (let last = '';;) {
    const text = await look(environment, client, cluster, output);
    if (text !== last) environment.out(watch && environment.terminal.interactive ? `\u001B[2J\u001B[H${text}` : `${last === '' ? '' : '\n'}${text}`);
    last = text;
    if (watch) await environment.sleep(REDRAW_MILLISECONDS);
    if (!watch || environment.signal.aborted) return;
  }
}

async function look(environment: Environment, client: KubernetesClient, cluster: string | undefined, format: Format): Promise<string> {
  const authority = await authorityOf(environment, client);
  const status = authority.status ?? {};
  const show = (text: string, value: unknown, name: string, rows: readonly (readonly string[])[]): string =>
    (isText(format) ? text : render(format, { headings: ['CERTIFICATE', 'GENERATION', 'STATE', 'SERIAL', 'ENDS'], rows, value, names: [name], empty: '' }).out);
  if (cluster === undefined) {
    return show(authorityText(status, environment.now()), authority, `certificateauthority.isthmus.dev/${authority.metadata.name}`, [...status.roots ?? [], ...status.issuers ?? []].map((one) => ['root' in one ? 'issuing CA' : 'root', String(one.generation), one.state, one.serial, one.notAfter]));
  }
  const object = await client.get<ClusterObject>(Cluster, { name: cluster }, environment.signal);
  if (object === undefined) {
    const near = nearest(cluster, (await listAll<ClusterObject>(client, Cluster, environment.signal)).map(({ metadata }) => metadata.name));
    throw new CommandFailure(`there is no cluster ${JSON.stringify(cluster)}; ${near === undefined ? '"isthmus fleet query" shows them' : `did you mean ${near}?`}`);
  }
  const { identity } = object.status ?? {};
  return show(clusterText(object, status, environment.now()), object, `cluster.isthmus.dev/${cluster}`, identity === undefined ? [] : [['agent', String(identity.issuingCaGeneration ?? ''), '', identity.certificateSerial, identity.notAfter]]);
}

export function registerShow(identity: Command, environment: (command: Command) => Environment): void {
  identity.command('show')
    .description('the authority: roots, issuing CAs, rotation; or of one cluster: its certificate, chain, expiry, next renewal, and what is in use there')
    .argument('[cluster]')
    .option('-w, --watch', 'show it anew whenever it changes, until Ctrl-C', false)
    .addOption(formatOption())
    .action(async (cluster: string | undefined, options: ShowOptions, command: Command) => showIdentity(environment(command), cluster, options));
}
