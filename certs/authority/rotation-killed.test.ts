/** Hubs that die in a rotation, and hubs that give orders at once. */
import { describe, expect, test } from 'vitest';
import { hubs, order, refusal, seen } from '../../e2e/identity/rotating.ts';
import { memoryKeyStore } from '../testing/memory-key-store.ts';
import type { Authority } from './authority.ts';
import type { KeyStore } from './document.ts';

const signal = new AbortController().signal;

describe('a hub that dies', () => {
  /** Dies at a write: before it reached the store, or after. */
  function dying(keys: KeyStore, when: 'before' | 'after'): KeyStore & { armed: boolean } {
    const store = {
      armed: false,
      load: keys.load.bind(keys),
      async save(content: string, version: string | undefined, within: typeof signal) {
        if (!store.armed) return keys.save(content, version, within);
        if (when === 'after') await keys.save(content, version, within);
        throw new Error('killed');
      },
    };
    return store;
  }
  test.each(['before', 'after'] as const)('%s a write: the next hub goes on from a whole state, and the same orders lead to the same end', async (when) => {
    const orders: readonly ((authority: Authority) => Promise<unknown>)[] = [
      (authority) => authority.begin(order('r1', 'Root'), signal),
      ...(['UpdateClients', 'UpdateServers'] as const).map((phase) => (authority: Authority) => authority.move('r1', phase, signal)),
      (authority) => authority.rollBack('r1', signal),
      ...(['UpdateServers', 'Cleanup', 'Standby'] as const).map((phase) => (authority: Authority) => authority.move('r1', phase, signal)),
    ];
    const keys = memoryKeyStore();
    for (const [index, give] of orders.entries()) {
      const store = dying(keys, when);
      const [first, second] = [hubs(1, store).authorities[0]!, hubs(1, keys).authorities[0]!];
      await first.open(signal);
      const before = first.state();
      store.armed = true;
      expect(await refusal(give(first))).toBe('Error: killed');
      // Whoever died had promised nothing: what it holds is what was stored before.
      expect(first.state()).toEqual(before);
      await second.open(signal);
      if (when === 'before') expect(second.state()).toEqual(before);
      else expect(second.state(), `order ${index}`).not.toEqual(before);
      await give(second);
      const after = second.state();
      await give(second);
      expect(second.state()).toEqual(after);
    }
    const third = hubs(1, keys).authorities[0]!;
    await third.open(signal);
    expect(seen(third)).toMatchObject({ phase: 'Standby', trusted: [1], sequence: 3 });
  });

  test('of two that give different orders at once, one wins and the other is told', async () => {
    for (let round = 0; round < 20; round++) {
      const { authorities: [first, second], keys } = hubs(2);
      await Promise.all([first!.open(signal), second!.open(signal)]);
      const results = await Promise.all([refusal(first!.begin(order('a', 'Root'), signal)), refusal(second!.begin(order('b', 'Issuing'), signal)), refusal(first!.begin(order('a', 'Root'), signal))]);
      expect(results.filter((result) => result === 'done').length).toBeGreaterThan(0);
      expect(results.filter((result) => /wait until it is done/.test(result)).length).toBe(results.filter((result) => result !== 'done').length);
      await Promise.all([first!.open(signal), second!.open(signal)]);
      expect(first!.state()).toEqual(second!.state());
      expect(keys.load).toBeDefined();
    }
  });
});
