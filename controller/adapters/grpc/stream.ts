/** One gRPC duplex call as a SyncStream, the same on both sides. */
import { Metadata } from '@grpc/grpc-js';
import { decodeSyncMessage, encodeSyncMessage } from '../../../mesh/api/codec/sync.ts';
import type { SyncMessage, SyncType } from '../../../mesh/model/sync.ts';
import { type SyncStream, TransportError } from '../../../mesh/ports/transport.ts';
import { SYNC_TYPES_HEADER } from './settings.ts';

export function offering(types: readonly SyncType[]): Metadata {
  const metadata = new Metadata();
  metadata.set(SYNC_TYPES_HEADER, types.join(','));
  return metadata;
}

/** None where the other side says nothing. */
export const offeredIn = (metadata: Metadata): readonly string[] => metadata.get(SYNC_TYPES_HEADER).flatMap((value) => String(value).split(','));

/** The part of grpc-js's duplex calls, client's and server's, that is used here. */
export interface DuplexCall {
  readonly writableEnded: boolean;
  on(event: 'readable' | 'end' | 'close', listener: () => void): unknown;
  read(): Uint8Array | null;
  write(chunk: Uint8Array, callback: (error?: Error | null) => void): unknown;
}

export interface StreamEnds {
  /** Ends our side; called once. */
  finish(reason: string): void;
}

export interface GrpcSyncStream extends SyncStream {
  /** The call broke: waiting and later sends reject and `messages` throws, after what had arrived was read. */
  fail(error: TransportError): void;
}

/**
 * `send` waits until the HTTP/2 stream took the bytes, which flow control delays while the other side does not read: at most one message of ours
 * is in memory. `messages` reads one by one, so the other side's window closes when nobody asks for more.
 */
export function grpcSyncStream(call: DuplexCall, ends: StreamEnds, offered?: Promise<readonly string[]>): GrpcSyncStream {
  let failure: TransportError | undefined;
  let closed = false;
  let ended = false;
  const waiting = new Set<() => void>();
  const wakeAll = (): void => { for (const wake of [...waiting]) wake(); };
  const woken = (): Promise<void> => new Promise((resolve) => {
    const wake = (): void => { waiting.delete(wake); resolve(); };
    waiting.add(wake);
  });

  call.on('readable', wakeAll);
  call.on('end', () => { ended = true; wakeAll(); });
  call.on('close', () => { ended = true; wakeAll(); });

  function fail(error: TransportError): void {
    failure ??= error;
    wakeAll();
  }

  function close(reason: string): void {
    if (closed) return;
    closed = true;
    wakeAll();
    ends.finish(reason);
  }

  async function send(message: SyncMessage): Promise<void> {
    const encoded = encodeSyncMessage(message);
    let written = false;
    if (!closed && failure === undefined && !call.writableEnded) {
      call.write(encoded, (error) => {
        if (error) failure ??= new TransportError('retry', 'Unreachable', `Sync: ${error.message}`);
        written = true;
        wakeAll();
      });
    }
    while (!written && !closed && failure === undefined && !call.writableEnded) await woken();
    if (failure !== undefined) throw failure;
    if (!written) throw new TransportError('retry', 'Cancelled', 'Sync: the stream is closed');
  }

  async function* messages(): AsyncGenerator<SyncMessage> {
    for (;;) {
      if (closed) return;
      const chunk = call.read();
      if (chunk !== null) yield decodeSyncMessage(chunk);
      else if (failure !== undefined) throw failure;
      else if (ended) return;
      else await woken();
    }
  }

  return { send, messages: { [Symbol.asyncIterator]: messages }, ...(offered === undefined ? {} : { offered }), close, fail };
}
