import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ClusterLike, fieldsOf, isEcho, statusOf } from './cluster-fields.ts';
import type { ClusterStatusValue } from './cluster-status.ts';

const time = fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z');
const key = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('a.b', '__proto__', 'value', 'a b"\n', 'nul\0', '\ud800'));
const unique = <T>(item: fc.Arbitrary<T>, of: (one: T) => string): fc.Arbitrary<T[]> => fc.uniqueArray(item, { selector: of, maxLength: 5 });
const statuses: fc.Arbitrary<ClusterStatusValue> = fc.record({
  uid: fc.string(),
  properties: unique(fc.record({ name: key, value: fc.string(), source: fc.constantFrom('declared' as const, 'observed' as const), observedAt: time }), ({ name }) => name),
  conditions: unique(fc.record({ type: fc.constantFrom('Ready', 'Applied', 'Joined'), status: fc.constantFrom('True' as const, 'False' as const), reason: fc.constantFrom('A', 'B'), message: fc.string(), lastTransitionTime: time }), ({ type }) => type),
  capabilities: fc.dictionary(key, fc.array(fc.string(), { maxLength: 2 }), { noNullPrototype: true }),
  observedAt: fc.dictionary(key, time, { noNullPrototype: true }),
  nodes: fc.record({ total: fc.nat(), ready: fc.nat() }),
  exports: fc.array(fc.string(), { maxLength: 3 }),
}, { requiredKeys: [] });
const clusters: fc.Arbitrary<ClusterLike> = fc.record({
  metadata: fc.record({ name: fc.constant('oslo'), uid: fc.constant('u'), creationTimestamp: time, labels: fc.dictionary(key, fc.string(), { noNullPrototype: true }) }),
  spec: fc.record({ properties: fc.dictionary(key, fc.string(), { noNullPrototype: true }), frozen: fc.record({ reason: fc.string() }) }, { requiredKeys: [] }),
  status: statuses,
});

test('a status can be told again from its fields', () => {
  fc.assert(fc.property(clusters, (cluster) => {
    const fields = fieldsOf(cluster);
    const status = statusOf(fields, undefined);
    expect(fieldsOf({ ...cluster, status })).toEqual(fields);
    // Nothing but messages is lost, where the object shows the very state.
    const shown = cluster.status as ClusterStatusValue;
    const messages = (of: ClusterStatusValue): unknown => (of.conditions ?? []).map(({ type, message }) => `${type} ${message}`).sort();
    expect(messages(statusOf(fields, shown))).toEqual(messages(shown));
  }), { numRuns: 300 });
});

test('each fact is a field of its own, as canonical JSON', () => {
  expect(fieldsOf({
    metadata: { name: 'oslo', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', labels: { region: 'eu' } },
    spec: { properties: { owner: 'net' }, frozen: { until: '2027-01-01T00:00:00Z', reason: 'year end' } },
    status: {
      uid: 'k', nodes: { total: 2, ready: 1 }, cilium: { version: '1.18.1', clusterId: 2 }, capabilities: { zone: ['a', 'b'] }, observedAt: { 'capabilities.zone': 't' },
      properties: [{ name: 'country', value: 'no', source: 'observed', observedAt: 't' }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'm', lastTransitionTime: 't' }, { type: 'Reconciled', status: 'False', reason: 'Panicked', message: 'm', lastTransitionTime: 't' }],
    },
  })).toEqual({
    object: '{"createdAt":"2026-01-01T00:00:00Z","uid":"u"}', 'labels.region': '"eu"', 'spec.properties.owner': '"net"', 'spec.frozen': '{"reason":"year end","until":"2027-01-01T00:00:00Z"}',
    uid: '"k"', nodes: '{"ready":1,"total":2}', 'cilium.version': '"1.18.1"', 'cilium.clusterId': '2', 'capabilities.zone': '["a","b"]', 'observedAt.capabilities.zone': '"t"',
    'properties.country': '{"observedAt":"t","source":"observed","value":"no"}', 'conditions.Ready': '{"lastTransitionTime":"t","reason":"Ready","status":"True"}',
  });
});

test('what the hub says of its own loop stays on the object, and is no field', () => {
  const own = { type: 'Reconciled', status: 'False' as const, reason: 'Panicked', message: 'm', lastTransitionTime: 't' };
  expect(statusOf({ 'conditions.Ready': '{"lastTransitionTime":"t","reason":"Ready","status":"True"}' }, { conditions: [own] }).conditions).toEqual([{ type: 'Ready', status: 'True', reason: 'Ready', lastTransitionTime: 't', message: 'as recorded before this hub started' }, own]);
});

test.each([['observedAt.nodes', true], ['properties.cilium-version', true], ['properties.country', false], ['nodes', false]])('%s is an echo: %s', (field, echo) => { expect(isEcho(field)).toBe(echo); });
