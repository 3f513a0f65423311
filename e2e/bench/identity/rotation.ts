/** A new root for many agents that are at work: what their calls and streams came to while it went through its phases. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../controller/demo/free-port.ts';
import { NO_ETCD } from '../../../controller/demo/steps/03-plan.ts';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf, CertificateAuthority, Cluster, Mesh, type ResourceDefinition, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { startHub, temporaryFolder } from '../../embedded/hub-process.ts';
import { issuerOf } from '../../identity/callers.ts';
import type { Print } from '../with-servers.ts';
import { number, table } from '../kube/figures.ts';
import { startChild } from '../kube/child.ts';
import type { RotatingCounts } from './rotating-agents-process.ts';

export interface RotationFigures {
  readonly agents: number;
  readonly seconds: number;
  /** While it went on. */
  readonly renewals: number;
  readonly meshCertificates: number;
  readonly streams: number;
  readonly news: number;
  readonly failures: RotatingCounts['failures'];
  readonly phases: readonly { readonly phase: string; readonly seconds: number }[];
  /** Of those that use the last bundle at the end. */
  readonly arrived: number;
}

const never = new AbortController().signal;
const AT_ONCE = 25;
/** Of the strategy: a fleet is not changed all at once. */
const IN_FLIGHT = 40;
const LONGEST_MILLISECONDS = 60_000;

const LONGEST_REASON = 600;

class NotDone extends Error {}

/** Rejects with `NotDone` where it takes longer than a minute to get ready, or to be done. */
export async function measureRotation(agents: number): Promise<RotationFigures> {
  const folder = temporaryFolder();
  const gateway = `127.0.0.1:${await freePort()}`;
  const child = startChild(join(import.meta.dirname, 'rotating-agents-process.ts'), []);
  let hub: Awaited<ReturnType<typeof startHub>> | undefined;
  try {
    hub = await startHub(folder.path, { flags: ['--log-level', 'error', '--listen', gateway, '--trust-domain', 'mesh.example'] });
    const { client } = hub;
    const make = (kind: ResourceDefinition, name: string, spec: object): Promise<KubernetesObject> =>
      client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as unknown as KubernetesObject, { fieldManager: 'bench' }, never);
    const counts = (): Promise<RotatingCounts> => child.ask<RotatingCounts>({ ask: 'counts' });
    const authority = async (): Promise<NonNullable<CertificateAuthorityObject['status']>> => (await client.get<CertificateAuthorityObject>(CertificateAuthority, { name: FLEET_AUTHORITY }, never))?.status ?? {};
    const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
      for (const giveUpAt = performance.now() + LONGEST_MILLISECONDS; !await holds(); await sleep(50)) {
        if (performance.now() > giveUpAt) throw new NotDone(`not within ${LONGEST_MILLISECONDS / 1000} s: ${what}; ${JSON.stringify({ counts: await counts(), waits: (await authority()).waitingFor })}`);
      }
    };
    const stored = await client.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-authority' }, never);
    const issuer = await issuerOf(Buffer.from(stored?.data?.['authority.json'] ?? '', 'base64').toString(), 'mesh.example');
    const names = Array.from({ length: agents }, (_, index) => `cluster-${index}`);
    for (let from = 0; from < agents; from += AT_ONCE) {
      const some = names.slice(from, from + AT_ONCE);
      await Promise.all(some.map((name) => make(Cluster, name, {})));
      await child.ask({ ask: 'start', address: gateway, from, identities: some.map((name) => issuer.agent(name)) });
      await until('agents are connected', async () => (await counts()).connected >= from + some.length);
    }
    const identified = async (): Promise<boolean> => {
      const { items } = await client.list<ClusterObject>(Cluster, {}, never);
      return items.every(({ status }) => status?.identity !== undefined);
    };
    await until('every cluster has an identity', identified);
    await make(UpdateStrategy, 'quick', { stages: [{ name: 'all', clusters: {}, maxConcurrency: IN_FLIGHT }], progressDeadlineSeconds: 600 });
    await make(Mesh, 'fleet', { clusters: {}, strategy: 'quick', skips: NO_ETCD });
    await until('everybody uses the first bundle', async () => (await counts()).bundles['1'] === agents);

    await child.ask({ ask: 'busy' });
    await sleep(1000);
    const before = await counts();
    const begin = performance.now();
    await client.patch(CertificateAuthority, { name: FLEET_AUTHORITY }, { spec: { rotation: { id: 'bench', of: 'Root', reason: 'to see what it costs' } } }, { type: 'merge', fieldManager: 'bench' }, never);
    const seen: { readonly phase: string; readonly at: number }[] = [];
    await until('the rotation is done', async () => {
      const { phase = '', finished } = await authority();
      if (phase !== 'Standby' && seen.at(-1)?.phase !== phase) seen.push({ phase, at: performance.now() });
      return finished?.id === 'bench';
    });
    const end = performance.now();
    // What the end of it brings may fail, too.
    await sleep(1000);
    const after = await counts();
    await child.ask({ ask: 'rest' });
    return {
      agents, seconds: (end - begin) / 1000, renewals: after.renewals - before.renewals, meshCertificates: after.meshCertificates - before.meshCertificates, streams: after.streams - before.streams, news: after.news - before.news,
      failures: after.failures, arrived: after.bundles['3'] ?? 0,
      phases: seen.map(({ phase, at }, index) => ({ phase, seconds: ((seen[index + 1]?.at ?? end) - at) / 1000 })),
    };
  } finally {
    await child.stop();
    await hub?.stop();
    folder.remove();
  }
}

export async function rotationFigures(agents: number, print: Print): Promise<void> {
  const rotation = await measureRotation(agents).catch((error: unknown) => { if (error instanceof NotDone) return error; throw error; });
  if (rotation instanceof Error) {
    print(`\n== a new root for ${agents} agents\n  left out: ${rotation.message.slice(0, LONGEST_REASON)}`);
    print('  goal: no call and no stream fails: MISSED');
    return;
  }
  const failed = Object.values(rotation.failures).reduce((sum, count) => sum + count, 0);
  print(`\n== a new root for ${agents} agents that renew, ask for mesh certificates and tell news all the while; one hub, agents in one process beside it`);
  print(table([
    ['', 'took', 'renewals', 'mesh certificates', 'streams opened', 'news', 'calls and streams that failed'],
    ['  Init to Standby', `${number(rotation.seconds)} s`, String(rotation.renewals), String(rotation.meshCertificates), String(rotation.streams), String(rotation.news), String(failed)],
  ]));
  print(`  phases: ${rotation.phases.map(({ phase, seconds }) => `${phase} ${number(seconds)} s`).join(', ')}; ${rotation.arrived} of ${agents} believe the new root alone`);
  for (const [what, count] of Object.entries(rotation.failures)) print(`  ${count} × ${what}`);
  print(`  goal: no call and no stream fails: ${failed === 0 && rotation.arrived === agents ? 'met' : 'MISSED'}`);
}
