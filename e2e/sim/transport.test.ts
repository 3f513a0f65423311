/** One contract for both transports: gRPC on loopback, and the simulated network in virtual time. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { createPublisher } from '../../controller/runtime/sync/publisher.ts';
import { runSyncSession } from '../../controller/runtime/sync/session.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import { HUB_TYPES, type SyncMessage, type SyncResource } from '../../mesh/model/sync.ts';
import { type GatewayHandler, type PeerFacts, type PeerIdentity, type ServerMaterial, type SyncStream, TransportError } from '../../mesh/ports/transport.ts';
import { type Bench, grpcBench, never, simulatedBench } from './transport-bench.ts';

const unexpected = (): never => { throw new Error('not expected to be called'); };
const issued = { chainPem: 'chain', bundlePem: 'bundle', trustDomain: 'mesh.test', notAfter: 1_900_000_000_000 };
const facts = (cluster: string): PeerFacts => ({ cluster, exports: [], reachability: [{ cluster: 'virginia', reachable: false, since: 5 }] });

describe.each([['gRPC', grpcBench], ['simulated', simulatedBench]] as const)('%s transport', (kind, makeBench) => {
  let bench: Bench;
  beforeAll(async () => { bench = await makeBench(); });
  afterAll(() => bench.stop());

  async function gateway(handler: Partial<GatewayHandler>, material: () => ServerMaterial = () => bench.ours.server): Promise<{ address: string; stop: () => void }> {
    const stop = new AbortController();
    const complete: GatewayHandler = { join: unexpected, renew: unexpected, issueMeshCertificates: unexpected, sync: unexpected, ...handler };
    const { address } = await bench.gatewayServer().serve(complete, material, stop.signal);
    onTestFinished(() => stop.abort());
    return { address, stop: () => stop.abort() };
  }

  function connect(address: string, identity = bench.ours.identity('berlin')) {
    const connection = bench.hubConnector().connect(address, identity);
    onTestFinished(() => connection.close());
    return connection;
  }

  const joinTarget = (address: string, trustDomain = 'mesh.test', caPem = bench.ours.server.bundlePem) => ({ address, trustDomain, caPem });
  const joinRequest = { cluster: 'berlin', secret: Uint8Array.of(1, 2, 3), csrDer: Uint8Array.of(4, 5) };
  const refusal = async (call: Promise<unknown>): Promise<TransportError> => {
    const error = await call.then(() => undefined, (problem: unknown) => problem);
    expect(error).toBeInstanceOf(TransportError);
    return error as TransportError;
  };
  const eventually = async (holds: () => boolean): Promise<void> => {
    for (let attempt = 0; attempt < 3000 && !holds(); attempt += 1) await bench.clock.sleepUntil(bench.clock.now() + 10, never);
    expect(holds()).toBe(true);
  };
  /** A handler that does nothing until its signal aborts. */
  const waiting = () => {
    const seen = { begun: false, aborted: false };
    const sync: GatewayHandler['sync'] = (_peer, _stream, signal) => new Promise((resolve) => {
      seen.begun = true;
      signal.addEventListener('abort', () => { seen.aborted = true; resolve(); });
    });
    return { seen, sync };
  };
  const drain = async (stream: SyncStream): Promise<SyncMessage[]> => {
    const seen: SyncMessage[] = [];
    for await (const message of stream.messages) seen.push(message);
    return seen;
  };

  it('joins without a client certificate', async () => {
    const seen: unknown[] = [];
    const { address } = await gateway({ join: (request) => { seen.push({ ...request, secret: [...request.secret], csrDer: [...request.csrDer] }); return Promise.resolve(issued); } });
    expect(await bench.hubConnector().join(joinTarget(address), joinRequest, never)).toEqual(issued);
    expect(seen).toEqual([{ cluster: 'berlin', secret: [1, 2, 3], csrDer: [4, 5] }]);
  });

  it('carries a refusal with its reason, advice and text', async () => {
    let used = false;
    const { address } = await gateway({
      join: () => {
        if (used) return Promise.reject(new TransportError('user', 'TokenUsed', 'token of cluster "berlin" was used at 10:15 – make a new one with "isthmus join berlin"'));
        used = true;
        return Promise.resolve(issued);
      },
    });
    const connector = bench.hubConnector();
    await connector.join(joinTarget(address), joinRequest, never);
    expect(await refusal(connector.join(joinTarget(address), joinRequest, never))).toMatchObject({
      reason: 'TokenUsed', advice: 'user', message: 'token of cluster "berlin" was used at 10:15 – make a new one with "isthmus join berlin"',
    });
  });

  it('keeps the text of unexpected failures to itself', async () => {
    const { address } = await gateway({ join: () => Promise.reject(new Error('password is hunter2')) });
    const error = await refusal(bench.hubConnector().join(joinTarget(address), joinRequest, never));
    expect(error.reason).toBe('Unreachable');
    expect(error.message).not.toContain('hunter2');
  });

  it('takes the cluster from the certificate alone', async () => {
    const seen: PeerIdentity[] = [];
    const { address } = await gateway({
      renew: (peer) => { seen.push(peer); return Promise.resolve(issued); },
      issueMeshCertificates: (peer, requests) => {
        seen.push(peer);
        return Promise.resolve(requests.map(({ role }) => ({ role, chainPem: 'c', bundlePem: 'b', notAfter: 7 })));
      },
    });
    const connection = connect(address);
    expect(await connection.renew(Uint8Array.of(9), never)).toEqual(issued);
    expect(await connection.issueMeshCertificates([{ role: 'server', csrDer: Uint8Array.of(1) }, { role: 'remote', csrDer: Uint8Array.of(2) }], never)).toMatchObject([{ role: 'server' }, { role: 'remote' }]);
    expect(seen).toMatchObject([{ cluster: 'berlin', spiffeId: 'spiffe://mesh.test/cluster/berlin' }, { cluster: 'berlin' }]);
    expect(seen[0]?.certificateSerial).toMatch(/^[0-9A-F]+$/);
  });

  it('refuses what is out of bounds, naming the field', async () => {
    const { address } = await gateway({});
    expect(await refusal(connect(address).renew(new Uint8Array(20_000), never))).toMatchObject({ reason: 'InvalidRequest', advice: 'never', message: expect.stringContaining('csr: has 20000 bytes') as string });
  });

  it.each([
    ['expired', () => bench.ours.identity('berlin', -60), /expired|not issued/],
    ['foreign', () => ({ ...bench.foreign.identity('berlin'), bundlePem: bench.ours.server.bundlePem }), /not issued by a root/],
  ])('refuses an agent whose certificate is %s', async (_name, identity, text) => {
    const { address } = await gateway({});
    const connection = connect(address, identity());
    for (const error of [await refusal(connection.renew(Uint8Array.of(1), never)), await refusal(drain(connection.sync(never)))]) {
      expect(error.reason).toBe('Unauthenticated');
      expect(error.message).toMatch(text);
    }
  });

  it('refuses a hub of a foreign authority, and one that is an agent', async () => {
    const foreign = await gateway({}, () => bench.foreign.server);
    expect((await refusal(bench.hubConnector().join(joinTarget(foreign.address), joinRequest, never))).reason).toBe('Unauthenticated');
    const agent = await gateway({}, () => bench.ours.identity('oslo'));
    const error = await refusal(connect(agent.address).renew(Uint8Array.of(1), never));
    expect(error.reason).toBe('Unauthenticated');
    expect(error.message).toContain('spiffe://mesh.test/hub');
  });

  it('reports a hub that is not there as unreachable', async () => {
    const { address, stop } = await gateway({});
    stop();
    await bench.clock.sleepUntil(bench.clock.now() + 700, never);
    expect(await refusal(connect(address).renew(Uint8Array.of(1), never))).toMatchObject({ reason: 'Unreachable', advice: 'retry' });
  });

  it('aborts the handler of a cancelled call', async () => {
    let [begun, aborted] = [false, false];
    const { address } = await gateway({
      renew: (_peer, _csr, signal) => new Promise((_resolve, reject) => {
        begun = true;
        signal.addEventListener('abort', () => { aborted = true; reject(new Error('gone')); });
      }),
    });
    const cancel = new AbortController();
    const call = refusal(connect(address).renew(Uint8Array.of(1), cancel.signal));
    await eventually(() => begun);
    cancel.abort();
    expect((await call).reason).toBe('Cancelled');
    await eventually(() => aborted);
  });

  it('synchronises both ways over one stream', async () => {
    const hub = createPublisher(sha256Hex);
    const agent = createPublisher(sha256Hex);
    const atHub: SyncResource[] = [];
    const atAgent: SyncResource[] = [];
    const { address } = await gateway({
      sync: (_peer, stream, signal) => runSyncSession({
        stream, publisher: hub, publishes: ['PeerAddress'], subscribes: ['Answer'], known: () => ({}), log: silentLog,
        receive: (_type, resources) => { atHub.push(...resources); return ''; },
      }, signal),
    });
    hub.set('PeerAddress', 'oslo', { cluster: 'oslo', address: 'oslo:1' });
    agent.set('Answer', 'q1', { id: 'q1', lines: ['because'], records: [], rcode: 'NOERROR' });
    const stop = new AbortController();
    const session = runSyncSession({
      stream: connect(address).sync(never), publisher: agent, publishes: ['Answer'], subscribes: ['PeerAddress'], known: () => ({}), log: silentLog,
      receive: (_type, resources) => { atAgent.push(...resources); return ''; },
    }, stop.signal);
    await eventually(() => atHub.length === 1 && atAgent.length === 1);
    hub.set('PeerAddress', 'oslo', { cluster: 'oslo', address: 'oslo:2' });
    await eventually(() => atAgent.length === 2);
    expect(atAgent.map(({ value }) => value)).toEqual([{ cluster: 'oslo', address: 'oslo:1' }, { cluster: 'oslo', address: 'oslo:2' }]);
    expect(atHub.map(({ value }) => value)).toEqual([{ id: 'q1', lines: ['because'], records: [], rcode: 'NOERROR' }]);
    stop.abort();
    await session;
  });

  it('lets an agent hear which types the hub publishes, before its first message', async () => {
    const { address } = await gateway({ async sync(_peer, stream) { await stream.send({ kind: 'subscribe', type: 'Answer', known: {} }); stream.close('said'); } });
    const stream = connect(address).sync(never);
    let heard: readonly string[] = [];
    void stream.offered?.then((types) => { heard = types; });
    expect(await drain(stream)).toHaveLength(1);
    expect(heard).toEqual([...HUB_TYPES]);
  });

  const big = (nonce: number): SyncMessage => ({
    kind: 'delta', type: 'DesiredRevision', nonce: String(nonce), removed: [],
    resources: [{ name: 'berlin', version: 'v', value: { id: 'i', cluster: 'berlin', content: 'x'.repeat(256 * 1024) } }],
  });
  const COUNT = 120;

  it.each(['hub', 'agent'])('makes the sender wait for a reader that stalls (sender: %s)', async (sender) => {
    let sent = 0;
    let release = (): void => {};
    const reading = new Promise<void>((resolve) => { release = resolve; });
    const received: SyncMessage[] = [];
    const write = async (stream: SyncStream): Promise<void> => {
      for (; sent < COUNT; sent += 1) await stream.send(big(sent + 1));
      stream.close('all sent');
    };
    const read = async (stream: SyncStream): Promise<void> => {
      await reading;
      for await (const message of stream.messages) received.push(message);
    };
    let atHub: Promise<void> = Promise.resolve();
    const { address } = await gateway({ sync: (_peer, stream) => (atHub = sender === 'hub' ? write(stream) : read(stream)) });
    const stream = connect(address).sync(never);
    const atAgent = sender === 'hub' ? read(stream) : write(stream);
    await eventually(() => sent > 0);
    let before = -1;
    while (before !== sent) {
      before = sent;
      await bench.clock.sleepUntil(bench.clock.now() + 400, never);
    }
    // 40 × 256 KiB: what sockets, HTTP/2 windows and the reader's own queue may hold; without back-pressure all 120 would be gone at once.
    expect(sent).toBeLessThan(40);
    release();
    await eventually(() => sent === COUNT);
    await Promise.all([atAgent, atHub]);
    if (sender === 'hub') expect(received).toHaveLength(COUNT);
    expect((received.at(-1) as { nonce: string } | undefined)?.nonce).toBe(String(received.length));
  });

  it('ends the agent\'s stream when the hub stops, and rejects further sends', async () => {
    const { sync, seen } = waiting();
    const { address, stop } = await gateway({ sync });
    const stream = connect(address).sync(never);
    await stream.send({ kind: 'subscribe', type: 'Question', known: {} });
    await eventually(() => seen.begun);
    stop();
    expect(await refusal(drain(stream))).toMatchObject({ reason: 'Unreachable', advice: 'retry' });
    await expect(stream.send({ kind: 'ack', type: 'Question', nonce: '1', error: '' })).rejects.toBeInstanceOf(TransportError);
    await eventually(() => seen.aborted);
  });

  it('ends the hub\'s stream when the agent closes it', async () => {
    let ended = false;
    const { address } = await gateway({ sync: async (_peer, stream) => { await drain(stream); ended = true; } });
    const stream = connect(address).sync(never);
    await stream.send({ kind: 'subscribe', type: 'Question', known: {} });
    stream.close('enough');
    await eventually(() => ended);
    expect(await drain(stream)).toEqual([]);
    await expect(stream.send({ kind: 'ack', type: 'Question', nonce: '1', error: '' })).rejects.toBeInstanceOf(TransportError);
  });

  it('breaks the stream at both ends when its signal aborts', async () => {
    const { sync, seen } = waiting();
    const { address } = await gateway({ sync });
    const cancel = new AbortController();
    const stream = connect(address).sync(cancel.signal);
    await eventually(() => seen.begun);
    cancel.abort();
    expect((await refusal(drain(stream))).reason).toBe('Cancelled');
    await eventually(() => seen.aborted);
  });

  it('ends a stream when the agent\'s certificate expires', async () => {
    const { address } = await gateway({ sync: waiting().sync });
    const started = bench.clock.now();
    const error = await refusal(drain(connect(address, bench.ours.identity('berlin', 3)).sync(never)));
    expect(error).toMatchObject({ reason: 'Unauthenticated', advice: 'retry' });
    expect(error.message).toContain('expired');
    expect(bench.clock.now() - started).toBeLessThan(kind === 'gRPC' ? 15_000 : 3100);
  });

  it('tells the hub\'s refusal of a stream to the agent', async () => {
    const { address } = await gateway({ sync: () => Promise.reject(new TransportError('user', 'PermissionDenied', 'cluster "berlin" was removed')) });
    expect(await refusal(drain(connect(address).sync(never)))).toMatchObject({ reason: 'PermissionDenied', advice: 'user', message: 'cluster "berlin" was removed' });
  });

  it('lets agents ask each other, each sure of the other', async () => {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const oslo = bench.ours.identity('oslo');
    const berlin = bench.ours.identity('berlin');
    const asked: string[] = [];
    const { address } = await bench.peerServer().serve({ facts: (peer) => { asked.push(peer.cluster); return Promise.resolve(facts('oslo')); } }, () => oslo, stop.signal);
    const peers = bench.peerConnector();
    expect(await peers.facts({ cluster: 'oslo', address }, berlin, never)).toEqual(facts('oslo'));
    expect(await peers.facts({ cluster: 'oslo', address }, berlin, never)).toEqual(facts('oslo'));
    expect(asked).toEqual(['berlin', 'berlin']);
    const error = await refusal(peers.facts({ cluster: 'virginia', address }, berlin, never));
    expect(error.reason).toBe('Unauthenticated');
    expect(error.message).toContain('spiffe://mesh.test/cluster/virginia');
    expect((await refusal(peers.facts({ cluster: 'oslo', address }, { ...bench.foreign.identity('berlin'), bundlePem: berlin.bundlePem }, never))).reason).toBe('Unauthenticated');
    expect(asked).toHaveLength(2);
  });

  it('gives up on a peer that does not answer within two seconds', async () => {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const oslo = bench.ours.identity('oslo');
    const { address } = await bench.peerServer().serve({ facts: () => new Promise(() => {}) }, () => oslo, stop.signal);
    const started = bench.clock.now();
    expect((await refusal(bench.peerConnector().facts({ cluster: 'oslo', address }, bench.ours.identity('berlin'), never))).reason).toBe('Unreachable');
    expect(bench.clock.now() - started).toBeLessThan(kind === 'gRPC' ? 15_000 : 2100);
  });
});
