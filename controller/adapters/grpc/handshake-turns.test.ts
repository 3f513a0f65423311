import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { handshakeTurns, type TurnLimits } from './handshake-turns.ts';

class FakeSocket extends EventEmitter {
  readableLength = 0;
  destroyed = false;
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
  speaks(): void {
    this.readableLength = 500;
    this.emit('readable');
  }
}

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

const LIMITS: TurnLimits = { atOnce: 2, waiting: 3, turnMilliseconds: 1000, silenceMilliseconds: 10_000 };

function scene(count: number) {
  const begun: number[] = [];
  const sockets = Array.from({ length: count }, () => new FakeSocket());
  const turns = handshakeTurns(LIMITS, (socket) => begun.push(sockets.indexOf(socket as unknown as FakeSocket)));
  for (const socket of sockets) turns.take(socket as unknown as Socket);
  return { begun, sockets, at: (index: number) => sockets[index]!, succeeded: (index: number) => turns.succeeded(sockets[index] as unknown as Socket) };
}

describe('turns at handshakes', () => {
  test('so many at once, the others in the order in which they spoke, as each of those before succeeds or fails', () => {
    const { begun, at, succeeded } = scene(5);
    for (const index of [4, 0, 1, 2, 3]) at(index).speaks();
    expect(begun).toEqual([4, 0]);
    succeeded(0);
    expect(begun).toEqual([4, 0, 1]);
    at(4).destroy();
    expect(begun).toEqual([4, 0, 1, 2]);
    succeeded(0);
    expect(begun).toHaveLength(4);
  });

  test('who is one too many is closed at once, and costs no handshake', () => {
    const { begun, sockets, succeeded } = scene(7);
    for (const socket of sockets) socket.speaks();
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, false, false, false, true, true]);
    for (const index of [0, 1, 2, 3, 4]) succeeded(index);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  test('who went away while it waited gets no turn, and its place is free', () => {
    const { begun, at, sockets, succeeded } = scene(6);
    for (const socket of sockets.slice(0, 5)) socket.speaks();
    at(2).destroy();
    at(5).speaks();
    expect(at(5).destroyed).toBe(false);
    for (const index of [0, 1, 3, 4, 5]) succeeded(index);
    expect(begun).toEqual([0, 1, 3, 4, 5]);
  });

  test('who answers slowly holds a turn for a second, and is not closed for it', () => {
    const { begun, at, sockets } = scene(4);
    for (const socket of sockets) socket.speaks();
    vi.advanceTimersByTime(999);
    expect(begun).toEqual([0, 1]);
    vi.advanceTimersByTime(1);
    expect(begun).toEqual([0, 1, 2, 3]);
    expect(at(0).destroyed).toBe(false);
  });

  test('who says nothing holds no turn, and is closed in the end; so is who goes away without a word', () => {
    const { begun, at } = scene(6);
    at(4).speaks();
    expect(begun).toEqual([4]);
    at(3).emit('readable');
    expect(at(3).destroyed).toBe(true);
    vi.advanceTimersByTime(9999);
    expect(at(0).destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect([0, 1, 2, 5].every((index) => at(index).destroyed)).toBe(true);
    expect(at(4).destroyed).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});
