/** What the hub tells agents of those who read them. */
import { expect, test } from 'vitest';
import type { PeeringReport } from '../../../mesh/model/desired.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { silentLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { createFleet } from '../gateway/fleet.ts';
import { createPublishers } from '../gateway/publishers.ts';
import { publishReaders } from './readers.ts';

function scene(names: readonly string[]) {
  const fleet = createFleet(manualClock());
  const publishers = createPublishers(sha256Hex, silentLog);
  const members = new Set(names);
  const listeners: (() => void)[] = [];
  publishReaders(fleet, publishers, { synced: true, get: ({ name }) => (members.has(name) ? {} : undefined), subscribe: (listener) => { listeners.push(listener); } });
  for (const cluster of names) fleet.connect({ cluster, spiffeId: `spiffe://mesh.example/cluster/${cluster}`, certificateSerial: '1' });
  return {
    fleet,
    told: (cluster: string, reader: string) => (publishers.of(cluster).get('Reader', reader)?.value as { reads: boolean } | undefined)?.reads,
    says(cluster: string, peering: Partial<PeeringReport> | undefined) {
      const value = { id: 'x', appliedAt: 1, healthy: true, message: '', drift: [], ...(peering === undefined ? {} : { peering: { reads: [], waiting: [], ...peering } }) };
      fleet.receive(cluster, 'AppliedReport', [{ name: cluster, version: JSON.stringify(value), value }], []);
    },
    remove(cluster: string) {
      members.delete(cluster);
      fleet.forget(cluster);
      for (const listener of listeners) listener();
    },
  };
}

test('an agent hears of those alone whose users it keeps, and whether they read it or wait to', () => {
  const { says, told } = scene(['berlin', 'oslo', 'rome']);
  says('oslo', { reads: ['berlin', 'rome'] });
  expect(told('berlin', 'oslo')).toBeUndefined();
  says('berlin', { keeps: ['oslo', 'rome'] });
  expect([told('berlin', 'oslo'), told('berlin', 'rome'), told('rome', 'oslo')]).toEqual([true, undefined, undefined]);
  says('rome', { waiting: [{ peer: 'berlin', reason: 'not reached' }] });
  says('oslo', { reads: ['rome'] });
  expect([told('berlin', 'oslo'), told('berlin', 'rome')]).toEqual([false, true]);
  says('berlin', {});
  expect([told('berlin', 'oslo'), told('berlin', 'rome')]).toEqual([undefined, undefined]);
});

test('of an agent that does not say whom it reads nothing is known, and who has left the fleet reads nobody', () => {
  const { says, told, remove } = scene(['berlin', 'oslo']);
  says('oslo', undefined);
  says('berlin', { keeps: ['oslo'] });
  expect(told('berlin', 'oslo')).toBeUndefined();
  remove('oslo');
  expect(told('berlin', 'oslo')).toBe(false);
});

test('what a cluster said last holds while it is away', () => {
  const { fleet, says, told } = scene(['berlin', 'oslo']);
  says('oslo', { reads: ['berlin'] });
  says('berlin', { keeps: ['oslo'] });
  fleet.disconnect('oslo');
  expect(told('berlin', 'oslo')).toBe(true);
});
