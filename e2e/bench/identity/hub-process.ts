/** The hub's gateway in a process of its own: TLS and identity as in production, with nothing behind it. */
import { createAuthority, createCertificateRequest } from '../../../certs/index.ts';
import { memoryKeyStore } from '../../../certs/testing/memory-key-store.ts';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { grpcGatewayServer } from '../../../controller/adapters/grpc/gateway-server.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { p256Signer } from '../../../controller/adapters/signer.ts';
import { silentLog } from '../../../controller/runtime/testing/fakes.ts';
import type { GatewayHandler, IssuedIdentity } from '../../../mesh/ports/transport.ts';
import { answerQuestions } from '../kube/child.ts';

const stop = new AbortController();
const none: IssuedIdentity = { chainPem: '', bundlePem: '', trustDomain: '', notAfter: 0 };
const handler: GatewayHandler = { join: () => Promise.resolve(none), renew: () => Promise.resolve(none), issueMeshCertificates: () => Promise.resolve([]), sync: () => Promise.resolve() };

answerQuestions({
  async start({ identities }) {
    const authority = createAuthority({ clock: systemClock, random: systemRandom, signer: p256Signer, keys: memoryKeyStore(), trustDomain: 'mesh.example', log: silentLog, hosts: ['127.0.0.1'] });
    await authority.open(stop.signal);
    const { address } = await grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog }).serve(handler, () => authority.serverMaterial('127.0.0.1'), stop.signal);
    const made = Array.from({ length: Number(identities) }, (_, index) => {
      const key = p256Signer.generate();
      return { keyPem: key.exportPem(), chainPem: authority.issueAgent(`cluster-${index}`, createCertificateRequest(key)).chainPem };
    });
    return { address, bundlePem: authority.trust().bundlePem, identities: made };
  },
  usage() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
});
