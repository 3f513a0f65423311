/** Asks other agents for their facts over gRPC; connections are kept while they work. */
import type { Client } from '@grpc/grpc-js';
import { spiffeIdOfCluster } from '../../../certs/index.ts';
import { decodePeerFacts } from '../../../mesh/api/codec/peer.ts';
import { FactsRequest, PeerDefinition } from '../../../mesh/api/gen/isthmus/v1/peer.ts';
import type { Revocation } from '../../../mesh/model/revocation.ts';
import { type IdentityMaterial, type PeerConnector, type PeerFacts, TransportError } from '../../../mesh/ports/transport.ts';
import { callUnary, createClient } from './client.ts';
import { rawService } from './service.ts';
import { PEER_DEADLINE_MILLISECONDS } from './settings.ts';

/** Mesh limit of Cilium (511) and one more. */
const MAX_KEPT = 512;

const methods = rawService(PeerDefinition);

interface Kept {
  readonly client: Client;
  readonly address: string;
  readonly identity: IdentityMaterial;
  readonly revokedAt: number | undefined;
}

/** `close` ends the kept connections. */
export function grpcPeerConnector(): PeerConnector & { close(): void } {
  /** By cluster, least recently used first. */
  const kept = new Map<string, Kept>();

  function forget(cluster: string): void {
    kept.get(cluster)?.client.close();
    kept.delete(cluster);
  }

  function clientFor(cluster: string, address: string, identity: IdentityMaterial, revoked: Pick<Revocation, 'at'> | undefined): Client {
    const found = kept.get(cluster);
    if (found !== undefined && found.address === address && found.revokedAt === revoked?.at && found.identity.chainPem === identity.chainPem && found.identity.bundlePem === identity.bundlePem) {
      kept.delete(cluster);
      kept.set(cluster, found);
      return found.client;
    }
    forget(cluster);
    for (const oldest of kept.keys()) {
      if (kept.size < MAX_KEPT) break;
      forget(oldest);
    }
    const client = createClient({ ...identity, address, serverId: spiffeIdOfCluster(identity.trustDomain, cluster), ...(revoked === undefined ? {} : { revoked }) });
    kept.set(cluster, { client, address, identity, revokedAt: revoked?.at });
    return client;
  }

  return {
    async facts({ cluster, address, refused }, identity, signal) {
      const client = clientFor(cluster, address, identity, refused);
      try {
        const facts = readFacts(address, await callUnary(client, address, methods.facts, FactsRequest.encode({}).finish(), PEER_DEADLINE_MILLISECONDS, signal));
        if (facts.cluster !== cluster || facts.exports.some((fact) => fact.cluster !== cluster)) {
          throw new TransportError('never', 'PermissionDenied', `${address}: "${cluster}" answered with facts of another cluster`);
        }
        return facts;
      } catch (error) {
        // A connection that a partition left half open would answer late, by TCP's backoff; the next call dials anew.
        if (kept.get(cluster)?.client === client) forget(cluster);
        throw error;
      }
    },
    close() {
      for (const cluster of [...kept.keys()]) forget(cluster);
    },
  };
}

/** An answer that cannot be read (of a newer version, or of a broken one) is an answer all the same. */
function readFacts(address: string, answer: Uint8Array): PeerFacts {
  try {
    return decodePeerFacts(answer);
  } catch (error) {
    throw new TransportError('never', 'InvalidRequest', `${address}: its answer cannot be read: ${error instanceof Error ? error.message : String(error)}`, true);
  }
}
