/** Plans one mesh, and again only what of it has changed since. */
import type { DesiredRevision } from '../model/desired.ts';
import type { MeshEndpoint } from '../model/cluster.ts';
import type { MeshValue } from '../model/policy.ts';
import { canonicalJson } from '../model/canonical.ts';
import type { Owns, States } from './desired.ts';
import { membershipOf } from './members.ts';
import { createPeerings } from './peerings.ts';
import type { MeshPlan } from './planned.ts';
import { type Preflight, preflight, type PreflightInput } from './preflight.ts';
import type { Selection, Selections } from './selection.ts';
import type { Steps } from './steps.ts';

interface MeshPlannerInput {
  readonly selection: Selection;
  /** Name of the mesh as clusters are told it, where it is another than that of the selection: of a cell's mesh. */
  readonly told?: string;
  readonly contested: Selections['contested'];
  readonly input: PreflightInput;
  readonly states: States;
  readonly owns: Owns;
}

export interface PlannedMesh {
  readonly plan: MeshPlan;
  /** Sorted by cluster; the same list while nothing changes. */
  readonly revisions: readonly DesiredRevision[];
}

export type MeshPlanner = (input: MeshPlannerInput) => Steps<PlannedMesh>;

const NONE: readonly DesiredRevision[] = [];

export function createMeshPlanner(): MeshPlanner {
  const look = createLook();
  const peerings = createPeerings();
  let before: (PlannedMesh & { readonly found: Preflight; readonly reach: Selection['reach']; readonly states: States; readonly owns: Owns }) | undefined;

  return function* ({ selection, told, contested, input, states, owns }) {
    const { mesh, reach, selected } = selection;
    const found = look(selection, contested, input);
    const { ids, members, endpoints, topology, conflicts } = found;
    if (before?.found === found && before.reach === reach && before.states === states && before.owns === owns) return before;
    yield;
    const always = alwaysConnected(mesh);
    const revisions = conflicts.length > 0 ? NONE : yield* peerings({ mesh: told ?? mesh.name, members, ids, endpoints, topology, connectOf: (name) => (always(name) ? 'Always' : undefined), owns, states });
    if (before?.found === found && before.reach === reach && before.revisions === revisions) return (before = { ...before, states, owns });
    const assigned = conflicts.length === 0 ? undefined : new Map(selected.map((cluster) => [cluster.name, cluster.assignedId]));
    const { waiting, postponed, warnings, skipped, idleSkips } = found;
    const plan: MeshPlan = {
      mesh: mesh.name, waiting, reach, conflicts, notes: { postponed, warnings, skipped, idleSkips },
      selected: new Map(selected.map(({ name, report }) => [name, report?.cilium?.clusterId ?? 0])),
      members: assigned === undefined
        ? revisions.map(({ cluster, id }) => ({ name: cluster, clusterId: ids.get(cluster) ?? 0, desiredId: id }))
        : members.map(({ name }) => ({ name, clusterId: ids.get(name) ?? 0, desiredId: assigned.get(name) ?? '' })),
      ...(topology.notReadByAll.length === 0 ? {} : { notReadByAll: topology.notReadByAll }),
    };
    before = { plan, revisions, found, reach, states, owns };
    return before;
  };
}

/** Clusters whose peers are connected whether their etcds open themselves or not. */
function alwaysConnected({ skips = [] }: MeshValue): (cluster: string) => boolean {
  const meant = skips.filter(({ check }) => check === 'EndpointUnreachable');
  return (cluster) => meant.some(({ clusters }) => clusters === undefined || clusters.includes(cluster));
}

/** Everything that the checks read of the input beside the selection: what a check reads more must be compared below, or it would not be asked again when that changes. */
type ReadByChecks = Exclude<keyof PreflightInput, 'endpointOverrides' | 'ledgers'> extends never ? PreflightInput : never;

function createLook(): (selection: Selection, contested: Selections['contested'], input: ReadByChecks) => Preflight {
  let known: { readonly selection: Selection; readonly contests: string; readonly ledger: unknown; readonly overrides: PreflightInput['endpointOverrides']; readonly overridesText: string; readonly found: Preflight } | undefined;
  return (selection, contested, input) => {
    const { mesh, selected } = selection;
    const contests = contested.size === 0 ? '' : canonicalJson(selected.map(({ name }) => contested.get(name) ?? []));
    const ledger = input.ledgers?.get(mesh.name);
    const overridesText = known?.overrides === input.endpointOverrides && known.selection.selected === selected ? known.overridesText : textOf(selected.map(({ name }) => name), input.endpointOverrides);
    const isKnown = known !== undefined && known.selection.mesh === mesh && known.selection.selected === selected && known.contests === contests && known.ledger === ledger && known.overridesText === overridesText;
    const found = isKnown && known !== undefined ? known.found : preflight(membershipOf(selection, contested), input);
    known = { selection, contests, ledger, overrides: input.endpointOverrides, overridesText, found };
    return found;
  };
}

function textOf(names: readonly string[], overrides: Readonly<Record<string, MeshEndpoint>>): string {
  const own = names.flatMap((name) => (Object.hasOwn(overrides, name) ? [[name, overrides[name]]] : []));
  return own.length === 0 ? '' : canonicalJson(own);
}
