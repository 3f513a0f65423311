/** A hub's identity service behind a transport without network, for the agent's tests. */
import { type Authority, clusterOfSpiffeId, createAuthority, readCertificate } from '../../../../certs/index.ts';
import { JoinToken } from '../../../../mesh/api/resources/join-token.ts';
import type { HubConnection, HubConnector, IdentityMaterial } from '../../../../mesh/ports/transport.ts';
import { TransportError } from '../../../../mesh/ports/transport.ts';
import { sha256Hex } from '../../../adapters/digest.ts';
import { p256Signer } from '../../../adapters/signer.ts';
import { type AcceptClusters, createAcceptance } from '../../../hub/identity/acceptance.ts';
import { secretKeyStore } from '../../../hub/identity/key-store.ts';
import { createIdentityService } from '../../../hub/identity/service.ts';
import { createJoinToken } from '../../../runtime/new-join-token.ts';
import { fakeMetrics, seededRandom, silentLog } from '../../../runtime/testing/fakes.ts';
import type { ManualClock } from '../../../runtime/testing/manual-clock.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../../../runtime/testing/memory-kubernetes.ts';

export interface TestHub {
  readonly kubernetes: MemoryKubernetes;
  readonly authority: Authority;
  readonly connector: HubConnector;
  readonly calls: string[];
  /** Thrown by the next calls: before the hub hears of them, or after it has answered. */
  lose: { request?: boolean; answer?: boolean };
  token(cluster: string): Promise<string>;
  connection(identity: () => IdentityMaterial): HubConnection;
}

const signal = new AbortController().signal;

export async function testHub(clock: ManualClock, trustDomain = 'mesh.example', accept: AcceptClusters = 'Automatically'): Promise<TestHub> {
  const kubernetes = memoryKubernetes();
  const random = seededRandom(trustDomain.length);
  const authority = createAuthority({ clock, random, signer: p256Signer, keys: secretKeyStore({ kubernetes, namespace: 'isthmus-system' }), trustDomain, log: silentLog });
  await authority.open(signal);
  const service = createIdentityService({ kubernetes, authority, clock, digest: sha256Hex, log: silentLog, onIdentity: () => {}, admitJoin: async () => {}, acceptance: createAcceptance({ ports: { clock, log: silentLog, metrics: fakeMetrics() }, accept }), admissions: () => [] });
  const broken = (): TransportError => new TransportError('retry', 'Unreachable', 'connection reset');

  async function call<T>(name: string, answer: () => Promise<T>): Promise<T> {
    hub.calls.push(name);
    if (hub.lose.request === true) throw broken();
    const result = await answer();
    if (hub.lose.answer === true) throw broken();
    return result;
  }
  /** What mTLS proves: a certificate of this authority's trust domain that has not expired. */
  function proven(identity: IdentityMaterial) {
    const facts = readCertificate(identity.chainPem);
    const cluster = clusterOfSpiffeId(trustDomain, facts.uris[0] ?? '');
    if (cluster === undefined || facts.notAfter <= clock.now()) throw new TransportError('user', 'Unauthenticated', 'certificate expired');
    return { cluster, spiffeId: facts.uris[0] ?? '', certificateSerial: facts.serial };
  }
  const connection = (identity: () => IdentityMaterial): HubConnection => ({
    renew: (csrDer) => call('renew', () => service.renew(proven(identity()), csrDer, signal)),
    issueMeshCertificates: (requests) => call(`mesh ${requests.map((request) => request.role).join(',')}`, () => service.issueMeshCertificates(proven(identity()), requests, signal)),
    sync: () => { throw new Error('not part of this test'); },
    close() {},
  });
  const hub: TestHub = {
    kubernetes, authority, calls: [], lose: {}, connection,
    connector: {
      join(target, request) {
        return call(`join ${target.address}`, () => {
          if (target.caPem !== authority.trust().bundlePem) throw new TransportError('user', 'Unauthenticated', 'the hub\'s certificate is not of the join token\'s authority');
          return service.join(request, signal);
        });
      },
      connect: (_, identity) => connection(() => identity),
    },
    async token(cluster) {
      const { text, object } = createJoinToken({ cluster, hubAddress: 'hub:7443', trustDomain, bundlePem: authority.trust().bundlePem }, { random, digest: sha256Hex, now: clock.now() });
      await kubernetes.create(JoinToken, object, { fieldManager: 'test' }, signal);
      return text;
    },
  };
  return hub;
}

