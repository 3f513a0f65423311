/** What an agent answers to other agents, over gRPC. */
import { PEER_CALLERS } from '../../../mesh/api/authorization.ts';
import { encodePeerFacts } from '../../../mesh/api/codec/peer.ts';
import { PeerDefinition } from '../../../mesh/api/gen/isthmus/v1/peer.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { PeerServer } from '../../../mesh/ports/transport.ts';
import { callerOf } from './identity.ts';
import { serve } from './serve.ts';
import { rawService, type Served } from './service.ts';
import { unary } from './unary.ts';

/** `listen` is `host:port`; port 0 takes a free one. */
export function grpcPeerServer(options: { readonly listen: string; readonly log: Log }): PeerServer {
  return {
    serve(handler, identity, signal) {
      const implementation: Served<typeof PEER_CALLERS> = {
        facts: unary(options.log, async (call) => encodePeerFacts(await handler.facts(callerOf(PEER_CALLERS.facts, call.getAuthContext(), identity().trustDomain, Date.now())))),
      };
      return serve(options, rawService(PeerDefinition), implementation, identity, signal);
    },
  };
}
