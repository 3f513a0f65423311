import { queryDns } from '../dns-client.ts';
import { eventually, expect } from '../eventually.ts';
import type { DemoCluster } from '../fleet.ts';
import type { Step, Walk } from '../walk.ts';
import { HOST } from './04-staged-update.ts';
import { clusterSetIp } from './06-services.ts';

export const NAME = 'checkout.shop.svc.clusterset.local';

/** Waits until one cluster's DNS answers the global name with exactly these addresses. */
export async function answers(cluster: DemoCluster, addresses: readonly string[], timeoutMilliseconds: number): Promise<void> {
  const wanted = [...addresses].sort().join(' ');
  let seen = '';
  await eventually(`${cluster.name} answers ${HOST} with ${wanted}`, timeoutMilliseconds, async () => {
    seen = (await queryDns(cluster.dnsAddress, HOST, 'A')).records.join(' ');
    return seen === wanted;
  }, () => seen);
}

async function checkCluster(walk: Walk, cluster: DemoCluster): Promise<void> {
  const ip = await clusterSetIp(walk, cluster);
  for (const transport of ['udp', 'tcp'] as const) {
    const reply = await queryDns(cluster.dnsAddress, NAME, 'A', transport);
    expect(reply.authoritative && reply.records.length === 1 && reply.records[0] === ip, `${cluster.name} answers ${NAME} over ${transport} with its ClusterSetIP ${ip}`, reply);
  }
  const aaaa = await queryDns(cluster.dnsAddress, NAME, 'AAAA');
  expect(aaaa.rcode === 'NOERROR' && aaaa.records.length === 0, 'AAAA of an IPv4 service is no data, not no name', aaaa);
  const srv = await queryDns(cluster.dnsAddress, `_http._tcp.${NAME}`, 'SRV');
  expect(srv.records.length === 1 && srv.records[0]?.endsWith(` 80 ${NAME}`) === true, 'SRV names the port', srv);
  const version = await queryDns(cluster.dnsAddress, 'dns-version.clusterset.local', 'TXT');
  expect(version.records.join() === '1.0.0', 'dns-version is 1.0.0', version);
  expect((await queryDns(cluster.dnsAddress, 'none.shop.svc.clusterset.local', 'A')).rcode === 'NXDOMAIN', 'a service that nobody exports is NXDOMAIN');
  expect((await queryDns(cluster.dnsAddress, 'example.org', 'A')).rcode === 'REFUSED', 'other people\'s names are refused');
  await answers(cluster, walk.cluster('berlin').endpoints, 5000);
}

export const dns: Step = {
  name: 'dns',
  title: 'Every agent answers DNS for the service and for its global name',
  async run(walk) {
    for (const cluster of walk.fleet.clusters) await checkCluster(walk, cluster);
    const explained = await walk.isthmus('dns', 'explain', HOST, '--from', 'virginia');
    expect(explained.status === 0 && explained.stdout.includes('berlin') && explained.stdout.includes('10.10.0.11'), 'isthmus dns explain says why', explained);
    for (const line of explained.stdout.trimEnd().split('\n')) walk.say(line);
  },
  look: (walk) => {
    const address = walk.cluster('virginia').dnsAddress;
    const [host, port] = address.split(':');
    return [`dig @${host} -p ${port} ${NAME} A`, `dig @${host} -p ${port} ${HOST} A`, `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} dns explain ${HOST} --from virginia`];
  },
};
