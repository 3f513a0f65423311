/**
 * Who may shake hands with us: so many at once, the others in the order in which they spoke, none beyond a bound. Handshakes that all go on at once all end late, and one
 * that ran into its timeout has cost as much as one that did not: a fleet that comes back after a restart would keep a busy server at work with nobody getting in.
 */
import type { Socket } from 'node:net';

export interface TurnLimits {
  readonly atOnce: number;
  /** Beyond that many a connection is closed at once; its other end comes again after its pause. */
  readonly waiting: number;
  /** A handshake that takes longer goes on, but others need not wait for it: nobody holds a turn by answering slowly. */
  readonly turnMilliseconds: number;
  /** Who has said nothing by then is closed. It holds no turn and no place. */
  readonly silenceMilliseconds: number;
}

export interface HandshakeTurns {
  /** A new connection, from which nothing has been read. */
  take(socket: Socket): void;
  /** Its handshake succeeded. Who fails is closed, which is noticed. */
  succeeded(socket: Socket): void;
}

/** `begin` shakes hands; what was read of the socket is in its buffer. */
export function handshakeTurns(limits: TurnLimits, begin: (socket: Socket) => void): HandshakeTurns {
  const inTurn = new Map<Socket, NodeJS.Timeout>();
  /** In order. */
  const waiting = new Set<Socket>();

  function next(): void {
    for (const socket of waiting) {
      if (inTurn.size >= limits.atOnce) return;
      waiting.delete(socket);
      inTurn.set(socket, setTimeout(() => pass(socket), limits.turnMilliseconds));
      begin(socket);
    }
  }

  function pass(socket: Socket): void {
    const late = inTurn.get(socket);
    if (late === undefined) return;
    clearTimeout(late);
    inTurn.delete(socket);
    next();
  }

  return {
    take(socket) {
      const silent = setTimeout(() => socket.destroy(), limits.silenceMilliseconds);
      socket.once('close', () => {
        clearTimeout(silent);
        waiting.delete(socket);
        pass(socket);
      });
      socket.once('readable', () => {
        clearTimeout(silent);
        // Without a byte: its other end went away.
        if (socket.readableLength === 0 || waiting.size >= limits.waiting) {
          socket.destroy();
          return;
        }
        waiting.add(socket);
        next();
      });
    },
    succeeded: pass,
  };
}
