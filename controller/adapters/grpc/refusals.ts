/** What grpc-js refuses of a call by itself, before any of our code sees it: a message larger than allowed. The handler hears of nothing but a broken call, and asks here. */
import { type Metadata, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';

export interface Refusals {
  readonly interceptor: ServerInterceptor;
  /** By the metadata that the call came with; undefined: nothing was refused. */
  of(metadata: Metadata): string | undefined;
}

export function noteRefusals(): Refusals {
  const refused = new WeakMap<Metadata, string>();
  return {
    interceptor(_method, call) {
      let metadata: Metadata | undefined;
      const send = call.sendStatus.bind(call);
      // What our own code answers carries metadata: its reason.
      call.sendStatus = (given) => {
        if (metadata !== undefined && given.code === status.RESOURCE_EXHAUSTED && given.metadata == null) refused.set(metadata, given.details ?? '');
        send(given);
      };
      return new ServerInterceptingCall(call, {
        start(next) {
          next({
            onReceiveMetadata(given, pass) {
              metadata = given;
              pass(given);
            },
          });
        },
      });
    },
    of: (metadata) => refused.get(metadata),
  };
}
