import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../model/canonical.ts';
import { fieldsOf } from '../model/cluster-fields.ts';
import { isKnownFact, KNOWN_FACTS } from '../model/selector-facts.ts';
import { createLazyRows } from './row-lazy.ts';
import { rowOf } from './row.ts';

const T = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-03T00:00:00.000Z';
const amounts = { cpuMilli: 12_500, memoryBytes: 2 ** 33, pods: 110, gpus: { 'nvidia.com/gpu': 2, 'amd.com/gpu': 1 } };
const none = (source: string) => ({ value: '', values: [], source, observedAt: null });
const condition = (type: string, status: string) => ({ type, status, reason: 'X', message: '', lastTransitionTime: T });

const whole = fieldsOf({
  metadata: { name: 'oslo', labels: { region: 'eu', env: 'production' } },
  spec: { frozen: { reason: 'holiday', until: LATER }, properties: { tier: '1' } },
  status: {
    identity: { spiffeId: 'spiffe://a/oslo', certificateSerial: '1', issuer: 'CA 3', notAfter: LATER, joinedAt: T, trustDomain: 'mesh.example', issuingCaGeneration: 3 }, uid: 'u-1',
    properties: [{ name: 'tier', value: '1', source: 'declared', observedAt: T }, { name: 'rack', value: '7', source: 'observed', observedAt: LATER }],
    cilium: { version: '1.18.1', clusterId: 0 }, kubernetesVersion: 'v1.33.1', agentVersion: '1.4.0', nodes: { total: 5, ready: 4 },
    capabilities: { zone: ['a', 'b'], gpu: [], certification: ['pci'] }, resources: { capacity: amounts, allocatable: amounts },
    observedAt: { uid: T, agentVersion: LATER, nodes: T, 'capabilities.zone': T, 'resources.capacity': T },
    exports: ['shop/checkout'], current: { id: 'abc', appliedAt: T, by: 'run/a-1' }, desired: { id: 'def', run: 'a-2', stage: 'canary' },
    drift: [{ object: 'a', path: '', expected: '', actual: '', manager: 'kubectl', firstSeen: T, class: 'suspicious', heldUntil: LATER }], driftOmitted: 2,
    conditions: [condition('Ready', 'False'), condition('Connected', 'True'), condition('Applied', 'Unknown'), condition('InSync', 'False'), condition('Joined', 'True')],
  },
});

test('a whole cluster is a row of facts, each with its source and age', () => {
  const { name, labels, properties, facts } = rowOf('oslo', whole);
  expect([name, labels]).toEqual(['oslo', { env: 'production', region: 'eu' }]);
  expect(properties).toEqual([{ name: 'rack', value: '7', source: 'observed', observedAt: Date.parse(LATER) }, { name: 'tier', value: '1', source: 'declared', observedAt: Date.parse(T) }]);
  expect(Object.fromEntries(Object.entries(facts).map(([key, fact]) => [key, fact.values ?? fact.value]))).toEqual({
    ready: false, connected: true, 'in-sync': false, joined: true, revoked: false, pending: false, frozen: true, held: true,
    'trust-domain': 'mesh.example', issuer: 'CA 3', 'issuing-ca-generation': 3, 'certificate-not-after': LATER, 'joined-at': T, uid: 'u-1',
    'agent-version': '1.4.0', 'kubernetes-version': 'v1.33.1', 'cilium-version': '1.18.1', 'cluster-id': 0, nodes: 5, 'nodes-ready': 4,
    'cpu-capacity': 12.5, 'memory-capacity': 2 ** 33, 'pods-capacity': 110, 'gpu-capacity': 3, 'cpu-allocatable': 12.5, 'memory-allocatable': 2 ** 33, 'pods-allocatable': 110, 'gpu-allocatable': 3,
    'storage-class': [], architecture: [], zone: ['a', 'b'], gpu: [], 'extended-resource': [], 'operating-system': [], 'kubelet-version': [], certification: ['pci'],
    capability: ['a', 'b', 'certification', 'certification/pci', 'pci', 'zone', 'zone/a', 'zone/b'],
    exports: ['shop/checkout'], current: 'abc', desired: 'def', run: 'a-2', drift: 3, 'drift-class': ['suspicious'], 'last-change': LATER,
  });
  expect(facts['frozen']).toMatchObject({ source: 'declared', until: Date.parse(LATER) });
  expect(facts['held']).toEqual({ value: true, source: 'hub', observedAt: null });
  expect(facts['agent-version']).toMatchObject({ source: 'observed', observedAt: Date.parse(LATER) });
  expect(facts['kubernetes-version']).toMatchObject({ source: 'observed', observedAt: null });
});

test('what nobody has said is unknown; that nobody froze or holds a cluster is known', () => {
  expect(rowOf('new', fieldsOf({ metadata: { name: 'new' } })).facts).toEqual({
    frozen: { value: false, source: 'declared', observedAt: null }, held: { value: false, source: 'hub', observedAt: null }, revoked: { value: false, source: 'hub', observedAt: null }, pending: { value: false, source: 'hub', observedAt: null },
    ...Object.fromEntries(['trust-domain', 'issuer', 'issuing-ca-generation', 'certificate-not-after', 'joined-at', 'desired', 'run'].map((name) => [name, none('hub')])), current: none('observed'),
  });
});

test('what an agent has not told of its cluster is unknown; that nothing stands there, it tells', () => {
  const joined = { identity: { spiffeId: 'spiffe://a/oslo', certificateSerial: '1', issuer: 'CA 3', notAfter: LATER, joinedAt: T } };
  const silent = rowOf('oslo', fieldsOf({ metadata: { name: 'oslo' }, status: joined })).facts;
  expect([silent['current'], silent['issuing-ca-generation'], silent['issuer']?.value, silent['desired']]).toEqual([undefined, undefined, 'CA 3', none('hub')]);
  const told = rowOf('oslo', fieldsOf({ metadata: { name: 'oslo' }, status: { ...joined, conditions: [condition('InSync', 'True')] } })).facts;
  expect(told['current']).toEqual({ ...none('observed'), observedAt: Date.parse(T) });
});

test('whatever the fields hold, a row has only facts that are listed, of the kind that is listed', () => {
  const fields = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(whole), 'capabilities', 'observedAt.nodes', 'resources.requested'), fc.string()), fc.oneof(fc.json({ maxDepth: 3 }), fc.string(), fc.constantFrom(...Object.values(whole))));
  fc.assert(fc.property(fields, (given) => {
    for (const [key, { value, values, observedAt }] of Object.entries(rowOf('oslo', given).facts)) {
      expect(isKnownFact(key), key).toBe(true);
      const { kind } = KNOWN_FACTS[key]!;
      if (kind === 'list') expect(values, key).toBeDefined();
      else expect(values ?? [], key).toEqual([]);
      if (kind === 'boolean') expect(typeof value, key).toBe('boolean');
      if (observedAt !== null) expect(Number.isFinite(observedAt)).toBe(true);
    }
  }), { numRuns: 1000 });
});

test('a row that is read bit by bit, in whatever order, says what one that is read at once says', () => {
  const time = fc.constantFrom(T, LATER, '2026-01-02T00:00:00Z', '', 'soon', 7);
  const property = fc.record({ value: fc.constantFrom('1', '', 'a "b"', '\\'), source: fc.constantFrom('declared', 'observed', 'hub'), observedAt: time }, { requiredKeys: ['value', 'source'] });
  const conditions = fc.record({ lastTransitionTime: time, reason: fc.constant('X'), status: fc.constantFrom('True', 'False', 'Unknown') }, { requiredKeys: ['status'] });
  const field = fc.oneof(
    fc.tuple(fc.constantFrom('properties.tier', 'properties.rack', 'properties.agent-version'), property), fc.tuple(fc.constantFrom('conditions.Ready', 'conditions.InSync'), conditions),
    fc.tuple(fc.constantFrom('observedAt.nodes', 'observedAt.cilium', 'observedAt.capabilities.gpu', 'observedAt.requestedBy'), time), fc.tuple(fc.constantFrom('labels.region', 'labels.tier'), fc.constantFrom('eu', 3, '"')),
    fc.constantFrom(...Object.entries(whole)).map(([name, text]): [string, unknown] => [name, JSON.parse(text)]),
  );
  const asked = fc.array(fc.constantFrom(...Object.keys(KNOWN_FACTS), 'labels', 'properties', 'constructor'), { maxLength: 6 });
  const rowOfLazily = createLazyRows();
  fc.assert(fc.property(fc.array(field), asked, (given, keys) => {
    const fields = Object.fromEntries(given.map(([name, value]) => [name, canonicalJson(value)]));
    const [lazy, eager] = [rowOfLazily('oslo', fields), rowOf('oslo', fields)];
    for (const key of keys) {
      if (key === 'labels' || key === 'properties') expect(lazy[key]).toEqual(eager[key]);
      else expect([Object.hasOwn(lazy.facts, key), key in lazy.facts, lazy.facts[key]], key).toEqual([Object.hasOwn(eager.facts, key), key in eager.facts, eager.facts[key]]);
    }
    expect(Object.fromEntries(Object.entries(lazy.facts))).toEqual(eager.facts);
    expect(lazy).toEqual(eager);
  }), { numRuns: 1000 });
});

test('every fact is read by a part of its own', () => {
  const facts = Object.keys(rowOf('oslo', { ...whole, 'resources.requested': JSON.stringify(amounts), 'conditions.Applied': '{"status":"True"}', 'conditions.Consistent': '{"status":"True"}' }).facts);
  // Told by the hub's memory alone.
  expect(facts.toSorted()).toEqual(Object.keys(KNOWN_FACTS).filter((name) => name !== 'last-heard').toSorted());
});
