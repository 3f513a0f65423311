import { expect, test } from 'vitest';
import { TransportError } from '../../../mesh/ports/transport.ts';
import { fakeMetrics, recordingLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { tellingRefusedJoins } from './refused-joins.ts';
import type { IdentityService } from './service.ts';

const signal = new AbortController().signal;

test('each is counted by why; twenty a minute are told, without what came with them; who waits for people is not', async () => {
  const [clock, log, metrics] = [manualClock(), recordingLog(), fakeMetrics()];
  let error: Error = new TransportError('user', 'TokenUsed', 'join token for cluster "berlin": was redeemed');
  const service = tellingRefusedJoins({ clock, log, metrics }, { join: () => Promise.reject(error) } as unknown as IdentityService);
  const join = (cluster: string) => service.join({ cluster, secret: Buffer.from('hidden'), csrDer: Uint8Array.of(1) }, signal).then(() => undefined, (thrown: unknown) => thrown);
  const told = () => log.lines.filter((line) => JSON.stringify(line).includes('refused a join'));
  expect(await join('berlin')).toBe(error);
  expect(metrics.value('isthmus_hub_refused_joins_total', { reason: 'TokenUsed' })).toBe(1);
  expect(JSON.stringify(told())).toMatch(/"cluster":"berlin".*"reason":"TokenUsed".*was redeemed/);
  expect(JSON.stringify(told())).not.toContain('hidden');
  for (let count = 0; count < 100; count++) await join('Not a name\n');
  expect(metrics.value('isthmus_hub_refused_joins_total', { reason: 'TokenUsed' })).toBe(101);
  expect(told()).toHaveLength(20);
  expect(JSON.stringify(told())).not.toContain('Not a name');
  await clock.advance(60_000);
  error = new TransportError('retry', 'Pending', 'waits');
  expect(await join('berlin')).toBe(error);
  expect(told()).toHaveLength(20);
  error = new TransportError('user', 'TokenInvalid', 'no such token');
  await join('berlin');
  expect(told()).toHaveLength(21);
  expect(metrics.value('isthmus_hub_refused_joins_total', { reason: 'TokenInvalid' })).toBe(1);
});
