import { expect, test } from 'vitest';
import { type HubConnection, TransportError } from '../../../mesh/ports/transport.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { createPublisher } from '../../runtime/sync/publisher.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import type { AgentPorts } from '../ports.ts';
import { createState } from '../state/state.ts';
import { keepSynchronised } from './sync.ts';

test('a hub that stays away, or is not ours, is tried for ever and told once each, as a warning where a person must act', async () => {
  const clock = manualClock(0);
  const log = recordingLog();
  const stop = new AbortController();
  let problem = new TransportError('retry', 'Unreachable', 'hub:7443: refused');
  let attempts = 0;
  const hub = { sync() { attempts += 1; throw problem; } } as unknown as HubConnection;
  const ports = { clock, log, random: seededRandom(1), metrics: fakeMetrics() } as unknown as AgentPorts;
  const running = keepSynchronised({ ports, state: createState('berlin', sha256Hex), publisher: createPublisher(sha256Hex), connection: () => hub, onConnectionChange: () => {} }, stop.signal);
  await clock.advance(600_000);
  problem = new TransportError('user', 'Unauthenticated', 'hub:7443: its certificate was refused');
  await clock.advance(600_000);
  expect(log.lines.filter(({ level }) => level !== 'debug').map(({ level, fields }) => [level, fields['error']])).toEqual([['info', 'hub:7443: refused'], ['warn', 'hub:7443: its certificate was refused']]);
  expect(attempts).toBeGreaterThan(1_200_000 / 10_000);
  expect(attempts).toBeLessThan(1_200_000 / 1000);
  stop.abort();
  await running;
});
