/** What a whole mesh costs as manifests: the largest full mesh, planned and rendered for those who let no controller write Secrets. */
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { type Manifest, manifestsOf } from '../../../controller/cli/mesh/manifests.ts';
import { renderPeering } from '../../../mesh/cilium/peering.ts';
import type { DesiredState, PeeringState } from '../../../mesh/model/desired.ts';
import { type Plan, planMesh } from '../../../mesh/plan/plan.ts';
import { mebibytes, milliseconds, ratio, table } from '../kube/figures.ts';
import type { Print } from '../with-servers.ts';
import { type Took, timed } from './clocks.ts';
import { fleetOf } from './fleet.ts';

/** Without one that stands in no mesh with peers. */
function peeringsOf(plan: Plan): readonly { readonly cluster: string; readonly peering: PeeringState }[] {
  return plan.desired.flatMap(({ cluster, content }) => {
    const { peering } = JSON.parse(content) as DesiredState;
    return peering === null ? [] : [{ cluster, peering }];
  });
}

export function renderFigures({ clusters }: { readonly clusters: number }, print: Print): void {
  const input = fleetOf(1, clusters);
  const planned = timed(() => planMesh(input, sha256Hex));
  const read = timed(() => peeringsOf(planned.result));
  let [bytes, most, objects] = [0, 0, 0];
  /** One cluster at a time, as the command does: nobody holds the texts of all. */
  const each = (texts: (cluster: string, peering: PeeringState) => readonly Pick<Manifest, 'text'>[]): Took => timed(() => {
    [bytes, objects] = [0, 0];
    for (const { cluster, peering } of read.result) {
      for (const { text } of texts(cluster, peering)) {
        bytes += Buffer.byteLength(text);
        objects += 1;
      }
      most = Math.max(most, process.memoryUsage().heapUsed);
    }
  });
  const plain = each((_cluster, peering) => renderPeering(peering).map((object) => ({ text: JSON.stringify(object) })));
  const plainBytes = bytes;
  most = 0;
  const rendered = each((cluster, peering) => manifestsOf(cluster, peering));
  const row = (name: string, { wall, processor }: Took, size: number | undefined): string[] => [`  ${name}`, milliseconds(wall), milliseconds(processor), ratio(processor, plain.processor), size === undefined ? '–' : mebibytes(size)];
  print(`\n== a full mesh of ${clusters} rendered: ${objects} manifests of ${read.result.length} clusters; baseline: the same objects as plain JSON texts`);
  print(table([
    ['', 'took', 'processor', 'of the baseline', 'text'],
    row('planned, from nothing', planned, undefined), row('its states read', read, undefined), row('objects as JSON (baseline)', plain, plainBytes), row('manifests', rendered, bytes),
  ]));
  print(`  memory while manifests are made: ${mebibytes(most)} of heap at most, ${mebibytes(bytes / read.result.length)} of text for a cluster`);
}
