/** Which clusters belong to which mesh, kept from plan to plan: what did not change is the same object as before, and is not looked at again. */
import { canonicalJson } from '../model/canonical.ts';
import type { ClusterView } from '../model/cluster.ts';
import { compareText, sortedByName } from '../model/order.ts';
import type { MeshValue } from '../model/policy.ts';
import { selectorProblem, selectorVerdict } from '../model/selector.ts';
import { reachOf, type SelectorReach } from '../model/selector-reach.ts';
import type { Steps } from './steps.ts';

/** Clusters that a selector looks at in one step. */
const AT_ONCE = 1000;

export interface Selection {
  readonly mesh: MeshValue;
  readonly reach: SelectorReach;
  /** All clusters that the mesh selects, sorted, without those that are cut off. */
  readonly selected: readonly ClusterView[];
}

export interface Selections {
  /** All clusters, sorted. */
  readonly clusters: readonly ClusterView[];
  /** Sorted by mesh. */
  readonly meshes: readonly Selection[];
  /** Clusters that several meshes select, with the names of these. */
  readonly contested: ReadonlyMap<string, readonly string[]>;
  /** Since the last time. */
  readonly difference: Difference;
}

interface Kept {
  mesh: MeshValue;
  meshText: string;
  selectorText: string;
  matched: Map<string, ClusterView>;
  undecided: Map<string, string>;
  selection: Selection;
}

export interface Difference {
  /** New ones, and those that are another object than before. */
  readonly changed: readonly ClusterView[];
  readonly gone: readonly string[];
}

export function createSelections(): (meshes: readonly MeshValue[], clusters: readonly ClusterView[]) => Steps<Selections> {
  let before: Selections = { clusters: [], meshes: [], contested: new Map(), difference: NO_DIFFERENCE };
  let kept = new Map<string, Kept>();
  const contested = createContests();

  return function* (meshes, unsorted) {
    const replaced = replacedIn(before.clusters, unsorted);
    const clusters = replaced !== undefined || isSorted(unsorted) ? unsorted : sortedByName(unsorted);
    const difference = replaced ?? differenceOf(before.clusters, clusters);
    const now = new Map<string, Kept>();
    for (const mesh of sortedByName(meshes)) now.set(mesh.name, yield* next(kept.get(mesh.name), mesh, clusters, difference));
    kept = now;
    const selections = [...now.values()].map(({ selection }) => selection);
    before = { clusters: difference.changed.length + difference.gone.length === 0 ? before.clusters : clusters, meshes: selections, contested: contested(selections), difference };
    return before;
  };
}

function* next(known: Kept | undefined, mesh: MeshValue, clusters: readonly ClusterView[], { changed, gone }: Difference): Steps<Kept> {
  const selectorText = known?.mesh.clusters === mesh.clusters ? known.selectorText : canonicalJson(mesh.clusters);
  const isSameSelector = known !== undefined && known.selectorText === selectorText;
  const [matched, undecided] = isSameSelector ? [known.matched, known.undecided] : [new Map<string, ClusterView>(), new Map<string, string>()];
  let touched = !isSameSelector;
  for (const name of isSameSelector ? gone : []) if (matched.delete(name) || undecided.delete(name)) touched = true;
  if (selectorProblem(mesh.clusters) === undefined) {
    for (const [index, view] of (isSameSelector ? changed : clusters).entries()) {
      if (index % AT_ONCE === AT_ONCE - 1) yield;
      const verdict = selectorVerdict(mesh.clusters, view);
      if (matched.delete(view.name) || undecided.delete(view.name) || verdict !== false) touched = true;
      if (verdict === true) matched.set(view.name, view);
      else if (verdict !== false) undecided.set(view.name, verdict.problem);
    }
  }
  const meshText = known?.mesh === mesh ? known.meshText : canonicalJson(mesh);
  const kept = known !== undefined && meshText === known.meshText ? known.mesh : mesh;
  const { selection } = known ?? {};
  if (selection !== undefined && !touched && kept === selection.mesh && selection.reach.of === clusters.length) return { mesh: kept, meshText, selectorText, matched, undecided, selection };
  const names = touched || selection === undefined ? [...matched.keys()].sort() : selection.reach.matched;
  const problems = touched || selection === undefined ? [...undecided].map(([name, problem]) => ({ name, problem })).sort((a, b) => compareText(a.name, b.name)) : selection.reach.undecided;
  const selected = touched || selection === undefined ? sortedByName([...matched.values()].filter(({ revoked }) => revoked !== true)) : selection.selected;
  return { mesh: kept, meshText, selectorText, matched, undecided, selection: { mesh: kept, reach: reachOf(mesh.clusters, names, problems, clusters.length), selected } };
}

const isSorted = (clusters: readonly ClusterView[]): boolean => clusters.every(({ name }, index) => index === 0 || clusters[index - 1]!.name < name);

const NO_DIFFERENCE: Difference = { changed: [], gone: [] };

/** The usual case: the same clusters in the same order, some of them changed; undefined: it is another one. */
function replacedIn(before: readonly ClusterView[], after: readonly ClusterView[]): Difference | undefined {
  if (before.length !== after.length) return undefined;
  const changed: ClusterView[] = [];
  for (const [index, view] of after.entries()) {
    const known = before[index]!;
    if (known === view) continue;
    if (known.name !== view.name) return undefined;
    changed.push(view);
  }
  return changed.length === 0 ? NO_DIFFERENCE : { changed, gone: [] };
}

/** Both sorted. */
function differenceOf(before: readonly ClusterView[], after: readonly ClusterView[]): Difference {
  const changed: ClusterView[] = [];
  const gone: string[] = [];
  let at = 0;
  for (const view of after) {
    while (at < before.length && before[at] !== view && before[at]!.name < view.name) gone.push(before[at++]!.name);
    if (before[at] === view) at += 1;
    else {
      changed.push(view);
      if (before[at]?.name === view.name) at += 1;
    }
  }
  for (; at < before.length; at += 1) gone.push(before[at]!.name);
  return { changed, gone };
}

/** The same map while nobody comes to a mesh or leaves one. Where no two meshes select one cluster, as it should be, only those that changed are looked at. */
function createContests(): (selections: readonly Selection[]) => Selections['contested'] {
  let before: readonly Selection[] = [];
  let contested: Selections['contested'] = new Map();
  /** Mesh by cluster, while nothing is contested. */
  let owners = new Map<string, string>();

  function isStillUncontested(selections: readonly Selection[]): boolean {
    if (contested.size > 0 || before.length !== selections.length || selections.some(({ mesh }, index) => mesh.name !== before[index]!.mesh.name)) return false;
    const changed = selections.flatMap((now, index) => (isSameNames(before[index]!.selected, now.selected) ? [] : [{ now, was: before[index]! }]));
    for (const { was } of changed) for (const { name } of was.selected) owners.delete(name);
    for (const { now: { mesh, selected } } of changed) {
      for (const { name } of selected) {
        if (owners.has(name)) return false;
        owners.set(name, mesh.name);
      }
    }
    return true;
  }

  return (selections) => {
    const isSame = selections.length === before.length && selections.every(({ mesh, selected }, index) => mesh.name === before[index]!.mesh.name && isSameNames(before[index]!.selected, selected));
    if (!isSame && !isStillUncontested(selections)) {
      contested = contestedIn(selections);
      owners = contested.size > 0 ? new Map() : new Map(selections.flatMap(({ mesh, selected }) => selected.map(({ name }): [string, string] => [name, mesh.name])));
    }
    before = selections;
    return contested;
  };
}

const isSameNames = (a: readonly ClusterView[], b: readonly ClusterView[]): boolean => a === b || (a.length === b.length && a.every(({ name }, index) => name === b[index]!.name));

function contestedIn(selections: readonly Selection[]): Map<string, readonly string[]> {
  const first = new Map<string, string>();
  const contested = new Map<string, string[]>();
  for (const { mesh, selected } of selections) {
    for (const { name } of selected) {
      const holder = first.get(name);
      if (holder === undefined) first.set(name, mesh.name);
      else contested.set(name, [...(contested.get(name) ?? [holder]), mesh.name]);
    }
  }
  return contested;
}
