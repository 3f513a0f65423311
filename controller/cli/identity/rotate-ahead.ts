/** What a rotation that has not begun will do, and whom it will wait for: `--dry-run`. */
import type { CertificateAuthorityObject } from '../../../mesh/api/resources/authority.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import type { Environment } from '../environment.ts';
import { listAll } from '../list.ts';
import type { Report } from '../output/report.ts';
import { listed } from '../../../mesh/model/listed.ts';

/** Of names in one line. */
const MOST_NAMES = 20;

export interface Ahead {
  readonly id: string;
  readonly of: 'issuing' | 'root';
  readonly strategy?: string;
  readonly tainted?: { readonly of: 'Issuing' | 'Root'; readonly generation: number };
}

export async function rotationAhead(environment: Environment, client: KubernetesClient, { status }: CertificateAuthorityObject, { id, of, strategy, tainted }: Ahead): Promise<Omit<Report, 'name'>> {
  const members = (await listAll<ClusterObject>(client, Cluster, environment.signal)).filter((cluster) => cluster.status?.identity !== undefined);
  const waitsFor = members.filter((cluster) => cluster.status?.revocation === undefined);
  const away = waitsFor.filter((cluster) => cluster.status?.conditions?.find(({ type }) => type === 'Connected')?.status !== 'True').map(({ metadata }) => metadata.name).sort();
  const key = status?.roots?.find(({ state }) => state === 'Active')?.key;
  const byPeople = key === 'Offline';
  const value = { rotation: id, of, dryRun: true, ...(strategy === undefined ? {} : { strategy }), ...(tainted === undefined ? {} : { tainted }), waitsFor: waitsFor.length, away, leftOut: members.length - waitsFor.length, signatureNeeded: byPeople };
  const text = [
    `rotation "${id}" of the ${of === 'root' ? 'root and of the issuing CA below it' : 'issuing CA'} would begin (dry run: nothing was written).`,
    ...(tainted === undefined ? [] : [`${nameOf(tainted)} would sign nothing more.`]),
    `Phases: Init (both are believed everywhere), UpdateClients, UpdateServers, Cleanup (the old one is believed nowhere). Each goes out by an update run of ${strategy === undefined ? "the mesh's strategy" : `strategy ${strategy}`}.`,
    waitsFor.length === 0 ? 'No cluster has joined: each phase ends at once.' : `Each phase waits for ${waitsFor.length === 1 ? '1 cluster' : `all ${waitsFor.length} clusters`}${value.leftOut === 0 ? '' : `; revoked, and not waited for: ${value.leftOut}`}.`,
    ...(away.length === 0 ? [] : [`Away now, so that it would be held until they are back or revoked: ${listed(away, MOST_NAMES)}`]),
    ...(byPeople ? [`Phase Init also waits for your signature${of === 'root' ? ', by the next root, which must be in --root-certificates of the hub' : ''}: isthmus identity root request, root sign, root install`] : []),
  ].join('\n');
  return { text: `${text}\n`, value };
}

export const nameOf = ({ of, generation }: NonNullable<Ahead['tainted']>): string => `${of === 'Root' ? 'root' : 'issuing CA'} ${generation}`;
