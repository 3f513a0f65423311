import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { queryDns } from '../dns-client.ts';
import { eventually, expect } from '../eventually.ts';
import type { Step, Walk } from '../walk.ts';
import { answers, NAME } from './07-dns.ts';
import { failOverAndBack } from './08-failover.ts';

/** What must not change while the hub is away: versions of the peering Secrets and of the identity. */
async function held(walk: Walk): Promise<string> {
  const versions = await Promise.all(walk.fleet.clusters.flatMap((cluster) => [
    ['kube-system', 'cilium-clustermesh'], ['kube-system', 'cilium-kvstoremesh'], ['isthmus-system', 'isthmus-agent-identity'],
  ].map(async ([namespace, name]) => {
    const secret = await cluster.api.get<SecretObject>(Secret, { namespace: namespace!, name: name! }, walk.signal);
    expect(secret !== undefined, `${cluster.name} has Secret ${namespace}/${name}`);
    return `${cluster.name}/${name}@${secret.metadata.resourceVersion}`;
  })));
  return versions.join(' ');
}

async function agentsConnected(walk: Walk): Promise<number> {
  const text = await (await fetch(`http://${walk.fleet.hub.healthAddress}/metrics`, { signal: walk.signal })).text();
  return Number(/^isthmus_hub_agents_connected (\d+)$/m.exec(text)?.[1] ?? 0);
}

export const hubLoss: Step = {
  name: 'hub loss',
  title: 'The hub is killed: DNS, peering and identities stay, and a failover still happens',
  async run(walk) {
    const before = await held(walk);
    await walk.fleet.hub.process.kill('SIGKILL');
    for (const cluster of walk.fleet.clusters) {
      await answers(cluster, walk.cluster('berlin').endpoints, 2000);
      expect((await queryDns(cluster.dnsAddress, NAME, 'A')).records.length === 1, `${cluster.name} still answers ${NAME}`);
    }
    await failOverAndBack(walk);
    expect(await held(walk) === before, 'peering and identities are as they were');
    const virginia = walk.cluster('virginia');
    await virginia.agent?.kill('SIGKILL');
    await virginia.startAgent();
    await answers(virginia, walk.cluster('berlin').endpoints, 5000);
    walk.say('an agent that was restarted without the hub serves the last known state');

    const start = performance.now();
    await walk.fleet.hub.start();
    let connected = 0;
    // Cluster conditions forgive a restarted hub for a while; its open streams do not.
    await eventually('every agent has its stream to the hub again', 30_000, async () => {
      connected = await agentsConnected(walk);
      return connected === walk.fleet.clusters.length;
    }, () => connected);
    const resumed = performance.now() - start;
    walk.measure('hub restart to last agent resumed', resumed);
    walk.say(`every agent was back ${Math.round(resumed)} ms after the hub was started again`);
    for (const cluster of walk.fleet.clusters) await answers(cluster, walk.cluster('berlin').endpoints, 2000);
    expect(await held(walk) === before, 'nothing was written again');
  },
  look: (walk) => [`kubectl --kubeconfig ${walk.fleet.hub.kubeconfig} get clusters`, `curl http://${walk.fleet.hub.healthAddress}/metrics`],
};
