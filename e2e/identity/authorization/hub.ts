/** A hub as people start it, two clusters connected to it, one of which answers its peers, and a third that may try what it likes. */
import type { Client } from '@grpc/grpc-js';
import { createClient } from '../../../controller/adapters/grpc/client.ts';
import { grpcPeerServer } from '../../../controller/adapters/grpc/peer-server.ts';
import { exportOf } from '../../../controller/hub/testing/bench.ts';
import { silentLog } from '../../../controller/runtime/testing/fakes.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf, Cluster, HUB_RESOURCES } from '../../../mesh/api/resources/index.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import type { IdentityMaterial } from '../../../mesh/ports/transport.ts';
import { type HubProcess, startHub, temporaryFolder } from '../../embedded/hub-process.ts';
import { type Credentials, type Issuer, issuerOf, never } from '../callers.ts';
import { METHODS, type ProtocolMethod } from '../protocol.ts';
import { connectVictim, type Victim } from './victim.ts';
import { ATTACKER, VICTIMS } from './well-formed.ts';

export const TRUST_DOMAIN = 'mesh.test';
export const methodOf = (name: string): ProtocolMethod => METHODS.find(({ method }) => method === name) ?? METHODS[0]!;

export const until = async (what: string, done: () => boolean | Promise<boolean>): Promise<void> => {
  for (const giveUpAt = performance.now() + 20_000; !await done();) {
    if (performance.now() > giveUpAt) throw new Error(`not within 20 s: ${what}`);
    await new Promise((next) => { setTimeout(next, 20); });
  }
};

export interface AttackedHub {
  readonly hub: HubProcess;
  readonly ours: Issuer;
  /** The authority's document. */
  readonly content: string;
  readonly attacker: IdentityMaterial;
  readonly victims: ReadonlyMap<string, Victim>;
  /** Who asked oslo as its peer, in order. */
  readonly asked: readonly string[];
  clientOf(service: string, credentials?: Credentials): Client;
  /** All that anybody could see change for a cluster other than the attacker's: objects in the hub's API, and what the other clusters are told. */
  whatOthersSee(): Promise<unknown>;
  stop(): Promise<void>;
}

export async function startAttackedHub(): Promise<AttackedHub> {
  const folder = temporaryFolder();
  const hub = await startHub(folder.path, { flags: ['--trust-domain', TRUST_DOMAIN] });
  const ending = new AbortController();
  const stop = async (): Promise<void> => {
    ending.abort();
    await hub.stop();
    folder.remove();
  };
  try {
    return { ...await attack(hub, ending.signal), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function attack(hub: HubProcess, signal: AbortSignal): Promise<Omit<AttackedHub, 'stop'>> {
  const stored = await hub.client.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-authority' }, never);
  const content = Buffer.from(stored?.data?.['authority.json'] ?? '', 'base64').toString();
  const ours = await issuerOf(content, TRUST_DOMAIN);
  for (const name of [ATTACKER, ...VICTIMS]) await hub.client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name }, spec: {} }, { fieldManager: 'test' }, never);
  const asked: string[] = [];
  const identity = ours.agent('oslo');
  const { address: peerAddress } = await grpcPeerServer({ listen: '127.0.0.1:0', log: silentLog }).serve({
    facts: (peer) => {
      asked.push(peer.cluster);
      return Promise.resolve({ cluster: 'oslo', exports: [exportOf('oslo')], reachability: [] });
    },
  }, () => identity, signal);
  const victims = new Map(VICTIMS.map((cluster, index) => [cluster, connectVictim(hub.gateway, ours.agent(cluster), index + 10, signal)] as const));
  await until('the victims hold each other\'s addresses and their reports are on the Clusters', async () => {
    const known = [...victims.values()].every(({ held }) => [...held.keys()].some((name) => name.startsWith('PeerAddress')) && held.has('ExportVerdict shop/checkout'));
    const { items } = await hub.client.list<ClusterObject>(Cluster, {}, never);
    return known && items.filter(({ status: { kubernetesVersion } = {} }) => kubernetesVersion !== undefined).length === VICTIMS.length;
  });
  return {
    hub, ours, content, attacker: ours.agent(ATTACKER), victims, asked,
    clientOf: (service, credentials) => createClient({
      address: service === 'Peer' ? peerAddress : hub.gateway, bundlePem: ours.bundlePem, ...(credentials === undefined ? {} : { keyPem: credentials.keyPem, chainPem: credentials.chainPem }),
      serverId: service === 'Peer' ? `spiffe://${TRUST_DOMAIN}/cluster/oslo` : `spiffe://${TRUST_DOMAIN}/hub`,
    }),
    async whatOthersSee() {
      const objects: unknown[] = [];
      for (const kind of HUB_RESOURCES) {
        for (const { metadata: { resourceVersion: _, managedFields: __, ...metadata }, ...rest } of (await hub.client.list<KubernetesObject>(kind, {}, never)).items) {
          if (kind.kind === 'Cluster' && metadata.name === ATTACKER) continue;
          const { lastSeen: ___, lastContact: ____, ...status } = ((rest as { status?: Record<string, unknown> }).status ?? {});
          objects.push({ metadata, ...rest, status });
        }
      }
      return { objects, told: [...victims].map(([cluster, { held, ended }]) => ({ cluster, ended, held: [...held].filter(([name]) => !name.includes(` ${ATTACKER}`)).sort() })) };
    },
  };
}
