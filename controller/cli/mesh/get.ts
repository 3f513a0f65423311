/** `isthmus mesh get`: the meshes, whether each is planned and rolled out, and what keeps it from that. */
import type { Command } from 'commander';
import { Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { nearest } from '../../../mesh/model/near.ts';
import { conditionsOf } from '../../hub/views.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { listAll } from '../list.ts';
import { age, type Format, formatOption, print } from '../output/index.ts';

const LONGEST_MESSAGE = 100;
const shortened = (text: string): string => (text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE - 1)}…` : text);

/** True, or why not. */
function stateText(object: MeshObject, type: string): string {
  const condition = findCondition(conditionsOf(object), type);
  return condition === undefined ? 'unknown' : condition.status === 'True' ? 'yes' : condition.reason;
}

/** A hub of before does not count them. */
const conflictsText = ({ status }: MeshObject): string => (status?.conflictCount === undefined ? '-' : String(status.conflictCount));

/** How many there are, and in how many of them something is in the way. */
function cellsText({ status }: MeshObject): string {
  if (status?.cells === undefined) return '-';
  const inTheWay = status.cells.filter(({ conflicts }) => conflicts > 0).length;
  return `${status.cellCount ?? status.cells.length}${inTheWay === 0 ? '' : ` (${inTheWay} with conflicts)`}`;
}

/** What a person does about it stands in the message of whatever is not true, the plan's first. */
function messageOf(object: MeshObject): string {
  const conditions = ['Planned', 'RolledOut', 'Peered'].map((type) => findCondition(conditionsOf(object), type));
  return conditions.find((condition) => condition?.status === 'False')?.message ?? conditions[0]?.message ?? '';
}

export async function getMeshes(environment: Environment, name: string | undefined, format: Format): Promise<void> {
  const client = await environment.connect();
  const all = await listAll<MeshObject>(client, Mesh, environment.signal);
  const objects = all.filter(({ metadata }) => name === undefined || metadata.name === name);
  if (name !== undefined && objects.length === 0) {
    const near = nearest(name, all.map(({ metadata }) => metadata.name));
    throw new CommandFailure(`there is no mesh ${JSON.stringify(name)}; ${near === undefined ? '"isthmus mesh get" shows them' : `did you mean ${near}?`}`);
  }
  const now = environment.now();
  const row = (object: MeshObject): string[] => [
    object.metadata.name, stateText(object, 'Planned'), stateText(object, 'RolledOut'), String(object.status?.clusterCount ?? 0), conflictsText(object), object.spec.topology?.type ?? 'FullMesh', age(fromRfc3339(object.metadata.creationTimestamp), now),
  ];
  const more = (object: MeshObject): string[] => [cellsText(object), stateText(object, 'Peered'), String(object.spec.maxConnectedClusters), object.spec.strategy];
  const headings = ['NAME', 'PLANNED', 'ROLLED-OUT', 'CLUSTERS', 'CONFLICTS', 'TOPOLOGY', 'AGE'];
  print(environment, format, {
    headings: [...headings, 'MESSAGE'],
    rows: objects.map((object) => [...row(object), shortened(messageOf(object))]),
    wide: { headings: [...headings, 'CELLS', 'PEERED', 'MAX', 'STRATEGY', 'MESSAGE'], rows: objects.map((object) => [...row(object), ...more(object), messageOf(object)]) },
    value: name === undefined ? objects : objects[0],
    names: objects.map(({ metadata }) => `mesh.isthmus.dev/${metadata.name}`),
    empty: 'There is no mesh. A Mesh object makes one: docs/reference/mesh.md.',
  });
}

export function registerGet(mesh: Command, environment: (command: Command) => Environment): void {
  mesh.command('get').alias('list').description('show the meshes: planned, rolled out, how many clusters, in which topology').argument('[mesh]').addOption(formatOption())
    .action(async (name: string | undefined, { output }: { output: Format }, command: Command) => getMeshes(environment(command), name, output));
}
