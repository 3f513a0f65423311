/** Sync sessions over a network that delays, parts and breaks connections, against the dumbest twin there is: two maps that must end up equal. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { createPublisher, type Publisher } from '../../controller/runtime/sync/publisher.ts';
import { runSyncSession } from '../../controller/runtime/sync/session.ts';
import { seededRandom, silentLog } from '../../controller/runtime/testing/fakes.ts';
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import type { SyncType } from '../../mesh/model/sync.ts';
import { TransportError, type SyncStream } from '../../mesh/ports/transport.ts';
import { DEFAULT_NETWORK, Fabric } from './fabric.ts';
import { streamOver } from './stream.ts';

type Side = 'hub' | 'agent';
type Command =
  | { readonly kind: 'set'; readonly side: Side; readonly name: string; readonly value: number }
  | { readonly kind: 'remove'; readonly side: Side; readonly name: string }
  | { readonly kind: 'break' }
  | { readonly kind: 'part' }
  | { readonly kind: 'heal' }
  | { readonly kind: 'wait'; readonly milliseconds: number };

const side = fc.constantFrom<Side>('hub', 'agent');
const name = fc.constantFrom('a', 'b', 'c', 'd');
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), side, name, value: fc.integer({ min: 0, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), side, name }) },
  { weight: 1, arbitrary: fc.constantFrom<Command>({ kind: 'break' }, { kind: 'part' }, { kind: 'heal' }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.integer({ min: 0, max: 60 }) }) },
);

/** Refused by the receiver, in every version of the test. */
const REFUSED = 3;

/** One side: what it publishes, and what it holds of the other's. */
function party(publishes: SyncType, subscribes: SyncType) {
  const publisher: Publisher = createPublisher(sha256Hex);
  const held = new Map<string, { version: string; value: number }>();
  /** What came last of each name on the open stream, where it was refused: it may not come twice in a row. */
  let refused = new Map<string, string>();
  const repeated: string[] = [];
  const run = (stream: SyncStream, signal: AbortSignal): Promise<void> => {
    refused = new Map();
    return runSyncSession({
      stream, publisher, publishes: [publishes], subscribes: [subscribes], log: silentLog,
      known: () => Object.fromEntries([...held].map(([key, { version }]) => [key, version])),
      receive(_type, resources, removed) {
        const problems: string[] = [];
        for (const { name: key, version, value } of resources) {
          const number = Number((value as { rcode?: string }).rcode ?? (value as { address: string }).address);
          if (number === REFUSED) {
            if (refused.get(key) === version) repeated.push(key);
            refused.set(key, version);
            problems.push(`${key}: refused`);
          } else {
            refused.delete(key);
            held.set(key, { version, value: number });
          }
        }
        for (const key of removed) {
          refused.delete(key);
          held.delete(key);
        }
        return problems.join('; ');
      },
    }, signal);
  };
  return { publisher, held, repeated, run };
}

it('any interleaving of changes, partitions, breaks and reconnects ends in equal sets', async () => {
  await fc.assert(fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), fc.integer(), fc.double({ min: 0, max: 0.2, noNaN: true }), async (commands, seed, breakChance) => {
    const clock = manualClock(0);
    let calm = false;
    const fabric = new Fabric(clock, seededRandom(seed), {
      ...DEFAULT_NETWORK, latencyMilliseconds: { least: 1, most: 30 }, silenceSeconds: 1, get breakChance() { return calm ? 0 : breakChance; },
    });
    const hub = party('PeerAddress', 'Answer');
    const agent = party('Answer', 'PeerAddress');
    const twin = { hub: new Map<string, number>(), agent: new Map<string, number>() };
    const stop = new AbortController();

    const connecting = (async () => {
      while (!stop.signal.aborted) {
        const link = fabric.open('berlin', 'hub');
        const { client, server } = streamOver(fabric, link);
        await Promise.allSettled([hub.run(server, stop.signal), agent.run(client, stop.signal)]);
        await clock.sleepUntil(clock.now() + 20, stop.signal);
      }
    })();

    for (const step of commands) {
      if (step.kind === 'wait') await clock.advance(step.milliseconds);
      else if (step.kind === 'break') for (const link of [...fabric.links]) fabric.close(link, new TransportError('retry', 'Unreachable', 'broken'));
      else if (step.kind === 'part') fabric.partition('hub', 'berlin');
      else if (step.kind === 'heal') fabric.heal('hub', 'berlin');
      else {
        const { publisher } = step.side === 'hub' ? hub : agent;
        const type = step.side === 'hub' ? 'PeerAddress' : 'Answer';
        if (step.kind === 'remove') {
          publisher.remove(type, step.name);
          twin[step.side].delete(step.name);
        } else {
          if (step.side === 'hub') publisher.set('PeerAddress', step.name, { cluster: step.name, address: String(step.value) });
          else publisher.set('Answer', step.name, { id: step.name, lines: [], records: [], rcode: String(step.value) });
          twin[step.side].set(step.name, step.value);
        }
      }
    }
    // Whatever connection there is stays: what was missed must be made up on it.
    calm = true;
    fabric.heal('hub', 'berlin');
    await clock.advance(2000);
    stop.abort();
    await clock.advance(100);
    await connecting;

    expect([hub.repeated, agent.repeated]).toEqual([[], []]);
    for (const [published, received] of [[twin.hub, agent.held], [twin.agent, hub.held]] as const) {
      const accepted = [...published].filter(([, value]) => value !== REFUSED);
      const last = [...published].filter(([, value]) => value === REFUSED).map(([key]) => key);
      const current = [...received].filter(([key]) => !last.includes(key)).map(([key, { value }]) => [key, value]);
      expect(current.sort()).toEqual(accepted.sort());
    }
  }), { numRuns: 300 });
});
