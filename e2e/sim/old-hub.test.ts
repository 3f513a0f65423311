/** An agent of today at a hub of before `Bundle`, over gRPC: the hub sends no header, and ends the stream of whoever asks for a type that it does not know. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { expect, it, onTestFinished } from 'vitest';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { serve } from '../../controller/adapters/grpc/serve.ts';
import { rawService } from '../../controller/adapters/grpc/service.ts';
import { toStatus } from '../../controller/adapters/grpc/status.ts';
import { grpcSyncStream } from '../../controller/adapters/grpc/stream.ts';
import { systemClock } from '../../controller/adapters/clock.ts';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { createPublisher } from '../../controller/runtime/sync/publisher.ts';
import { runSyncSession } from '../../controller/runtime/sync/session.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import { GatewayDefinition } from '../../mesh/api/gen/isthmus/v1/gateway.ts';
import { AGENT_TYPES, HUB_TYPES, LATER_TYPES, type SyncType } from '../../mesh/model/sync.ts';
import { type SyncStream, TransportError } from '../../mesh/ports/transport.ts';
import { certificates, never } from './transport-bench.ts';

const OLD_TYPES = HUB_TYPES.filter((type) => !LATER_TYPES.includes(type));

/** What its codec made of a type that is not in its table. */
function withOldTable(stream: SyncStream): SyncStream {
  async function* messages() {
    for await (const message of stream.messages) {
      if (message.kind === 'unknown' || (message.kind !== 'refusal' && LATER_TYPES.includes(message.type))) throw new TransportError('never', 'InvalidRequest', 'subscribe.type: "UNRECOGNIZED" is none of DesiredRevision');
      yield message;
    }
  }
  return { ...stream, messages: messages() };
}

it('an agent syncs with a hub that knows no bundles, and asks it for none', async () => {
  const ours = await certificates(p256Signer, systemClock, 1);
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const publisher = createPublisher(sha256Hex);
  publisher.set('PeerAddress', 'oslo', { cluster: 'oslo', address: 'oslo:1' });
  const asked: string[] = [];
  const broken: unknown[] = [];
  const { address } = await serve({ listen: '127.0.0.1:0', log: silentLog }, rawService(GatewayDefinition), {
    async sync(call: ServerDuplexStream<Uint8Array, Uint8Array>) {
      call.on('error', () => {});
      try {
        await runSyncSession({
          stream: withOldTable(grpcSyncStream(call, { finish: () => call.end() })), publisher, publishes: OLD_TYPES, subscribes: AGENT_TYPES,
          known: () => ({}), log: silentLog, receive: () => '',
        }, stop.signal);
      } catch (error) {
        broken.push(error);
        call.emit('error', Object.assign(new Error(), toStatus(error)));
      }
    },
  }, () => ours.server, stop.signal);
  const connection = grpcHubConnector().connect(address, ours.identity('berlin'));
  onTestFinished(() => connection.close());
  let upToDate = (): void => {};
  const received = new Set<SyncType>();
  const whenUpToDate = new Promise<void>((resolve) => { upToDate = resolve; });
  const session = runSyncSession({
    stream: connection.sync(never), publisher: createPublisher(sha256Hex), publishes: AGENT_TYPES, subscribes: HUB_TYPES, log: silentLog,
    known: (type) => { asked.push(type); return {}; },
    receive(type) {
      received.add(type);
      if (received.size === OLD_TYPES.length) upToDate();
      return '';
    },
  }, stop.signal);
  await Promise.race([whenUpToDate, session]);
  // A round trip more: what would be asked for late had its time.
  await new Promise((resolve) => { setTimeout(resolve, 100); });
  expect([[...received].sort(), asked, broken]).toEqual([[...OLD_TYPES].sort(), OLD_TYPES, []]);
  stop.abort();
  await session;
});
