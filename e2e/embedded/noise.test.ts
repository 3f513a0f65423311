/** Noise at every door of a hub and an agent that run: manifests, gRPC, DNS, Cilium's settings, plans that cannot be. */
import { spawnSync, execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../mesh/api/resources/core.ts';
import { Cluster, GlobalService, Mesh, UpdateRun } from '../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import type { MeshObject } from '../../mesh/api/resources/mesh.ts';
import { findCondition } from '../../mesh/model/condition.ts';
import { decodeJoinToken } from '../../controller/runtime/join-token.ts';
import { ciliumConfig, CLUSTERS } from '../../controller/demo/clusters.ts';
import { queryDns } from '../../controller/demo/dns-client.ts';
import { eventually } from '../../controller/demo/eventually.ts';
import { apply } from '../../controller/demo/objects.ts';
import { type AgentProcess, fetchText, type HubProcess, type MemberApi, startAgent, startHub, startMemberApi, temporaryFolder } from './hub-process.ts';

const never = new AbortController().signal;
const folder = temporaryFolder();
let hub: HubProcess;
let members: MemberApi[];
let agents: AgentProcess[];
let roots = '';

const definitionOf = (name: string) => {
  const found = CLUSTERS.find((cluster) => cluster.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};
const setCiliumId = async (member: MemberApi, name: string, id: string): Promise<void> => {
  const object = ciliumConfig(definitionOf(name), 1);
  await member.client.patch(ConfigMap, { namespace: 'kube-system', name: 'cilium-config' }, { ...object, data: { ...object.data, 'cluster-id': id } }, { type: 'apply', fieldManager: 'test', force: true }, never);
};
const clusterObject = async (name: string): Promise<ClusterObject> => {
  const object = await hub.client.get<ClusterObject>(Cluster, { name }, never);
  if (object === undefined) throw new Error(`no Cluster ${name}`);
  return object;
};
const reportedId = async (name: string): Promise<number | undefined> => (await clusterObject(name)).status?.cilium?.clusterId;
async function allIsWell(): Promise<void> {
  expect((await hub.get('/readyz')).status).toBe(200);
  for (const agent of agents) expect((await fetchText(`http://${agent.health}/readyz`)).status).toBe(200);
  for (const name of ['berlin', 'oslo']) expect(findCondition((await clusterObject(name)).status?.conditions, 'Connected')?.status).toBe('True');
}

beforeAll(async () => {
  [hub, ...members] = await Promise.all([startHub(folder.path), startMemberApi(folder.path, 'berlin'), startMemberApi(folder.path, 'oslo')]);
  await setCiliumId(members[0]!, 'berlin', '1');
  await setCiliumId(members[1]!, 'oslo', '2');
  agents = await Promise.all(['berlin', 'oslo'].map(async (name, index) => {
    const made = await hub.isthmus('join', name, '-o', 'token');
    const token = decodeJoinToken(made.stdout);
    if ('ca' in token) roots = token.ca;
    return startAgent(folder.path, name, members[index]!.kubeconfig, made.stdout);
  }));
  await eventually('both clusters are known', 45_000, async () => await reportedId('berlin') === 1 && await reportedId('oslo') === 2);
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.running.stop()));
  await Promise.all([...members.map((member) => member.stop()), hub.stop()]);
  folder.remove();
});

const kubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
if (!kubectl) console.warn('skipped: kubectl is not on PATH; manifests are sent by our own client alone');
test.skipIf(!kubectl).each<[string, string, RegExp]>([
  ['YAML noise', 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\n metadata: [}\n', /error (parsing|converting).*yaml/i],
  ['JSON cut short', '{"apiVersion":"isthmus.dev/v1alpha1","kind":"Mesh","metadata":{"name":"cut"', /yaml|json/i],
  ['an unknown field', 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: cut}\nspec: {clusters: {names: ["*"]}, stratgy: {name: x}}\n', /unknown field "spec\.stratgy"/],
  ['a name that is no DNS label', 'apiVersion: isthmus.dev/v1alpha1\nkind: Cluster\nmetadata: {name: Not_A_Label}\nspec: {}\n', /Not_A_Label.*RFC 1123/],
  ['a cluster name that Cilium does not allow', `apiVersion: isthmus.dev/v1alpha1\nkind: Cluster\nmetadata: {name: ${'a'.repeat(40)}}\nspec: {}\n`, /DNS label of at most 32 characters/],
  ['a selector that is none', 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: cut}\nspec: {clusters: {names: "*"}}\n', /spec\.clusters\.names/],
  ['a host that is no name', 'apiVersion: isthmus.dev/v1alpha1\nkind: GlobalService\nmetadata: {name: cut}\nspec: {host: "not a host", service: {namespace: shop, name: checkout}}\n', /spec\.host/],
])('kubectl apply of %s is refused in words, and nothing is kept', async (what, manifest, sentence) => {
  const path = join(folder.path, `${what.replaceAll(/\W/g, '-')}.yaml`);
  writeFileSync(path, manifest);
  const { status, stderr } = await new Promise<{ status: number; stderr: string }>((done) => {
    execFile('kubectl', ['--kubeconfig', hub.kubeconfig, 'apply', '-f', path], { env: { ...process.env, HOME: folder.path } }, (error, _stdout, text) => done({ status: typeof error?.code === 'number' ? error.code : 0, stderr: text }));
  });
  expect([status, stderr]).toEqual([1, expect.stringMatching(sentence)]);
  expect((await hub.client.list(Mesh, {}, never)).items).toEqual([]);
});

test('our own client is told object, field and value', async () => {
  const service = { namespace: 'shop', name: 'checkout' };
  await expect(apply(hub.client, GlobalService, 'cut', { host: 'not a host', service }, never)).rejects.toThrow(/"cut".*spec\.host/s);
  await expect(apply(hub.client, Cluster, 'Not_A_Label', {}, never)).rejects.toThrow(/Not_A_Label/);
  await expect(apply(hub.client, Mesh, 'cut', { clusters: { names: ['*'] }, allowVersionSkewMinors: 99 }, never)).rejects.toThrow(/spec\.allowVersionSkewMinors: Invalid value: 99/);
});

test('a plan with conflicts says which clusters and writes nothing anywhere', async () => {
  const planned = async () => findCondition((await hub.client.get<MeshObject>(Mesh, { name: 'all' }, never))?.status?.conditions, 'Planned');
  await setCiliumId(members[1]!, 'oslo', '1');
  await eventually('oslo reports the id of berlin', 45_000, async () => await reportedId('oslo') === 1);
  await apply(hub.client, Mesh, 'all', { clusters: { names: ['berlin', 'oslo'] } }, never);
  await eventually('the conflict is said', 45_000, async () => (await planned())?.reason === 'ClusterIdConflict');
  expect(await planned()).toMatchObject({ status: 'False', message: expect.stringMatching(/berlin and oslo: cluster-id is 1 in berlin and 1 in oslo .*(berlin|oslo) would move, for .*give (berlin|oslo) another id/) });

  for (const id of ['300', '999', '70000']) {
    await setCiliumId(members[1]!, 'oslo', id);
    await eventually(`${id} is refused`, 45_000, async () => (await planned())?.message.includes(`cluster oslo: cluster-id is ${id}, but this mesh allows 1 to 255; change Cilium's Helm value cluster.id`), planned);
    expect(await planned()).toMatchObject({ status: 'False', reason: 'ClusterIdConflict' });
  }
  expect((await hub.client.list(UpdateRun, {}, never)).items).toEqual([]);
  for (const member of members) {
    expect((await member.client.list<SecretObject>(Secret, { namespace: 'kube-system' }, never)).items.filter(({ metadata }) => metadata.name.startsWith('cilium-'))).toEqual([]);
    expect((await member.client.list<ConfigMapObject>(ConfigMap, { namespace: 'kube-system' }, never)).items.map(({ metadata }) => metadata.name)).not.toContain('clustermesh-remote-users');
  }
  await hub.client.delete(Mesh, { name: 'all' }, {}, never);
  // 0 and what is no number count as not set; the agent and the hub go on.
  for (const id of ['x', '-5', '0']) {
    await setCiliumId(members[1]!, 'oslo', id);
    await eventually(`${id} is no id`, 45_000, async () => await reportedId('oslo') === 0);
    await setCiliumId(members[1]!, 'oslo', '2');
    await eventually('oslo has its id again', 45_000, async () => await reportedId('oslo') === 2);
  }
  await allIsWell();
});

const NOISE = [Buffer.alloc(0), Buffer.from([0]), Buffer.alloc(11, 0xff), Buffer.alloc(12), Buffer.alloc(512, 0xc0), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(4096, 0x41),
  // A question whose name points at itself, and one that promises 65535 of them.
  Buffer.from('1234010000010000000000000000c00c00010001', 'hex').subarray(0, 18), Buffer.from('1234010000010000000000c00c00010001', 'hex'), Buffer.from('12340100ffff00000000000003777777', 'hex')];

test('a DNS server that is sent noise, over UDP and TCP, goes on answering', async () => {
  const address = agents[0]!.dns;
  const [host = '', port = ''] = address.split(':');
  const name = 'nobody.shop.svc.clusterset.local';
  const udp = createSocket('udp4');
  for (let round = 0; round < 50; round += 1) for (const packet of NOISE) udp.send(packet, Number(port), host);
  const sockets = [...NOISE, Buffer.from([0xff, 0xff, 1, 2, 3]), Buffer.from([0, 0, 0, 0])].map((bytes) => {
    const socket = connect(Number(port), host, () => { socket.write(bytes); });
    socket.on('error', () => {});
    const framed = connect(Number(port), host, () => { framed.end(Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])); });
    framed.on('error', () => {});
    return [socket, framed];
  }).flat();
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const transport of ['udp', 'tcp'] as const) expect((await eventually(`an answer over ${transport}`, 45_000, () => queryDns(address, name, 'A', transport))).rcode).toBe('NXDOMAIN');
  for (const socket of sockets) socket.destroy();
  udp.close();
  await allIsWell();
});

test('a gateway that is sent truncated and garbage frames answers or hangs up, and the others notice nothing', async () => {
  const [host = '', port = ''] = hub.gateway.split(':');
  const streams = async (): Promise<string> => /^isthmus_hub_agent_streams_total (\d+)/m.exec((await hub.get('/metrics')).text)?.[1] ?? '';
  const before = await streams();
  // Not TLS at all; half a handshake; TLS but no HTTP/2; HTTP/2 cut in the middle of a frame.
  const raw = [Buffer.from('GET / HTTP/1.0\r\n\r\n'), Buffer.alloc(5000, 0x16), Buffer.from('160301020001', 'hex')].map((bytes) => {
    const socket = connect(Number(port), host, () => { socket.end(bytes); });
    socket.on('error', () => {});
    return socket;
  });
  const tls = [Buffer.from('not http/2 at all\r\n\r\n'), Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from('000fff0400000000', 'hex')]), Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(2000, 0xee)])].map((bytes) => {
    const socket = connectTls({ host, port: Number(port), ca: roots, ALPNProtocols: ['h2'], checkServerIdentity: () => undefined }, () => { socket.end(bytes); });
    socket.on('error', () => {});
    socket.resume();
    return socket;
  });
  await Promise.all([...raw, ...tls].map((socket) => once(socket, 'close').catch(() => undefined)));

  // Well-formed HTTP/2 with messages that are not: cut after the length, noise as protobuf, a length beyond every bound.
  const session = connectHttp2(`https://${hub.gateway}`, { ca: roots, checkServerIdentity: () => undefined });
  session.on('error', () => {});
  const statusOf = async (path: string, body: Buffer): Promise<string> => {
    const request = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
    let status = '';
    request.on('response', (headers) => { status = String(headers['grpc-status'] ?? status); });
    request.on('trailers', (headers) => { status = String(headers['grpc-status'] ?? status); });
    request.on('error', () => { status ||= 'reset'; });
    request.resume();
    request.end(body);
    await once(request, 'close');
    return status;
  };
  const framed = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length >> 8, bytes.length & 0xff]), bytes]);
  const service = '/isthmus.v1.Gateway';
  const statuses = [
    await statusOf(`${service}/Join`, framed(Buffer.alloc(300, 0xff))), await statusOf(`${service}/Join`, framed(Buffer.alloc(300)).subarray(0, 20)),
    await statusOf(`${service}/Join`, Buffer.from('00ffffffff', 'hex')), await statusOf(`${service}/Join`, Buffer.alloc(0)),
    await statusOf(`${service}/Sync`, framed(Buffer.alloc(300, 0xff))), await statusOf(`${service}/Nothing`, framed(Buffer.alloc(0))),
  ];
  session.destroy();
  // Never OK: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
  expect(statuses.filter((status) => !/^(reset|[1-9]\d?)$/.test(status))).toEqual([]);
  expect(statuses.slice(-2)).toEqual(['16', '12']);
  expect(await streams()).toBe(before);
  expect(hub.running.printed().stderr).not.toMatch(/"level":"(error|fatal)"/);
  await allIsWell();
});
