import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toRfc3339 } from '../model/instant.ts';
import { LONGEST_VERDICT_TEXT, MAX_VERDICT_REASONS } from '../model/peer-verdict.ts';
import { KINDS, type MirrorLook, type Observation, type RemoteLook } from './observation.ts';
import { named, REASON_CODES, REASONS } from './reasons.ts';
import { readConfig, verdict } from './verdict.ts';

const NOW = Date.UTC(2026, 10, 22, 5);
const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;
const beat = (ago: number): string => toRfc3339(NOW - ago * SECOND);
const config = (id: number, more: object = {}): string => JSON.stringify({ id, capabilities: { syncedCanaries: true, maxConnectedClusters: 255, ...more } });
const counts = { nodes: 3, services: 2, identities: 5, ip: 9, serviceexports: 0 };
const look: RemoteLook = {
  server: { notBefore: NOW - DAY, notAfter: NOW + 6 * DAY }, heartbeat: { value: beat(20) }, config: config(2), synced: KINDS, counts, refused: [], overreach: [], mayWrite: false,
};
const copy: MirrorLook = { config: config(2, { cached: true }), syncedAt: NOW - DAY, counts, behindBefore: [] };
const well: Observation = {
  reader: 'berlin', peer: 'oslo', now: NOW, expected: { clusterId: 2, maxConnectedClusters: 255 }, ids: new Map([[1, 'berlin'], [2, 'oslo'], [3, 'rome']]), drifted: false, agentsEntryMissing: false, entrySince: NOW - 2 * DAY,
  client: { notBefore: NOW - DAY, notAfter: NOW + 6 * DAY }, remote: look, mirror: copy,
};
const codes = (more: Partial<Observation>): string => {
  const { colour, reasons } = verdict({ ...well, ...more });
  return [colour, ...reasons.map(({ code }) => code)].join(' ');
};
const remote = (more: Partial<RemoteLook>): string => codes({ remote: { ...look, ...more } });
const mirrored = (more: Partial<MirrorLook>, entrySince = well.entrySince): string => codes({ mirror: { ...copy, ...more }, entrySince });

test('a peer that is as it should be is green, with a copy or without KVStoreMesh', () => {
  expect(codes({})).toBe('green');
  const { mirror: _, ...direct } = well;
  expect(verdict(direct)).toEqual({ colour: 'green', reasons: [] });
  expect(remote({ synced: KINDS.filter((kind) => kind !== 'serviceexports') })).toBe('green');
});

test.each<[string, Partial<RemoteLook>]>([
  ['red WrongCluster', { config: undefined }], ['red ConfigInvalid', { config: '{"id":"2"}' }], ['red IdMismatch', { config: config(7) }], ['red IdMismatch DuplicateId', { config: config(3) }],
  ['red MaxConnectedClustersMismatch', { config: config(2, { maxConnectedClusters: 511 }) }], ['red WritesAllowed', { mayWrite: true }], ['yellow ReadsTooMuch', { overreach: ['cilium/cache/'] }],
  ['red ReadsTooLittle', { refused: ['nodes'], synced: ['services', 'identities', 'ip'] }], ['yellow NotSynced', { synced: ['nodes'] }], ['yellow HeartbeatPending', { heartbeat: { value: undefined } }], ['red HeartbeatMissing', { heartbeat: { value: 'now' } }],
  ['yellow ServerCertificateExpiring', { server: { notBefore: NOW - 6 * DAY, notAfter: NOW + DAY } }], ['red ServerCertificateExpired', { server: { notBefore: NOW - DAY, notAfter: NOW } }],
  ['green', { server: { notBefore: NOW - 1000 * DAY, notAfter: NOW + 95 * DAY } }], ['yellow ServerCertificateExpiring', { server: { notBefore: NOW - 1000 * DAY, notAfter: NOW + 29 * DAY } }],
])('%s: %o', (expected, more) => { expect(remote(more)).toBe(expected); });

test('a heartbeat is judged by one clock: it stands still, or it was stamped by a clock that is wrong', () => {
  const before = (value: string | undefined, firstAgo: number, lastAgo: number) => ({ value, firstAt: NOW - firstAgo * SECOND, lastAt: NOW - lastAgo * SECOND });
  expect(remote({ heartbeat: { value: beat(200) } })).toBe('yellow HeartbeatOld');
  expect(remote({ heartbeat: { value: beat(200), before: before(beat(200), 60, 60) } })).toBe('yellow HeartbeatOld');
  expect(remote({ heartbeat: { value: beat(200), before: before(beat(200), 140, 60) } })).toBe('red HeartbeatStale');
  // Its clock is ten minutes slow, but it writes.
  expect(remote({ heartbeat: { value: beat(640), before: before(beat(700), 60, 60) } })).toBe('yellow ClockSkew');
  expect(remote({ heartbeat: { value: beat(-30) } })).toBe('yellow ClockSkew');
  expect(remote({ heartbeat: { value: beat(59), before: before(beat(119), 61, 61) } })).toBe('green');
  // Cilium writes the first one a minute after the pod's start.
  expect(remote({ heartbeat: { value: undefined, before: before(undefined, 120, 60) } })).toBe('yellow HeartbeatPending');
  expect(remote({ heartbeat: { value: undefined, before: before(beat(600), 600, 60) } })).toBe('yellow HeartbeatPending');
  expect(remote({ heartbeat: { value: undefined, before: before(undefined, 140, 60) } })).toBe('red HeartbeatMissing');
  expect(remote({ heartbeat: { value: beat(10), before: before(undefined, 60, 60) } })).toBe('green');
});

test('a copy counts for an entry only when it was complete since the entry is as it is, and is missed only after the files had time to come', () => {
  expect(mirrored({ config: undefined })).toBe('red MirrorMissing');
  expect(mirrored({ config: undefined }, NOW - 60 * SECOND)).toBe('yellow MirrorPending');
  expect(mirrored({ config: config(2) })).toBe('red MirrorMissing');
  expect(mirrored({ syncedAt: undefined })).toBe('red MirrorMissing');
  expect(mirrored({ syncedAt: NOW - DAY }, NOW - 60 * SECOND)).toBe('yellow MirrorPending');
  expect(mirrored({ syncedAt: NOW - 30 * SECOND }, NOW - 60 * SECOND)).toBe('green');
  expect(mirrored({ counts: { ...counts, nodes: 1 } })).toBe('green');
  expect(mirrored({ counts: { ...counts, nodes: 1 }, behindBefore: ['nodes'] })).toBe('yellow MirrorBehind');
  expect(codes({ mirror: { code: 'Unreachable', text: 'x' } })).toBe('red MirrorUnreachable');
});

test('entries that wait, were changed, or are not there for agents; certificates of ours; a connection that fails', () => {
  const { remote: _, mirror: __, ...unread } = well;
  expect(verdict({ ...unread, missing: { waiting: 'its etcd does not let us in' } })).toEqual({ colour: 'yellow', reasons: [{ code: 'Waiting', text: 'its etcd does not let us in' }] });
  expect(verdict({ ...unread, missing: { waiting: null } }).reasons[0]?.code).toBe('NotWritten');
  expect(codes({ drifted: true })).toBe('yellow Drifted');
  expect(codes({ agentsEntryMissing: true })).toBe('red AgentsEntryMissing');
  expect(codes({ client: { notBefore: NOW - 7 * DAY, notAfter: NOW } })).toBe('red ClientCertificateExpired');
  expect(codes({ client: { notBefore: NOW - 6 * DAY, notAfter: NOW + DAY } })).toBe('yellow ClientCertificateExpiring');
  expect(codes({ remote: { code: 'NoUser', text: 'permission denied' }, drifted: true })).toBe('red NoUser Drifted');
});

test('roots that pods have from elsewhere are said as long as no copy shows that Cilium trusts the peer', () => {
  const rootsElsewhere = 'ConfigMap cilium-root-ca.crt';
  expect(codes({ rootsElsewhere })).toBe('green');
  expect(codes({ rootsElsewhere, mirror: { ...copy, syncedAt: undefined }, entrySince: NOW })).toBe('yellow RootsElsewhere MirrorPending');
  expect(codes({ rootsElsewhere, mirror: { ...copy, config: undefined } })).toBe('red MirrorMissing RootsElsewhere');
  const { mirror: _, ...direct } = well;
  expect(verdict({ ...direct, rootsElsewhere })).toEqual({ colour: 'yellow', reasons: [{ code: 'RootsElsewhere', text: 'the pods have them from ConfigMap cilium-root-ca.crt' }] });
});

test('whatever a peer says is judged, bounded and in the table\'s order', () => {
  const colours = (reasons: readonly { readonly code: string }[]): readonly number[] => reasons.map(({ code }) => REASON_CODES.indexOf(code as never));
  fc.assert(fc.property(
    fc.record({ config: fc.option(fc.oneof(fc.json(), fc.string()), { nil: undefined }), value: fc.option(fc.string(), { nil: undefined }), mayWrite: fc.boolean(), refused: fc.subarray([...KINDS]), overreach: fc.array(fc.string({ maxLength: 500 }), { maxLength: 5 }), notAfter: fc.integer({ min: 0, max: 4e12 }) }),
    ({ config: text, value, mayWrite, refused, overreach, notAfter }) => {
      const { reasons } = verdict({ ...well, remote: { ...look, config: text, heartbeat: { value }, mayWrite, refused, overreach, server: { notBefore: 0, notAfter } } });
      expect(reasons.length).toBeLessThanOrEqual(MAX_VERDICT_REASONS);
      expect(reasons.every(({ text: sentence }) => sentence.length <= LONGEST_VERDICT_TEXT)).toBe(true);
      expect(colours(reasons)).toEqual(colours(reasons).toSorted((a, b) => a - b));
    },
  ));
  expect(readConfig('null')).toBeUndefined();
});

test('reds come before yellows in the table, so that the first reason has the colour of the verdict', () => {
  const order = REASON_CODES.map((code) => REASONS[code].colour);
  expect(order).toEqual([...order].sort());
  expect(named('READER reads PEER', 'berlin', 'oslo')).toBe('berlin reads oslo');
});
