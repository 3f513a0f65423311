import { expect, it } from 'vitest';
import { deterministicSigner } from '../../certs/testing/deterministic-signer.ts';
import { seededRandom } from '../../controller/runtime/testing/fakes.ts';
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import type { SyncMessage } from '../../mesh/model/sync.ts';
import type { GatewayHandler, SyncStream } from '../../mesh/ports/transport.ts';
import { createNetwork } from './network.ts';
import type { NetworkSettings } from './fabric.ts';
import { certificates, never } from './transport-bench.ts';

const ack = (nonce: number): SyncMessage => ({ kind: 'ack', type: 'Question', nonce: String(nonce), error: '' });
const unexpected = (): never => { throw new Error('not expected to be called'); };

/** A hub that writes down what it hears and when, and an agent with one stream to it. */
async function world(seed: number, settings: Partial<NetworkSettings> = {}) {
  const clock = manualClock(0);
  const network = createNetwork(clock, seededRandom(seed), settings);
  const ours = await certificates(deterministicSigner('ours'), clock, 1);
  const trace: string[] = [];
  const listen = async (who: string, stream: SyncStream): Promise<void> => {
    try {
      for await (const message of stream.messages) trace.push(`${clock.now()} ${who} ${message.kind} ${'nonce' in message ? message.nonce : ''}`);
      trace.push(`${clock.now()} ${who} ended`);
    } catch (error) {
      trace.push(`${clock.now()} ${who} ${(error as Error).message}`);
    }
  };
  const handler: GatewayHandler = { join: unexpected, renew: () => Promise.resolve({ chainPem: 'c', bundlePem: 'b', trustDomain: 't', notAfter: 1 }), issueMeshCertificates: unexpected, sync: (_peer, stream) => listen('hub', stream) };
  const serve = (): Promise<unknown> => network.gatewayServer('hub', 8443).serve(handler, () => ours.server, never);
  await serve();
  const connection = network.hubConnector('berlin').connect('hub:8443', ours.identity('berlin'));
  const open = (): SyncStream => {
    const stream = connection.sync(never);
    void listen('berlin', stream);
    return stream;
  };
  const say = (stream: SyncStream, ...nonces: number[]): void => { void (async () => { for (const nonce of nonces) await stream.send(ack(nonce)); })().catch(() => {}); };
  return { clock, network, trace, open, say, serve, connection };
}

it('gives the same trace for the same seed, and another for another', async () => {
  const run = async (seed: number): Promise<string[]> => {
    const { clock, trace, open, say } = await world(seed, { latencyMilliseconds: { least: 1, most: 50 }, breakChance: 0.05 });
    for (let round = 0; round < 10; round += 1) {
      say(open(), 1, 2, 3, 4, 5, 6);
      await clock.advance(100);
    }
    return trace;
  };
  const first = await run(1);
  expect(first.length).toBeGreaterThan(30);
  expect(await run(1)).toEqual(first);
  expect(await run(2)).not.toEqual(first);
});

it('delivers in order, whatever each message\'s latency', async () => {
  const { clock, trace, open, say } = await world(3, { latencyMilliseconds: { least: 1, most: 500 } });
  say(open(), ...Array.from({ length: 30 }, (_, index) => index));
  await clock.advance(30_000);
  expect(trace.map((line) => Number(line.split(' ').at(-1)))).toEqual(Array.from({ length: 30 }, (_, index) => index));
});

it('delays over a short partition and breaks both ends over a long one', async () => {
  const { clock, network, trace, open, say, connection } = await world(4);
  const stream = open();
  await clock.advance(50);
  network.partition('berlin', 'hub');
  say(stream, 1);
  await clock.advance(20_000);
  expect(trace).toEqual([]);
  network.heal('hub', 'berlin');
  await clock.advance(50);
  expect(trace).toEqual(['20050 hub ack 1']);
  network.partition('hub', 'berlin');
  const renewal = connection.renew(Uint8Array.of(1), never).catch((error: unknown) => error);
  await clock.advance(39_000);
  expect(trace).toHaveLength(1);
  expect(await renewal).toMatchObject({ reason: 'Unreachable', message: 'berlin to hub: no answer within 10 s' });
  await clock.advance(2000);
  expect(trace.slice(1).map((line) => line.replace(/^\d+ /, '')).sort()).toEqual(['berlin berlin to hub: no sign of life for 40 s', 'hub berlin to hub: no sign of life for 40 s']);
  expect(network.connections).toBe(0);
});

it('breaks what a crashed host had and refuses new connections until it serves again', async () => {
  const { clock, network, trace, open, serve, connection } = await world(5);
  open();
  await clock.advance(50);
  network.crash('hub');
  await clock.advance(0);
  expect(trace).toContain('50 berlin berlin to hub: hub is gone');
  const refused = connection.renew(Uint8Array.of(1), never).catch((error: unknown) => error);
  await clock.advance(50);
  expect(await refused).toMatchObject({ reason: 'Unreachable', message: 'berlin to hub: nobody listens on hub:8443' });
  await serve();
  const renewed = connection.renew(Uint8Array.of(1), never);
  await clock.advance(50);
  expect(await renewed).toMatchObject({ trustDomain: 't' });
});
