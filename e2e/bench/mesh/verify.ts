/** What it costs to verify a mesh: a round of looks over real sockets, the verdicts of every ordered pair, the hub's matrix of them, and the text of it on a terminal. */
import { connect } from 'node:tls';
import { etcdConnector } from '../../../controller/adapters/etcd/connect.ts';
import { drawMatrix } from '../../../controller/cli/mesh/verify.ts';
import { lookAtPeer } from '../../../controller/agent/verify/look.ts';
import { createBench, type ScriptedAgent, scriptedAgent } from '../../../controller/hub/testing/bench.ts';
import { Inquiry } from '../../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { PeerVerdict } from '../../../mesh/model/peer-verdict.ts';
import type { EtcdTarget } from '../../../mesh/ports/etcd.ts';
import { type Matrix, type MatrixCell, matrixOf } from '../../../mesh/verify/matrix.ts';
import { isFailure, type Observation, type RemoteLook } from '../../../mesh/verify/observation.ts';
import { verdict } from '../../../mesh/verify/verdict.ts';
import { mebibytes, milliseconds, number, quantile, ratio, table } from '../kube/figures.ts';
import type { Print } from '../with-servers.ts';
import { heapBytes } from './heap.ts';
import { startSimulatedEtcd } from './simulated-etcd.ts';

/** As many as an agent looks at at once. */
const AT_ONCE = 32;
/** A machine with other work beside it is slow, and measured all the same. */
const PATIENT = { milliseconds: 60_000, answerBytes: 1 << 20 };
const signal = new AbortController().signal;

const nameOf = (index: number): string => `cluster-${String(index).padStart(3, '0')}`;

async function timed<T>(run: () => T | Promise<T>): Promise<{ readonly wall: number; readonly processor: number; readonly result: T }> {
  const [start, used] = [performance.now(), process.cpuUsage()];
  const result = await run();
  const { user, system } = process.cpuUsage(used);
  return { wall: performance.now() - start, processor: (user + system) / 1000, result };
}

/** `count` turns of `work`, so many at once. */
async function each(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, async () => { while (next < count) await work(next++); }));
}

const handshake = ({ endpoint, caPem, certPem, keyPem }: EtcdTarget): Promise<void> => new Promise((resolve, reject) => {
  const { hostname, port } = new URL(endpoint);
  const socket = connect({ host: hostname, port: Number(port), ca: caPem, cert: certPem, key: keyPem, ALPNProtocols: ['h2'] }, () => socket.end()).once('error', reject).once('close', () => resolve()).resume();
});

/** One agent's round over all its peers. */
async function lookFigures(peers: number, repeats: number, print: Print): Promise<void> {
  const etcd = await startSimulatedEtcd('peer', 1);
  try {
    const connector = etcdConnector(PATIENT);
    const look = async (): Promise<void> => {
      const seen = await lookAtPeer(connector, 'peer', etcd.target, true, signal);
      if (isFailure(seen) || seen.overreach.length > 0 || seen.synced.length === 0) throw new Error(`bench: not well: ${JSON.stringify(seen)}`);
    };
    await each(AT_ONCE, look);
    const rounds: Record<'looks' | 'handshakes', { readonly wall: number; readonly processor: number }[]> = { looks: [], handshakes: [] };
    for (let turn = 0; turn < repeats; turn += 1) {
      rounds.handshakes.push(await timed(() => each(peers, () => handshake(etcd.target))));
      rounds.looks.push(await timed(() => each(peers, look)));
    }
    const median = (of: keyof typeof rounds, what: 'wall' | 'processor'): number => quantile(rounds[of].map((one) => one[what]), 0.5);
    print(`\n== one agent looks at ${peers} peers, each by a connection of its own over TLS on loopback, ${AT_ONCE} at once; baseline: as many handshakes with both certificates and nothing asked; the simulated etcd runs in the same process`);
    print(table([
      ['', 'median of all', 'processor', 'of one', 'of the baseline'],
      ...(['handshakes', 'looks'] as const).map((of) => [`  ${of === 'looks' ? 'looks, 12 calls each' : of}`, milliseconds(median(of, 'wall')), milliseconds(median(of, 'processor')), milliseconds(median(of, 'processor') / peers), of === 'looks' ? ratio(median('looks', 'processor'), median('handshakes', 'processor')) : '–']),
    ]));
  } finally {
    await etcd.close();
  }
}

const NOW = Date.UTC(2026, 10, 22);
const LOOK: RemoteLook = {
  server: { notBefore: NOW - 1e9, notAfter: NOW + 1e10 }, heartbeat: { value: '2026-11-21T23:59:30Z' }, config: '', synced: ['nodes', 'services', 'identities', 'ip'], counts: { nodes: 100, services: 300, identities: 2000, ip: 5000, serviceexports: 0 },
  refused: [], overreach: [], mayWrite: false,
};

function observationOf(reader: number, peer: number): Observation {
  const config = JSON.stringify({ id: peer + 1, capabilities: { syncedCanaries: true, maxConnectedClusters: 255 } });
  return {
    reader: nameOf(reader), peer: nameOf(peer), now: NOW, expected: { clusterId: peer + 1, maxConnectedClusters: 255 }, ids: new Map([[reader + 1, nameOf(reader)]]), drifted: false, agentsEntryMissing: false,
    entrySince: 0, client: LOOK.server, remote: { ...LOOK, config }, mirror: { config: config.replace('{"synced', '{"cached":true,"synced'), syncedAt: NOW - 1e6, counts: LOOK.counts, behindBefore: [] },
  };
}

type Pair = readonly [reader: number, peer: number];
const pairsOf = (clusters: number): readonly Pair[] => Array.from({ length: clusters * (clusters - 1) }, (_, index) => {
  const [reader, place] = [Math.floor(index / (clusters - 1)), index % (clusters - 1)];
  return [reader, place < reader ? place : place + 1];
});

/** Of each hundred pairs `red` are. */
const verdictOf = ([reader, peer]: Pair, red: number, question?: string): PeerVerdict => ({
  cluster: nameOf(reader), peer: nameOf(peer), since: NOW - 1e6, at: NOW, ...(question === undefined ? {} : { question }), figures: { tookMilliseconds: 30, heartbeatAgeSeconds: 30, nodes: 100, services: 300, identities: 2000, endpoints: 5000, exports: 0, serverCertificateSeconds: 1e7, clientCertificateSeconds: 1e7, mirroredNodes: 100, mirroredServices: 300 },
  ...((reader + peer) % 100 < red ? { colour: 'red', reasons: [{ code: 'NoUser', text: `https://${nameOf(peer)}.mesh.cilium.io:2379 answers: etcdserver: permission denied` }] } : { colour: 'green', reasons: [] }),
});

async function pureFigures(clusters: number, print: Print): Promise<void> {
  const pairs = pairsOf(clusters);
  const observations = pairs.map(([reader, peer]) => observationOf(reader, peer));
  const judged = await timed(() => observations.map(verdict));
  const wrong = judged.result.find(({ colour }) => colour !== 'green');
  if (wrong !== undefined) throw new Error(`bench: not green: ${JSON.stringify(wrong)}`);
  const rows: string[][] = [];
  for (const red of [0, 1, 100]) {
    const cells = pairs.map((pair): MatrixCell => {
      const { cluster: from, peer: to, question: _, ...rest } = verdictOf(pair, red);
      return { from, to, fresh: true, ...rest };
    });
    const plain = await timed(() => JSON.stringify(cells));
    const told = await timed(() => JSON.stringify(matrixOf(cells, NOW)));
    const drawn = await timed(() => drawMatrix(JSON.parse(told.result) as Matrix, NOW, { fresh: true, coloured: true }));
    rows.push([`  ${red} of 100 red`, milliseconds(plain.processor), milliseconds(told.processor), ratio(told.processor, plain.processor), `${number(told.result.length / 1024)} KiB`, milliseconds(drawn.processor), ratio(drawn.processor, plain.processor), `${drawn.result.split('\n').length - 1}`]);
  }
  print(`\n== ${pairs.length} ordered pairs of ${clusters} clusters; baseline: all cells as JSON`);
  print(`  verdicts of all of them: ${milliseconds(judged.processor)} of the processor, ${number(judged.processor * 1000 / pairs.length)} µs each`);
  print(table([['', 'baseline', 'matrix as the hub answers', '', 'size', 'read and drawn by the CLI', '', 'lines'], ...rows]));
}

/** A hub with an agent of each cluster, and the answer to `isthmus mesh verify` of all. */
async function hubFigures(clusters: number, print: Print): Promise<void> {
  const pairs = pairsOf(clusters);
  const bench = await createBench();
  const agents: ScriptedAgent[] = [];
  for (let index = 0; index < clusters; index += 1) {
    await bench.join(nameOf(index));
    agents.push(scriptedAgent(nameOf(index), index + 1));
  }
  await bench.startHub();
  for (const agent of agents) agent.connect(bench);
  await bench.clock.advance(1000);
  const tell = (question?: string): void => { for (const pair of pairs) agents[pair[0]]?.publisher.set('PeerVerdict', nameOf(pair[1]), verdictOf(pair, 1, question)); };
  const before = heapBytes();
  const heard = await timed(async () => { tell(); await bench.clock.advance(100); });
  const held = heapBytes() - before;
  const texts = pairs.reduce((sum, pair) => sum + JSON.stringify(verdictOf(pair, 1)).length, 0);
  const answer = async (name: string): Promise<Matrix> => {
    const text = (await bench.get<InquiryObject>(Inquiry, name))?.status?.answer;
    if (text === undefined) throw new Error('bench: the hub does not answer');
    return JSON.parse(text) as Matrix;
  };
  const last = await timed(async () => { await bench.create(Inquiry, 'last', { verify: {} }); await bench.clock.advance(1000); return answer('last'); });
  await bench.create(Inquiry, 'now', { verify: { fresh: true } });
  await bench.clock.advance(10);
  const [question = ''] = agents[0]?.holds('Question') ?? [];
  const fresh = await timed(async () => { tell(question); await bench.clock.advance(100); return answer('now'); });
  if (fresh.result.cells.some((cell) => !cell.fresh) || fresh.result.tally.green + fresh.result.tally.red !== pairs.length) throw new Error('bench: the answer is not whole');
  await bench.stopHub();
  print(`\n== a whole hub with agents of ${clusters} clusters in one process, ${pairs.length} verdicts; baseline: the agents tell them all once, and the hub takes them up`);
  print(table([
    ['', 'processor', 'of the baseline'],
    ['  all verdicts told', milliseconds(heard.processor), '–'],
    ['  "isthmus mesh verify", as last seen', milliseconds(last.processor), ratio(last.processor, heard.processor)],
    ['  "isthmus mesh verify --fresh", from the first new verdict to the answer', milliseconds(fresh.processor), ratio(fresh.processor, heard.processor)],
  ]));
  print(`  memory of them, at the hub and at those who tell: ${mebibytes(held)}, ${number(held / texts)} of their texts as JSON`);
}

export async function verifyFigures({ clusters, repeats }: { readonly clusters: number; readonly repeats: number }, print: Print): Promise<void> {
  await lookFigures(clusters - 1, repeats, print);
  await pureFigures(clusters, print);
  await hubFigures(clusters, print);
}
