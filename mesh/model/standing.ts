/** What stands of a mesh in one cluster, whoever made it, as its agent tells a person who asks. No text of a Secret travels: parsed members and digests do. */

export interface StandingEntry {
  /** Of the peer, or another data key of the object. */
  readonly key: string;
  readonly sha256: string;
  /** Canonical JSON of what the text means (`PeerEntry`, or the users); absent: no such text, or not read. */
  readonly means?: string;
}

export interface StandingObject {
  /** `Secret kube-system/cilium-clustermesh`. */
  readonly object: string;
  readonly ours: boolean;
  /** `Helm release kube-system/cilium`; empty: nobody says so. */
  readonly owner: string;
  /** Field managers of its data, sorted. */
  readonly managers: readonly string[];
  /** Sorted by key. */
  readonly entries: readonly StandingEntry[];
}

/** Of one cluster: at most as many peers as a mesh can have, each with three files of its own. */
export const MAX_STANDING_ENTRIES = 2048;
