/** Whoever is refused for who it is (revoked, no member, speaking for another) gets the answer and then loses the connection: nobody keeps one that no call may use. */
import type { Socket } from 'node:net';
import { ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';

/** For the answer to arrive, and for others that are on their way. */
const LAST_WORDS_MILLISECONDS = 1000;

export interface HangUp {
  readonly interceptor: ServerInterceptor;
  /** Of every connection, when it comes. */
  watch(socket: Socket): void;
}

export function hangUpOnRefused(): HangUp {
  /** By what grpc-js calls its other end. */
  const sockets = new Map<string, Socket>();

  function hangUp(peer: string): void {
    const socket = sockets.get(peer);
    if (socket === undefined) return;
    sockets.delete(peer);
    const late = setTimeout(() => socket.destroy(), LAST_WORDS_MILLISECONDS);
    socket.once('close', () => clearTimeout(late));
  }

  return {
    interceptor(_method, call) {
      const send = call.sendStatus.bind(call);
      call.sendStatus = (given) => {
        send(given);
        if (given.code === status.PERMISSION_DENIED) hangUp(call.getPeer());
      };
      return new ServerInterceptingCall(call);
    },
    watch(socket) {
      const { remoteAddress, remotePort } = socket;
      if (remoteAddress === undefined) return;
      const peer = `${remoteAddress}:${remotePort}`;
      sockets.set(peer, socket);
      socket.once('close', () => { if (sockets.get(peer) === socket) sockets.delete(peer); });
    },
  };
}
