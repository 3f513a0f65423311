import { X509Certificate } from 'node:crypto';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { expect } from '../eventually.ts';
import { parseYaml, type Step, type Walk } from '../walk.ts';

const NAMESPACE = 'kube-system';

async function readSecret(walk: Walk, cluster: string, name: string): Promise<Record<string, string>> {
  const secret = await walk.cluster(cluster).api.get<SecretObject>(Secret, { namespace: NAMESPACE, name }, walk.signal);
  expect(secret !== undefined, `${cluster} has Secret ${NAMESPACE}/${name}`);
  return Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
}

async function checkPeering(walk: Walk, cluster: string): Promise<void> {
  const peers = walk.fleet.clusters.map((one) => one.name).filter((name) => name !== cluster);
  const agentSide = await readSecret(walk, cluster, 'cilium-clustermesh');
  const storeSide = await readSecret(walk, cluster, 'cilium-kvstoremesh');
  for (const secret of [agentSide, storeSide]) expect(Object.keys(secret).sort().join() === peers.join(), `${cluster}'s peers are ${peers.join(', ')}`, Object.keys(secret));
  for (const peer of peers) {
    const config = parseYaml(storeSide[peer] ?? '') as { endpoints?: string[] };
    expect(config.endpoints?.[0] === `https://${peer}.mesh.cilium.io:2379`, `${cluster} reaches ${peer} where it said`, config);
  }
  const users = (await walk.cluster(cluster).api.get<ConfigMapObject>(ConfigMap, { namespace: NAMESPACE, name: 'clustermesh-remote-users' }, walk.signal))?.data?.['users.yaml'];
  const names = (parseYaml(users ?? '') as { users?: { name: string }[] }).users?.map((user) => user.name) ?? [];
  expect(names.join() === peers.map((peer) => `remote-${peer}`).join(), `${cluster} lets its peers in by name`, names);
}

async function checkCertificates(walk: Walk, cluster: string): Promise<void> {
  for (const [role, commonName] of [['remote', `remote-${cluster}`], ['local', `local-${cluster}`], ['admin', `admin-${cluster}`]] as const) {
    const pem = await readSecret(walk, cluster, `clustermesh-apiserver-${role}-cert`);
    const [leaf, issuing] = (pem['tls.crt'] ?? '').split(/(?<=-----END CERTIFICATE-----\n?)(?=-----BEGIN)/).map((text) => new X509Certificate(text));
    expect(leaf !== undefined && issuing !== undefined, `${cluster}'s ${role} certificate comes with its issuer`);
    const root = new X509Certificate(pem['ca.crt'] ?? '');
    expect(leaf.subject.includes(`CN=${commonName}`), `${cluster}'s ${role} certificate is ${commonName}'s`, leaf.subject);
    expect(leaf.verify(issuing.publicKey) && issuing.verify(root.publicKey), `${cluster}'s ${role} certificate chains to our root`);
  }
  const server = new X509Certificate((await readSecret(walk, cluster, 'clustermesh-apiserver-server-cert'))['tls.crt'] ?? '');
  expect(server.subjectAltName?.includes(`DNS:${cluster}.mesh.cilium.io`) === true && !server.subjectAltName.includes('*'), `${cluster}'s server certificate names it exactly`, server.subjectAltName);
}

export const peering: Step = {
  name: 'peering',
  title: 'Each cluster holds the Secrets that its Cilium reads, and certificates of our authority',
  async run(walk) {
    for (const { name } of walk.fleet.clusters) {
      await checkPeering(walk, name);
      await checkCertificates(walk, name);
    }
  },
  look: (walk) => [`kubectl --kubeconfig ${walk.cluster('berlin').kubeconfig} -n kube-system get secrets,configmaps`],
};
