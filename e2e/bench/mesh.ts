/** Figures of meshes, each beside its baseline in the same run. */
import { peersFigures } from './mesh/peers.ts';
import { planFigures } from './mesh/plan.ts';
import { realClusterFigures } from './mesh/real-clusters.ts';
import { renderFigures } from './mesh/render.ts';
import { verifyFigures } from './mesh/verify.ts';
import { whatIfFigures } from './mesh/what-if.ts';
import { type Print, withServers } from './with-servers.ts';

const PARTS: Readonly<Record<string, (print: Print) => void | Promise<void>>> = {
  plan: (print) => planFigures({ clusters: 10_000, repeats: 15 }, print),
  'what-if': (print) => whatIfFigures({ clusters: 10_000 }, print),
  render: (print) => renderFigures({ clusters: 511 }, print),
  verify: (print) => verifyFigures({ clusters: 100, repeats: 3 }, print),
  peers: (print) => peersFigures({ peers: [255, 510] }, print),
  cilium: realClusterFigures,
};
/** Those that are nothing without a kube-apiserver. */
const ON_SERVERS = ['peers', 'cilium'];

/** `npm run bench -- mesh [PART …]`: all parts, or those. */
export const bench = (): Promise<void> => withServers(async (hasReal, print) => {
  const wanted = process.argv.slice(3);
  const unknown = wanted.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) throw new Error(`mesh: there is no part ${JSON.stringify(unknown)}; give some of: ${Object.keys(PARTS).join(', ')}`);
  for (const [name, part] of Object.entries(PARTS)) if ((wanted.length === 0 || wanted.includes(name)) && (hasReal || !ON_SERVERS.includes(name))) await part(print);
});
