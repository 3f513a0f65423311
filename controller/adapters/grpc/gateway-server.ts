/** The hub's gateway over gRPC. */
import type { ServerDuplexStream, ServiceError } from '@grpc/grpc-js';
import { GATEWAY_CALLERS } from '../../../mesh/api/authorization.ts';
import * as codec from '../../../mesh/api/codec/gateway.ts';
import { GatewayDefinition } from '../../../mesh/api/gen/isthmus/v1/gateway.ts';
import { HUB_TYPES } from '../../../mesh/model/sync.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { type GatewayHandler, type GatewayServer, type ServerMaterial, TransportError } from '../../../mesh/ports/transport.ts';
import type { TurnLimits } from './handshake-turns.ts';
import { callerOf } from './identity.ts';
import { createJoinLimit, DEFAULT_JOIN_LIMIT, type JoinLimit } from './join-limit.ts';
import { noteRefusals, type Refusals } from './refusals.ts';
import { serve } from './serve.ts';
import { rawService, type Served } from './service.ts';
import { toStatus } from './status.ts';
import { grpcSyncStream, offeredIn, offering } from './stream.ts';
import { logUnexpected, unary, type UnaryCall } from './unary.ts';

type Duplex = ServerDuplexStream<Uint8Array, Uint8Array>;

/** setTimeout's largest delay; a certificate that lives longer outlives no connection. */
const LONGEST_TIMEOUT_MILLISECONDS = 2_000_000_000;

/** `listen` is `host:port`; port 0 takes a free one. */
export function grpcGatewayServer(options: { readonly listen: string; readonly log: Log; readonly joinLimit?: JoinLimit; readonly turns?: TurnLimits }): GatewayServer {
  return {
    serve(handler, material, signal) {
      const refusals = noteRefusals();
      const implementation: Served<typeof GATEWAY_CALLERS> = {
        join: unary(options.log, joinMethod(handler, createJoinLimit(options.joinLimit ?? DEFAULT_JOIN_LIMIT))),
        renew: unary(options.log, async (call, cancel) => {
          const peer = callerOf(GATEWAY_CALLERS.renew, call.getAuthContext(), material().trustDomain, Date.now());
          return codec.encodeRenewResponse(await handler.renew(peer, codec.decodeRenewRequest(call.request), cancel));
        }),
        issueMeshCertificates: unary(options.log, async (call, cancel) => {
          const peer = callerOf(GATEWAY_CALLERS.issueMeshCertificates, call.getAuthContext(), material().trustDomain, Date.now());
          return codec.encodeCertificates(await handler.issueMeshCertificates(peer, codec.decodeCertificateRequests(call.request), cancel));
        }),
        sync: (call: Duplex) => { void runSync(call, handler, material, signal, options.log, refusals); },
      };
      return serve({ ...options, interceptors: [refusals.interceptor] }, rawService(GatewayDefinition), implementation, material, signal);
    },
  };
}

function joinMethod(handler: GatewayHandler, limit: (address: string, now: number) => void) {
  return async (call: UnaryCall, cancel: AbortSignal): Promise<Uint8Array> => {
    limit(call.getPeer().replace(/:\d+$/, ''), Date.now());
    return codec.encodeJoinResponse(await handler.join(codec.decodeJoinRequest(call.request), cancel));
  };
}

async function runSync(call: Duplex, handler: GatewayHandler, material: () => ServerMaterial, serverSignal: CancelSignal, log: Log, refusals: Refusals): Promise<void> {
  const cancel = new AbortController();
  // A session closes its stream before it says why: the call ends with that, below, and not with OK.
  const stream = grpcSyncStream(call, { finish: () => {} }, Promise.resolve(offeredIn(call.metadata)));
  const breakWith = (error: TransportError): void => {
    stream.fail(error);
    cancel.abort();
  };
  let refusal: TransportError | undefined;
  const refuse = (error: TransportError): void => {
    refusal ??= error;
    breakWith(error);
  };
  const stop = (): void => refuse(new TransportError('retry', 'Unreachable', 'Sync: the hub is stopping'));
  const tooLarge = (): TransportError | undefined => {
    const problem = refusals.of(call.metadata);
    return problem === undefined ? undefined : new TransportError('never', 'InvalidRequest', `Sync message: ${problem}`);
  };
  call.on('cancelled', () => breakWith(tooLarge() ?? new TransportError('retry', 'Unreachable', 'Sync: the connection broke')));
  // Once headers are sent, a call that grpc-js refuses ends like one that the agent has ended.
  call.on('end', () => {
    const problem = tooLarge();
    if (problem !== undefined) breakWith(problem);
  });
  call.on('error', () => {});
  serverSignal.addEventListener('abort', stop, { once: true });
  let expiry: NodeJS.Timeout | undefined;
  try {
    const peer = callerOf(GATEWAY_CALLERS.sync, call.getAuthContext(), material().trustDomain, Date.now());
    const expired = (): void => refuse(new TransportError('retry', 'Unauthenticated', `client certificate: expired at ${new Date(peer.notAfter).toISOString()}; connect with the renewed one`));
    expiry = setTimeout(expired, Math.min(Math.max(0, peer.notAfter - Date.now()), LONGEST_TIMEOUT_MILLISECONDS));
    if (serverSignal.aborted) stop();
    call.sendMetadata(offering(HUB_TYPES));
    await handler.sync(peer, stream, cancel.signal);
    if (refusal !== undefined) throw refusal;
    if (!call.writableEnded) call.end();
  } catch (error) {
    logUnexpected(log, call.getPath(), error);
    if (!call.writableEnded) call.emit('error', Object.assign(new Error(), toStatus(refusal ?? error)) as ServiceError);
  } finally {
    clearTimeout(expiry);
    serverSignal.removeEventListener('abort', stop);
    stream.close('handler ended');
    cancel.abort();
  }
}
