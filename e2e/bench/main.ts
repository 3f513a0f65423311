/** `npm run bench -- NAME`: prints figures, never judges them. */
import { bench as fleet } from './fleet.ts';
import { bench as identity } from './identity.ts';
import { bench as kube } from './kube.ts';
import { bench as mesh } from './mesh.ts';
import { bench as thread } from './thread.ts';
import { bench as updates } from './updates.ts';

const BENCHES: Readonly<Record<string, () => Promise<void>>> = { fleet, identity, kube, mesh, thread, updates };

const name = process.argv[2] ?? '';
const chosen = BENCHES[name];
if (chosen === undefined) {
  process.stderr.write(`bench: there is no ${JSON.stringify(name)}; give one of: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exitCode = 2;
} else await chosen();
