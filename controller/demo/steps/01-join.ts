import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { TransportError } from '../../../mesh/ports/transport.ts';
import { systemClock } from '../../adapters/clock.ts';
import { grpcHubConnector } from '../../adapters/grpc/hub-connector.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { createCertificateRequest } from '../../../certs/authority/request.ts';
import { decodeJoinToken } from '../../runtime/join-token.ts';
import { eventually, expect } from '../eventually.ts';
import type { Step } from '../walk.ts';

export const join: Step = {
  name: 'join',
  title: 'Each cluster joins with a one-use token and gets an identity of its own',
  async run(walk) {
    const tokens = new Map<string, string>();
    for (const cluster of walk.fleet.clusters) {
      const labels = Object.entries(cluster.labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
      const made = await walk.isthmus('join', cluster.name, ...labels, '-o', 'token');
      expect(made.status === 0, `isthmus join ${cluster.name}: ${made.stderr}`);
      tokens.set(cluster.name, made.stdout.trim());
    }
    await Promise.all(walk.fleet.clusters.map(async (cluster) => {
      const start = performance.now();
      await cluster.startAgent(tokens.get(cluster.name));
      await eventually(`cluster ${cluster.name} Joined and Connected`, 30_000, async () =>
        (await walk.condition(cluster.name, 'Joined'))?.status === 'True' && (await walk.condition(cluster.name, 'Connected'))?.status === 'True');
      walk.measure('join to Ready', performance.now() - start);
    }));
    const identity = (await walk.clusterObject('berlin')).status?.identity;
    expect(identity?.spiffeId.endsWith('/cluster/berlin') === true, 'berlin has the SPIFFE id of berlin', identity);
    const lifeHours = ((fromRfc3339(identity?.notAfter) ?? 0) - systemClock.now()) / 3_600_000;
    expect(lifeHours > 23 && lifeHours <= 24, 'berlin\'s certificate lives 24 h', identity);

    const token = decodeJoinToken(tokens.get('berlin') ?? '');
    expect(!('problem' in token), 'the token can be read');
    const again = await grpcHubConnector().join(
      { address: token.hub, trustDomain: token.trustDomain, caPem: token.ca },
      { cluster: 'berlin', secret: Buffer.from(token.secret, 'base64url'), csrDer: createCertificateRequest(p256Signer.generate()) },
      walk.signal,
    ).then(() => undefined, (error: unknown) => error);
    expect(again instanceof TransportError && again.reason === 'TokenUsed', 'a second redemption is refused', String(again));
    walk.say(`a second redemption is refused: ${again.message}`);
  },
  look: (walk) => [`kubectl --kubeconfig ${walk.fleet.hub.kubeconfig} get clusters,jointokens`],
};
