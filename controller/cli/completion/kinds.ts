/** What a word on the command line names, by the option that it follows or the argument that it is. */
import { AccessPolicy, Bundle, ChangeWindow, Cluster, Drill, FleetQuery, Mesh, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { ResourceKind } from '../../../mesh/ports/kubernetes.ts';

/** Names of objects; `many`: separated by commas. `files`: the shell's own business. */
export type Names = { readonly kind: ResourceKind; readonly many?: true } | 'files';

const [runs, clusters, manyClusters]: readonly [Names, Names, Names] = [{ kind: UpdateRun }, { kind: Cluster }, { kind: Cluster, many: true }];

/** By the option's long name, or its command and that. */
const BY_OPTION: Readonly<Record<string, Names>> = {
  '--run': runs, '--undo': runs, '--retry': runs, '--clusters': manyClusters, '--fail': manyClusters, '--away': manyClusters, '--cluster': clusters, '--evacuate': clusters,
  '--strategy': { kind: UpdateStrategy }, '--bundle': { kind: Bundle }, '--mesh': { kind: Mesh }, '--saved': { kind: FleetQuery }, 'dns explain --from': clusters,
};

const BY_ARGUMENT: Readonly<Record<string, Names>> = { run: runs, cluster: clusters, clusters: manyClusters, mesh: { kind: Mesh }, bundle: { kind: Bundle }, window: { kind: ChangeWindow }, 'access-policy': { kind: AccessPolicy }, drill: { kind: Drill }, source: clusters, path: 'files' };

/** `command`: its path, `run simulate`. */
export function namesOfOption(command: string, long: string, placeholder: string): Names | undefined {
  const key = `${command} ${long}`;
  if (Object.hasOwn(BY_OPTION, key)) return BY_OPTION[key];
  if (Object.hasOwn(BY_OPTION, long)) return BY_OPTION[long];
  return ['path', 'file', 'folder'].includes(placeholder) ? 'files' : undefined;
}

/** New things have names that nobody knows yet. */
export const namesOfArgument = (command: string, argument: string): Names | undefined =>
  (command === 'join' || !Object.hasOwn(BY_ARGUMENT, argument) ? undefined : BY_ARGUMENT[argument]);
