/** A whole hour of a settled fleet, request by request: nobody writes what is so already, and nobody asks again what a watch tells. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScenario } from './scenario.ts';

const thread = readFileSync(new URL('scenarios/thread.txt', import.meta.url), 'utf8');
/** The walk until everything works: mesh, services, names, and failover there and back. Peers that were away in it are taken up again after 180 s, which is said then. */
const settled = thread.slice(0, thread.indexOf('# Hub loss'));
const WRITES = new Set(['create', 'update', 'patch', 'delete']);

/** Of three agents and a hub together, in an hour; why each is there at all. */
const ALLOWED: Readonly<Record<string, { readonly most: number; readonly why: string }>> = {
  'agent get DaemonSet': { most: 366, why: 'Cilium\'s version and health, each 30 s: a right to two named objects, where a watch would need the whole namespace' },
  'agent get Deployment': { most: 380, why: 'the operator\'s, likewise, and each quarter of an hour the addresses of peers in the pods\' hosts file' },
  'agent get Secret': { most: 900, why: 'four mesh certificates, each minute: somebody may have deleted one, and no role lets the agent watch all Secrets; each quarter of an hour those by which peers are looked at' },
  'agent list ServiceCIDR': { most: 3, why: 'hourly, whether this API has such objects and lets them be listed: an upgrade or a right may have come; each five minutes where it does' },
  'agent get ConfigMap': { most: 3, why: 'the published roots, hourly: somebody may have deleted them, and no role lets the agent watch ConfigMaps of its namespace' },
  'hub list ClusterProfile': { most: 67, why: 'each minute, whether somebody installed that kind: a list of at most one, and no right to read definitions is needed' },
  'hub get ValidatingAdmissionPolicy': { most: 122, why: 'each minute, whether the API server still vouches for who approves and for who changes what: a right to two objects by name, which no watch has' },
  'hub get ValidatingAdmissionPolicyBinding': { most: 122, why: 'likewise' },
  'hub get Secret': { most: 1, why: 'the authority looks hourly whether another process made a newer issuer' },
};

it('an idle hour of a hub and three clusters has no write and next to no reading', { timeout: 300_000 }, async () => {
  const requests = new Map<string, number>();
  let counting = false;
  const { wakes } = await runScenario(`${settled}\nadvance 240s\n\n# Idle\nadvance 3600s\n`, {
    seed: 1,
    requested: (host, verb, kind) => {
      if (!counting) return;
      const what = `${host === 'hub' ? 'hub' : 'agent'} ${verb} ${kind.kind}`;
      requests.set(what, (requests.get(what) ?? 0) + 1);
    },
    beforeCommand: (heading) => { if (heading[0] === '# Idle') counting = true; },
  });
  const counted = [...requests].sort();
  console.log(`requests of an idle hour (${wakes} wakes in all):\n${counted.map(([what, count]) => `  ${what}: ${count}`).join('\n')}`);
  expect(counting).toBe(true);
  expect(counted.filter(([what]) => WRITES.has(what.split(' ')[1] ?? ''))).toEqual([]);
  expect(counted.filter(([what, count]) => count > (ALLOWED[what]?.most ?? 0))).toEqual([]);
});
