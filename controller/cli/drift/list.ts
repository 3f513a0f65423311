/** `isthmus drift list`: where clusters are not what we last wrote, who changed them, how serious that is and how long it holds. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { listAll } from '../list.ts';
import { age, type Format, print } from '../output/index.ts';

export const shortDigest = (digest: string): string => (digest.startsWith('sha256:') ? digest.slice(0, 'sha256:'.length + 10) : digest);

export async function listDrift(environment: Environment, cluster: string | undefined, format: Format): Promise<void> {
  const client = await environment.connect();
  const objects = (await listAll<ClusterObject>(client, Cluster, environment.signal)).filter((object) => cluster === undefined || object.metadata.name === cluster);
  if (cluster !== undefined && objects.length === 0) throw new CommandFailure(`there is no cluster ${JSON.stringify(cluster)}; "isthmus fleet query" shows them`);
  const entries = objects.flatMap((object) => (object.status?.drift ?? []).map((drift) => ({ cluster: object.metadata.name, ...drift })));
  const now = environment.now();
  const heldText = (heldUntil: string | undefined, decision: string | undefined): string => {
    const until = fromRfc3339(heldUntil);
    if (decision !== undefined) return `decided: ${decision}`;
    return heldUntil === undefined || until === undefined ? '' : until <= now ? 'expired: decide' : heldUntil.replace(/\.\d+Z$/, 'Z');
  };
  const row = ({ cluster: name, object, path, manager, class: class_, heldUntil, decision, firstSeen }: typeof entries[number]): string[] =>
    [name, object, path, class_ ?? '', manager, heldText(heldUntil, decision), `${age(fromRfc3339(firstSeen), now)} ago`];
  print(environment, format, {
    headings: ['CLUSTER', 'OBJECT', 'PATH', 'CLASS', 'MANAGER', 'HELD UNTIL', 'FIRST SEEN'],
    rows: entries.map(row),
    wide: {
      headings: ['CLUSTER', 'OBJECT', 'PATH', 'CLASS', 'MANAGER', 'HELD UNTIL', 'FIRST SEEN', 'REASON', 'EXPECTED', 'ACTUAL', 'ACTOR'],
      rows: entries.map((entry) => [...row(entry), entry.reason ?? 'Changed', shortDigest(entry.expected), shortDigest(entry.actual), entry.actor ?? '']),
    },
    csv: {
      headings: ['cluster', 'object', 'path', 'class', 'manager', 'heldUntil', 'firstSeen', 'reason', 'expected', 'actual', 'actor', 'changedAt', 'decision'],
      rows: entries.map((entry) => [entry.cluster, entry.object, entry.path, entry.class ?? '', entry.manager, entry.heldUntil ?? '', entry.firstSeen, entry.reason ?? 'Changed', entry.expected, entry.actual, entry.actor ?? '', entry.changedAt ?? '', entry.decision ?? '']),
    },
    value: entries,
    names: entries.map((entry) => `${entry.cluster}/${entry.object}${entry.path}`),
    empty: 'No drift: every cluster is what was last written.',
  });
  for (const { metadata, status } of objects) if ((status?.driftOmitted ?? 0) > 0) environment.err(`${metadata.name}: and ${status?.driftOmitted} more, which are shown when these are gone\n`);
}
