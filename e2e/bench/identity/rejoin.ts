/** A hub that is killed and started again under many agents: how long until it has heard all of them, and at what cost. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../controller/demo/free-port.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf, Cluster } from '../../../mesh/api/resources/index.ts';
import { startHub, temporaryFolder } from '../../embedded/hub-process.ts';
import { issuerOf } from '../../identity/callers.ts';
import { startChild } from '../kube/child.ts';

export interface RejoinFigures {
  readonly agents: number;
  /** From the hub's start as a process, in seconds. */
  readonly firstReady: number;
  readonly all: number;
  /** From when it was ready. */
  readonly allSinceReady: number;
  readonly hubProcessorSeconds: number;
  /** Of the process that all agents share, from the hub's start on. */
  readonly agentsProcessorSeconds: number;
  /** Why agents had no stream after the hub was ready, with how often. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Says nothing of the product where the machine is busy otherwise. */
export class NotAllBack extends Error {}

const never = new AbortController().signal;
const LONGEST_MILLISECONDS = 120_000;
const AT_ONCE = 50;
const TICKS_PER_SECOND = 100;

/** Of a process of this machine: user and system time, fields 14 and 15 of its line (proc(5)). */
function processorSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export async function measureRejoin(agents: number): Promise<RejoinFigures> {
  const folder = temporaryFolder();
  const gateway = `127.0.0.1:${await freePort()}`;
  const flags = ['--log-level', 'error', '--listen', gateway, '--trust-domain', 'mesh.example'];
  const child = startChild(join(import.meta.dirname, 'agents-process.ts'), []);
  let hub: Awaited<ReturnType<typeof startHub>> | undefined;
  try {
    hub = await startHub(folder.path, { flags });
    const { client, dataDir } = hub;
    const stored = await client.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-authority' }, never);
    const issuer = await issuerOf(Buffer.from(stored?.data?.['authority.json'] ?? '', 'base64').toString(), 'mesh.example');
    const names = Array.from({ length: agents }, (_, index) => `cluster-${index}`);
    for (let from = 0; from < agents; from += AT_ONCE) {
      await Promise.all(names.slice(from, from + AT_ONCE).map((name) => client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name }, spec: {} }, { fieldManager: 'bench' }, never)));
    }
    const connected = async (count: number): Promise<void> => {
      for (const giveUpAt = performance.now() + LONGEST_MILLISECONDS; await child.ask<number>({ ask: 'connected' }) < count; await sleep(20)) {
        if (performance.now() > giveUpAt) throw new NotAllBack(`${await child.ask<number>({ ask: 'connected' })} of ${count} agents were connected after ${LONGEST_MILLISECONDS / 1000} s; the others: ${JSON.stringify(await child.ask({ ask: 'failures' }))}`);
      }
    };
    for (let from = 0; from < agents; from += AT_ONCE) {
      await child.ask({ ask: 'start', address: gateway, identities: names.slice(from, from + AT_ONCE).map((name) => issuer.agent(name)) });
      await connected(Math.min(agents, from + AT_ONCE));
    }
    hub.running.child.kill('SIGKILL');
    await hub.stop();
    while (await child.ask<number>({ ask: 'connected' }) > 0) await sleep(20);
    const usedBefore = await child.ask<number>({ ask: 'usage' });
    const begin = performance.now();
    hub = await startHub(folder.path, { flags, dataDir });
    const ready = performance.now();
    // Until then it was no hub's fault that there was none.
    await child.ask({ ask: 'failures' });
    await connected(agents);
    const end = performance.now();
    return {
      agents, firstReady: (ready - begin) / 1000, all: (end - begin) / 1000, allSinceReady: (end - ready) / 1000,
      hubProcessorSeconds: processorSeconds(hub.running.child.pid), agentsProcessorSeconds: await child.ask<number>({ ask: 'usage' }) - usedBefore, failures: await child.ask({ ask: 'failures' }),
    };
  } finally {
    await child.stop();
    await hub?.stop();
    folder.remove();
  }
}
