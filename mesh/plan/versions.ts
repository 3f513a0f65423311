/** Cilium tests a mesh of neighbouring minor versions only (documentation, "upgrade"); how far apart is a choice of the Mesh. */
import { parseCiliumVersion } from '../model/cilium-version.ts';
import { compareText } from '../model/order.ts';
import type { Conflict } from './conflict.ts';
import type { Member } from './members.ts';

/** Names the oldest and the newest cluster; versions that cannot be read are named each. */
export function versionConflicts(members: readonly Member[], allowedMinors: number): Conflict[] {
  const conflicts: Conflict[] = [];
  const read: { name: string; text: string; major: number; minor: number }[] = [];
  for (const { name, cilium } of members) {
    const version = parseCiliumVersion(cilium.version);
    if (version === undefined) {
      conflicts.push({ reason: 'VersionSkew', message: `cluster ${name}: Cilium's version ${JSON.stringify(cilium.version)} cannot be read (1.18.12 would be right), so the skew is unknown; run a released version there or take it out of the mesh`, clusters: [name] });
    } else {
      read.push({ name, text: cilium.version, ...version });
    }
  }
  read.sort((a, b) => a.major - b.major || a.minor - b.minor || compareText(a.name, b.name));
  const oldest = read[0];
  const newest = read.at(-1);
  if (oldest !== undefined && newest !== undefined && (newest.major !== oldest.major || newest.minor - oldest.minor > allowedMinors)) {
    conflicts.push({
      reason: 'VersionSkew',
      message: `clusters ${oldest.name} and ${newest.name}: Cilium is ${oldest.text} in ${oldest.name} and ${newest.text} in ${newest.name}, but allowVersionSkewMinors is ${allowedMinors}; upgrade ${oldest.name}, or raise allowVersionSkewMinors of the Mesh`,
      clusters: [oldest.name, newest.name].sort(compareText),
    });
  }
  return conflicts;
}
