/** A unary method on the server side. */
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { Log } from '../../../mesh/ports/log.ts';
import { TransportError } from '../../../mesh/ports/transport.ts';
import { toStatus } from './status.ts';

export type UnaryCall = ServerUnaryCall<Uint8Array, Uint8Array>;

/** Errors become statuses; a caller that went away aborts the handler's signal. */
export function unary(log: Log, method: (call: UnaryCall, cancel: AbortSignal) => Promise<Uint8Array>) {
  return (call: UnaryCall, callback: sendUnaryData<Uint8Array>): void => {
    const cancel = new AbortController();
    call.on('cancelled', () => cancel.abort());
    // Through a promise: a method that throws at once must not take the process down.
    Promise.resolve().then(() => method(call, cancel.signal)).then(
      (response) => callback(null, response),
      (error: unknown) => {
        logUnexpected(log, call.getPath(), error);
        callback(toStatus(error));
      },
    );
  };
}

/** What is no TransportError is a fault of ours: the caller learns nothing of it, the log all. */
export function logUnexpected(log: Log, path: string, error: unknown): void {
  if (!(error instanceof TransportError)) log.error({ path, error: error instanceof Error ? error.stack : String(error) }, 'call failed');
}
