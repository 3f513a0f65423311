/** The part of a cluster's desired state that the plan makes. */
import type { AccessRule } from '../model/access.ts';
import { canonicalJson, type Digest, digestOfParts } from '../model/canonical.ts';
import type { DesiredRevision, DriftOverride, TrustState } from '../model/desired.ts';
import { sortedByName } from '../model/order.ts';
import type { FailoverPolicyValue, GlobalServiceValue } from '../model/policy.ts';
import { writtenState } from '../model/revision.ts';

/** The parts that every cluster gets alike. */
export interface SharedState {
  readonly trust: TrustState;
  readonly failover: readonly FailoverPolicyValue[];
  readonly globalServices: readonly GlobalServiceValue[];
}

/** What single clusters get beside them. */
export interface Owns {
  readonly overrides: ReadonlyMap<string, readonly DriftOverride[]>;
  readonly access: ReadonlyMap<string, readonly AccessRule[]>;
}

export interface OwnState {
  readonly overrides: readonly DriftOverride[] | undefined;
  readonly access: readonly AccessRule[] | undefined;
}

export const ownOf = ({ overrides, access }: Owns, cluster: string): OwnState => ({ overrides: overrides.get(cluster), access: access.get(cluster) });

/** Makes revisions out of texts that many clusters share: a mesh of n costs its n peers' texts once. A text is put together when somebody reads it, and not kept. */
export interface States {
  /** `peering`: canonical JSON in parts. `mesh` null: the un-meshed state, in which whatever peering we wrote is removed. */
  revision(cluster: string, mesh: string | null, peering: readonly string[], own: OwnState): DesiredRevision;
}

export const NO_PEERING: readonly string[] = ['null'];

/** JSON writes it as an escape: it stands in no text, and marks where one is put in. */
const HOLE = '\0';
const [CLUSTER, PEERING] = [{}, {}];

const sorted = ({ trust, failover, globalServices }: SharedState): SharedState => ({ trust, failover: sortedByName(failover), globalServices: sortedByName(globalServices) });

const isSameList = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((one, index) => one === b[index]);

/** Two with the same text are the same. `known`: of another, which it is not made anew of. */
export function sharedText(input: SharedState, known: { readonly input: SharedState; readonly text: string } | undefined): string {
  const isSame = known !== undefined && input.trust === known.input.trust && (['failover', 'globalServices'] as const).every((key) => isSameList(input[key], known.input[key]));
  return isSame ? known.text : canonicalJson(sorted(input));
}

export function createStates(input: SharedState, digest: Digest): States {
  const shared = sorted(input);
  const texts = new Map<object, string>([[CLUSTER, HOLE], [PEERING, HOLE], ...Object.values(shared).map((value): [object, string] => [value, canonicalJson(value)])]);
  const ofMesh = new Map<string | null, readonly string[]>();
  const frame = (mesh: string | null, { overrides = [], access = [] }: OwnState): readonly string[] => canonicalJson(writtenState({ ...shared, schema: 1, cluster: CLUSTER as string, mesh, peering: PEERING as never, overrides, access }), texts).split(HOLE);

  function frameOf(mesh: string | null, own: OwnState): readonly string[] {
    if ((own.overrides?.length ?? 0) > 0 || (own.access?.length ?? 0) > 0) return frame(mesh, own);
    const known = ofMesh.get(mesh) ?? frame(mesh, own);
    ofMesh.set(mesh, known);
    return known;
  }

  return {
    revision(cluster, mesh, peering, own) {
      const [head = '', middle = '', tail = ''] = frameOf(mesh, own);
      const parts = [`${head}${JSON.stringify(cluster)}${middle}`, ...peering, tail];
      return { id: `sha256-${digestOfParts(digest, parts)}`, cluster, get content() { return parts.reduce((text, part) => text + part); } };
    },
  };
}
