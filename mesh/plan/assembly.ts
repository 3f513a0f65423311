/** Puts the revisions of all meshes and of the clusters in none in order. Where they are those of the plan before but for some, only these are put in. */
import { canonicalJson, type Digest, digestOfParts } from '../model/canonical.ts';
import type { ClusterView } from '../model/cluster.ts';
import type { DesiredRevision } from '../model/desired.ts';
import { compareText } from '../model/order.ts';
import type { Plan } from './planned.ts';
import type { Steps } from './steps.ts';

const CHUNK = 128;
/** In one step. */
const CHUNKS_AT_ONCE = 8;

export type Assembled = Pick<Plan, 'desired' | 'plannedIds' | 'planDigest'>;
type Revisions = readonly DesiredRevision[];

export interface AssemblyInput {
  readonly ofMeshes: readonly Revisions[];
  /** Of all clusters as they are without a mesh. */
  readonly baseline: Revisions;
  /** Clusters that are in a mesh, whether it could be planned or not. */
  readonly taken: readonly (readonly ClusterView[])[];
}

export function createAssembly(digest: Digest): (input: AssemblyInput) => Steps<Assembled> {
  let before: { readonly parts: readonly Revisions[]; readonly taken: AssemblyInput['taken']; readonly meshed: ReadonlySet<string>; readonly result: Assembled } | undefined;
  /** Of the result, by cluster. */
  let places = new Map<string, number>();
  const texts = new WeakMap<DesiredRevision, string>();
  /** Of the result, `CHUNK` pairs each: one that has changed is put together anew, not all. */
  let chunks: readonly string[] = [];

  function pairText(revision: DesiredRevision): string {
    const known = texts.get(revision);
    if (known !== undefined) return known;
    const text = canonicalJson([revision.cluster, revision.id]);
    texts.set(revision, text);
    return text;
  }

  const chunkText = (desired: Revisions, index: number): string => desired.slice(index * CHUNK, (index + 1) * CHUNK).map(pairText).join(',');

  function resultOf(desired: Revisions): Assembled {
    let ids: ReadonlyMap<string, string> | undefined;
    const planDigest = digestOfParts(digest, ['[', ...chunks.flatMap((text, index) => (index === 0 ? [text] : [',', text])), ']']);
    return { desired, planDigest, get plannedIds() { return (ids ??= new Map(desired.map(({ cluster, id }) => [cluster, id]))); } };
  }

  /** undefined: not only some were replaced. */
  function patched(parts: readonly Revisions[], meshed: ReadonlySet<string>): Assembled | undefined {
    if (before === undefined || before.parts.length !== parts.length) return undefined;
    const replaced: DesiredRevision[] = [];
    for (const [index, part] of parts.entries()) {
      const known = before.parts[index]!;
      if (known === part) continue;
      if (known.length !== part.length) return undefined;
      const isBaseline = index === parts.length - 1;
      for (const [at, revision] of part.entries()) {
        if (known[at] === revision) continue;
        if (known[at]!.cluster !== revision.cluster) return undefined;
        if (!isBaseline || !meshed.has(revision.cluster)) replaced.push(revision);
      }
    }
    if (replaced.length === 0) return before.result;
    const desired = [...before.result.desired];
    const touched = new Set<number>();
    for (const revision of replaced) {
      const place = places.get(revision.cluster)!;
      desired[place] = revision;
      touched.add(Math.floor(place / CHUNK));
    }
    chunks = chunks.map((text, index) => (touched.has(index) ? chunkText(desired, index) : text));
    return resultOf(desired);
  }

  return function* ({ ofMeshes, baseline, taken }) {
    const parts = [...ofMeshes, baseline];
    const isSameTaken = before !== undefined && isSameOf(before.taken, taken);
    const meshed = isSameTaken && before !== undefined ? before.meshed : new Set(taken.flatMap((clusters) => clusters.map(({ name }) => name)));
    let result = isSameTaken ? patched(parts, meshed) : undefined;
    if (result === undefined) {
      yield;
      const desired = [...ofMeshes.flat(), ...baseline.filter(({ cluster }) => !meshed.has(cluster))].sort((a, b) => compareText(a.cluster, b.cluster));
      yield;
      places = new Map(desired.map(({ cluster }, index) => [cluster, index]));
      const made: string[] = [];
      for (let index = 0; index < Math.ceil(desired.length / CHUNK); index++) {
        if (index % CHUNKS_AT_ONCE === 0) yield;
        made.push(chunkText(desired, index));
      }
      chunks = made;
      result = resultOf(desired);
    }
    before = { parts, taken, meshed, result };
    return result;
  };
}

/** The same clusters in the same meshes. */
function isSameOf(a: AssemblyInput['taken'], b: AssemblyInput['taken']): boolean {
  return a.length === b.length && a.every((clusters, index) => clusters === b[index] || (clusters.length === b[index]!.length && clusters.every(({ name }, at) => name === b[index]![at]!.name)));
}
