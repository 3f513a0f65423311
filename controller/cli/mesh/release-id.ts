/** `isthmus mesh release-id`: declares the id of a cluster that has left free, before the hub would. */
import type { Command } from 'commander';
import { Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { listed } from '../../../mesh/model/listed.ts';
import { nearest } from '../../../mesh/model/near.ts';
import { MAX_RELEASED_IDS } from '../../../mesh/model/mesh-ids.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { listAll } from '../list.ts';

export interface ReleaseOptions {
  readonly mesh: string;
  readonly id: string;
  readonly reason: string;
  /** Needed where several cells of the mesh hold the id. */
  readonly cluster?: string | undefined;
  readonly dryRun: boolean;
}

const NAMED = 3;

export function registerReleaseId(mesh: Command, environment: (command: Command) => Environment): void {
  mesh.command('release-id').description('declare the id of a cluster that has left free, though others may still name it')
    .argument('<mesh>').argument('<id>')
    .requiredOption('--reason <text>', 'why it is known that nothing refers to it, for the record')
    .option('--cluster <name>', 'who held it, where more than one cell of the mesh holds that id')
    .option('--dry-run', 'check with the server, change nothing', false)
    .action(async (name: string, id: string, options: { reason: string; cluster?: string; dryRun: boolean }, command: Command) => releaseId(environment(command), { mesh: name, id, ...options }));
}

export async function releaseId(environment: Environment, { mesh, id, reason, cluster, dryRun }: ReleaseOptions): Promise<void> {
  const number = Number(id);
  if (!Number.isInteger(number) || number < 1 || number > 511) throw new UsageProblem(`${JSON.stringify(id)} is no cluster id; give a number from 1 to 511`);
  if (reason.trim() === '') throw new UsageProblem('--reason is empty; say why it is known that nothing refers to the id');
  const client = await environment.connect();
  const object = await client.get<MeshObject>(Mesh, { name: mesh }, environment.signal);
  if (object === undefined) {
    const near = nearest(mesh, (await listAll<MeshObject>(client, Mesh, environment.signal)).map(({ metadata }) => metadata.name));
    throw new CommandFailure(`there is no mesh ${JSON.stringify(mesh)}; ${near === undefined ? '"isthmus mesh get" shows them' : `did you mean ${near}?`}`);
  }
  const held = object.status?.heldIds ?? [];
  const candidates = held.filter((one) => one.id === number && (cluster === undefined || one.cluster === cluster));
  if (candidates.length > 1) throw new CommandFailure(`Mesh ${mesh} holds id ${number} of ${listed(candidates.map((one) => one.cluster), NAMED)}, each in a cell of its own; say which with --cluster`);
  const [found] = candidates;
  if (found === undefined) {
    const member = object.status?.clusters?.find(({ clusterId }) => clusterId === number);
    const why = member === undefined ? (held.length === 0 ? 'it holds none' : `it holds ${listed(held.map((one) => `${one.id} (${one.cluster})`), NAMED)}`) : `it is ${member.name}'s, which is a member`;
    throw new CommandFailure(`Mesh ${mesh} does not hold id ${number}${cluster === undefined ? '' : ` of ${cluster}`}: ${why}`);
  }
  const before = object.spec.releaseIds ?? [];
  const obeyed = (one: { readonly id: number; readonly cluster: string; readonly reason: string }): boolean => object.status?.releasedIds?.some((other) => other.id === one.id && other.cluster === one.cluster && other.reason === one.reason) === true;
  const wanted = { id: number, cluster: found.cluster, reason };
  if (obeyed(wanted)) throw new CommandFailure(`Mesh ${mesh}: id ${number} of ${found.cluster} was declared free for this very reason before, and is held anew since; say what is different now with --reason`);
  // Room is made by those that are done with; status.releasedIds has them.
  const kept = before.length < MAX_RELEASED_IDS ? before : before.filter((one) => !obeyed(one));
  const resourceVersion = object.metadata.resourceVersion;
  await client.patch(Mesh, { name: mesh }, { ...(resourceVersion === undefined ? {} : { metadata: { resourceVersion } }), spec: { releaseIds: [...kept, wanted] } }, { type: 'merge', fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
  const who = found.namedBy.length === 0 ? 'no cluster names it any more' : `${listed(found.namedBy, NAMED)} still ${found.namedBy.length === 1 ? 'names' : 'name'} it as a peer's`;
  environment.out(`Mesh ${mesh}: id ${number} of ${found.cluster} ${dryRun ? 'would be' : 'is to be'} free; ${who}\n`);
}
