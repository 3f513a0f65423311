/** An agent's way to the hub over gRPC. */
import type { Client, Metadata, ServiceError } from '@grpc/grpc-js';
import { spiffeIdOfHub } from '../../../certs/index.ts';
import * as codec from '../../../mesh/api/codec/gateway.ts';
import { GatewayDefinition } from '../../../mesh/api/gen/isthmus/v1/gateway.ts';
import { AGENT_TYPES } from '../../../mesh/model/sync.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type HubConnection, type HubConnector, type IdentityMaterial, type SyncStream, TransportError } from '../../../mesh/ports/transport.ts';
import { callUnary, createClient } from './client.ts';
import { rawService } from './service.ts';
import { SYNC_ANSWER_MILLISECONDS, UNARY_DEADLINE_MILLISECONDS } from './settings.ts';
import { fromStatus } from './status.ts';
import { grpcSyncStream, offeredIn, offering } from './stream.ts';

const methods = rawService(GatewayDefinition);

/** How long the hub may take to end a stream that we have ended, before we cancel it. */
const GOODBYE_MILLISECONDS = 1000;

export function grpcHubConnector(): HubConnector {
  return {
    async join(target, request, signal) {
      const client = createClient({ address: target.address, serverId: spiffeIdOfHub(target.trustDomain), bundlePem: target.caPem });
      try {
        return codec.decodeJoinResponse(await callUnary(client, target.address, methods.join, codec.encodeJoinRequest(request), UNARY_DEADLINE_MILLISECONDS, signal));
      } finally {
        client.close();
      }
    },
    connect: (address, identity) => hubConnection(address, identity),
  };
}

function hubConnection(address: string, identity: IdentityMaterial): HubConnection {
  const dial = (): Client => createClient({ ...identity, address, serverId: spiffeIdOfHub(identity.trustDomain) });
  let client = dial();
  let closed = false;
  /** grpc-js never gives up on a handshake: what comes after would wait for the same answer. */
  const dialAnew = (silent: Client): void => {
    if (closed || client !== silent) return;
    client = dial();
    silent.close();
  };
  const streams = new Set<SyncStream>();
  return {
    async renew(csrDer, signal) {
      return codec.decodeRenewResponse(await callUnary(client, address, methods.renew, codec.encodeRenewRequest(csrDer), UNARY_DEADLINE_MILLISECONDS, signal));
    },
    async issueMeshCertificates(requests, signal) {
      return codec.decodeCertificates(await callUnary(client, address, methods.issueMeshCertificates, codec.encodeCertificateRequests(requests), UNARY_DEADLINE_MILLISECONDS, signal));
    },
    sync(signal) {
      const used = client;
      const stream = openSync(used, address, signal, { gone: () => streams.delete(stream), silent: () => dialAnew(used) });
      streams.add(stream);
      return stream;
    },
    close() {
      closed = true;
      for (const stream of [...streams]) stream.close('connection closed');
      client.close();
    },
  };
}

function openSync(client: Client, address: string, signal: CancelSignal, { gone, silent }: { gone(): void; silent(): void }): SyncStream {
  const { path, requestSerialize, responseDeserialize } = methods.sync;
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, offering(AGENT_TYPES));
  const patience = setTimeout(() => {
    stream.fail(new TransportError('retry', 'Unreachable', `${address}: said nothing within ${SYNC_ANSWER_MILLISECONDS / 1000} s of being dialled`));
    call.cancel();
    silent();
  }, SYNC_ANSWER_MILLISECONDS);
  // gRPC's initial metadata: comes before the hub's first message, with or without the header.
  const offered = new Promise<readonly string[]>((resolve) => {
    call.on('metadata', (headers: Metadata) => {
      clearTimeout(patience);
      resolve(offeredIn(headers));
    });
  });
  let goodbye: NodeJS.Timeout | undefined;
  const stream = grpcSyncStream(call, {
    finish() {
      call.end();
      // What is unread is not wanted any more; reading on lets the hub's last words pass.
      call.resume();
      goodbye = setTimeout(() => call.cancel(), GOODBYE_MILLISECONDS);
    },
  }, offered);
  const cancel = (): void => {
    stream.fail(new TransportError('retry', 'Cancelled', 'Sync: cancelled'));
    call.cancel();
  };
  call.on('error', (error: ServiceError) => stream.fail(fromStatus(address, error)));
  call.on('status', () => {
    clearTimeout(goodbye);
    clearTimeout(patience);
    signal.removeEventListener('abort', cancel);
    gone();
  });
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  return stream;
}
