import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RELEASE_TOOLS, REMOTE_USERS_MOUNTS } from '../../model/cluster.ts';
import { COLOURS } from '../../model/peer-verdict.ts';
import { AGENT_TYPES, HUB_TYPES, type SyncMessage, type SyncType, type SyncValues } from '../../model/sync.ts';
import { TransportError } from '../../ports/transport.ts';
import { MAX_MESSAGE_BYTES } from './bounds.ts';
import { decodeSyncMessage, encodeSyncMessage } from './sync.ts';

const TYPES: readonly SyncType[] = [...HUB_TYPES, ...AGENT_TYPES];
/** `__proto__` is no name of anything here, and a plain object cannot hold it as a key. */
const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((text) => text !== '__proto__');
const optional = <T>(key: string, value: fc.Arbitrary<T>) => fc.oneof(fc.constant({}), value.map((given) => ({ [key]: given })));
const time = fc.integer({ min: 0, max: 4e12 });
const port = fc.integer({ min: 1, max: 65_535 });
const protocol = fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const);
const merged = <A extends object, B extends object>(base: fc.Arbitrary<A>, ...more: fc.Arbitrary<B>[]): fc.Arbitrary<A> => fc.tuple(base, ...more).map(([first, ...rest]) => Object.assign({}, first, ...rest) as A);

const endpointPort = fc.record({ name: fc.string(), protocol, port });
const crossingReason = fc.constantFrom('Gateway' as const, 'NoGateway' as const, 'GatewayWithoutAddress' as const, 'GatewayInvalid' as const);
const exportFact: fc.Arbitrary<SyncValues['ExportFact']> = merged(fc.record({
  cluster: word, namespace: word, name: word,
  version: fc.record({ epoch: time, sequence: fc.maxSafeNat() }),
  exportedAt: time,
  type: fc.constantFrom('ClusterSetIP' as const, 'Headless' as const),
  ports: fc.array(merged(endpointPort, optional('appProtocol', fc.string()))),
  ipFamilies: fc.constantFrom<('IPv4' | 'IPv6')[]>([], ['IPv4'], ['IPv6', 'IPv4']),
  sessionAffinity: fc.constantFrom('None' as const, 'ClientIP' as const),
  endpoints: fc.array(merged(fc.record({ addresses: fc.array(word), ready: fc.boolean(), ports: fc.array(endpointPort) }), optional('hostname', fc.string()), optional('zone', fc.string()))),
  endpointsOmitted: fc.nat(),
  loadBalancerAddresses: fc.array(word),
}), optional('gateway', fc.record({ addresses: fc.array(word), hostnames: fc.array(word), ports: fc.array(endpointPort), problem: fc.string() })), optional('crossing', fc.record({ readyEndpoints: fc.integer({ min: 0, max: 500 }), reason: crossingReason, message: fc.string() })));
const meshEndpoint = fc.oneof(fc.record({ address: fc.string(), port }), fc.record({ ips: fc.array(word), port }));
const cilium = merged(fc.record({
  version: fc.string(), clusterName: fc.string(), clusterId: fc.integer({ min: 0, max: 255 }), maxConnectedClusters: fc.constantFrom(255 as const, 511 as const),
  podCidrs: fc.array(word), namespace: fc.string(), kvstoreMesh: fc.boolean(), authMode: fc.constantFrom('legacy' as const, 'migration' as const, 'cluster' as const),
}), optional('endpoint', meshEndpoint), fc.record({
  nodeCidrs: fc.array(word, { minLength: 1 }), serviceCidrs: fc.array(word, { minLength: 1, maxLength: 8 }), serverNames: fc.array(word, { minLength: 1 }),
  remoteUsers: fc.constantFrom(...REMOTE_USERS_MOUNTS), foreignTrust: fc.record({ roots: fc.array(word), signedBy: fc.array(word) }),
  release: fc.record({ tool: fc.constantFrom(...RELEASE_TOOLS), name: word, namespace: fc.stringMatching(/^[a-z]{1,8}$/), byLabelAlone: fc.constant(true as const) }, { requiredKeys: ['tool', 'name'] }),
}, { requiredKeys: [] }));

const amounts = fc.record({ cpuMilli: fc.maxSafeNat(), memoryBytes: fc.maxSafeNat(), pods: fc.nat(), gpus: fc.dictionary(word, fc.nat(), { noNullPrototype: true, maxKeys: 16 }) });
const inventory = fc.record({
  uid: word, capabilities: fc.dictionary(word, fc.array(word), { noNullPrototype: true, maxKeys: 16 }),
  resources: merged(fc.record({ capacity: amounts, allocatable: amounts }), optional('requested', amounts)), requestedBy: fc.array(merged(fc.record({ label: word, value: fc.string({ maxLength: 63 }) }), amounts)),
}, { requiredKeys: [] });

const VALUES: { readonly [T in SyncType]: fc.Arbitrary<SyncValues[T]> } = {
  DesiredRevision: fc.record({ id: word, cluster: word, content: fc.string({ unit: 'grapheme' }), generation: fc.nat() }, { requiredKeys: ['id', 'cluster', 'content'] }),
  Bundle: fc.record({ digest: word, content: fc.string({ unit: 'grapheme' }), signatures: fc.array(fc.record({ keyid: word, sig: fc.string() }), { maxLength: 16 }) }),
  ImportedFact: exportFact,
  ExportVerdict: merged(fc.record({
    namespace: word, name: word, valid: fc.boolean(), reason: fc.constantFrom('Valid' as const, 'NotAllowed' as const, 'NoService' as const, 'InvalidServiceType' as const),
    message: fc.string(), conflictReason: fc.string(), conflictMessage: fc.string(),
  }), optional('crossing', fc.record({ reason: crossingReason, message: fc.string() }))),
  Evacuation: fc.record({ id: word, active: fc.boolean(), service: fc.record({ namespace: word, name: word }), cluster: word, until: time }),
  PeerAddress: fc.record({ cluster: word, address: fc.string() }),
  Revocation: fc.record({ cluster: word, at: time, reason: fc.string(), rejoined: fc.boolean() }),
  Reader: fc.record({ cluster: word, reads: fc.boolean() }),
  Question: merged(fc.record({ id: word, dnsName: fc.string(), dnsType: fc.string() }), optional('verify', word)),
  PeerVerdict: merged(fc.record({
    cluster: word, peer: word, colour: fc.constantFrom(...COLOURS), reasons: fc.array(fc.record({ code: word, text: fc.string({ maxLength: 200 }) }), { maxLength: 8 }), since: time, at: time,
    figures: fc.dictionary(word, fc.nat(), { noNullPrototype: true, maxKeys: 16 }),
  }), optional('question', word)),
  ClusterReport: merged(fc.record({
    properties: fc.dictionary(word, fc.string(), { noNullPrototype: true }), kubernetesVersion: fc.string(), agentVersion: fc.string(),
    cilium: fc.option(cilium), nodes: fc.record({ total: fc.nat(), ready: fc.nat() }), peerAddress: fc.string(),
  }), inventory),
  AppliedReport: fc.record({
    id: fc.option(word), appliedAt: fc.option(time), healthy: fc.boolean(), message: fc.string(),
    drift: fc.array(fc.record(
      { object: word, path: fc.string(), expected: fc.string(), actual: fc.string(), manager: fc.string(), firstSeen: time, actor: fc.string(), changedAt: time, reason: fc.constantFrom('Changed', 'PutBack', 'Contended') },
      { requiredKeys: ['object', 'path', 'expected', 'actual', 'manager', 'firstSeen'] },
    )), refused: fc.constant(true as const), generation: fc.nat(), trust: fc.record({ sequence: fc.nat(), clientIssuers: fc.array(word, { maxLength: 8 }), serverIssuers: fc.array(word, { maxLength: 8 }) }),
    revocations: fc.array(fc.record({ cluster: word, at: time, stranger: fc.boolean(), userRemovedAt: fc.option(time), podsReplacedAt: fc.option(time), problem: fc.string() }), { minLength: 1, maxLength: 20 }),
    peering: merged(fc.record({ reads: fc.array(word), waiting: fc.array(fc.record({ peer: word, reason: fc.string() })) }), optional('keeps', fc.array(word, { minLength: 1 }))),
  }, { requiredKeys: ['id', 'appliedAt', 'healthy', 'message', 'drift'] }),
  ExportFact: exportFact,
  DnsSample: fc.record({ cluster: word, at: time, servedBy: fc.array(word), rcode: fc.string(), healthy: fc.array(word) }),
  Answer: fc.record({ id: word, lines: fc.array(fc.string()), records: fc.array(fc.string()), rcode: fc.string() }),
};

const delta = (type: SyncType, value: SyncValues[SyncType], name = 'a'): SyncMessage => ({ kind: 'delta', type, nonce: '1', removed: ['gone'], resources: [{ name, version: 'v', value }] });

describe('a Sync message', () => {
  it.each(TYPES)('comes back as it went: %s', (type) => {
    fc.assert(fc.property(VALUES[type] as fc.Arbitrary<SyncValues[SyncType]>, word, (value, name) => {
      expect(decodeSyncMessage(encodeSyncMessage(delta(type, value, name)))).toEqual(delta(type, value, name));
    }), { numRuns: 60 });
  });

  it.each<SyncMessage>([
    { kind: 'subscribe', type: 'ImportedFact', known: { 'oslo/shop/checkout': 'v1', 'rome/shop/checkout': 'v2' } },
    { kind: 'subscribe', type: 'Answer', known: {} },
    { kind: 'ack', type: 'Question', nonce: '7', error: '' },
    { kind: 'ack', type: 'Question', nonce: '8', error: 'q1: nobody asked' },
    { kind: 'delta', type: 'Question', nonce: '9', resources: [], removed: [] },
  ])('comes back as it went: $kind $type', (message) => {
    expect(decodeSyncMessage(encodeSyncMessage(message))).toEqual(message);
  });

  it('carries desired content byte for byte', () => {
    const content = '{"a":"é\\u0000😀"}';
    const decoded = decodeSyncMessage(encodeSyncMessage(delta('DesiredRevision', { id: 'i', cluster: 'oslo', content })));
    expect(decoded.kind === 'delta' && decoded.resources[0]?.value).toEqual({ id: 'i', cluster: 'oslo', content });
  });

  it('shortens a reason for refusal that is too long, rather than lose it', () => {
    const decoded = decodeSyncMessage(encodeSyncMessage({ kind: 'ack', type: 'Question', nonce: '1', error: 'x'.repeat(100_000) }));
    expect(decoded.kind === 'ack' && decoded.error).toHaveLength(8192);
  });

  const fact = fc.sample(exportFact, { numRuns: 1, seed: 1 })[0];
  if (fact === undefined) throw new Error('no sample');
  const report: SyncValues['ClusterReport'] = { properties: {}, kubernetesVersion: '', agentVersion: '', cilium: null, nodes: { total: 0, ready: 0 }, peerAddress: '' };
  const nothing = { cpuMilli: 0, memoryBytes: 0, pods: 0, gpus: {} };
  const endpoint = { addresses: ['10.0.0.1'], ready: true, ports: [] };
  it.each<[string, SyncMessage, string]>([
    ['too many resources', { kind: 'delta', type: 'Question', nonce: '1', removed: [], resources: Array.from({ length: 501 }, (_, index) => ({ name: `q${index}`, version: 'v', value: { id: 'q', dnsName: '', dnsType: '' } })) }, 'delta.resources: has 501 items; at most 500'],
    ['too many known versions', { kind: 'subscribe', type: 'Question', known: Object.fromEntries(Array.from({ length: 16_001 }, (_, index) => [`q${index}`, 'v'])) }, 'subscribe.known: has 16001 items; at most 16000'],
  ])('is refused with %s', (_name, message, text) => {
    expect(() => decodeSyncMessage(encodeSyncMessage(message))).toThrow(text);
  });

  it.each<[string, SyncType, SyncValues[SyncType], string]>([
    ['too many endpoints', 'ExportFact', { ...fact, endpoints: Array.from({ length: 501 }, () => endpoint) }, 'ExportFact bad.endpoints: has 501 items; at most 500'],
    ['a port that is none', 'ExportFact', { ...fact, endpoints: [{ ...endpoint, ports: [{ name: 'http', protocol: 'TCP', port: 70_000 }] }] }, 'ExportFact bad.endpoints[0].ports[0].port: 70000 is not a whole number from 1 to 65535'],
    ['a time before the epoch', 'Evacuation', { id: 'd', active: true, service: { namespace: 'n', name: 's' }, cluster: 'c', until: -1 }, 'Evacuation bad.until: -1 is not'],
    ['a name that is missing', 'PeerAddress', { cluster: '', address: 'x' }, 'PeerAddress bad.cluster: is empty'],
    ['3 MB of properties', 'ClusterReport', { ...report, properties: Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`p${index}`, 'x'.repeat(1000)])) }, 'ClusterReport bad.properties: has 3000 items; at most 256'],
    ['one property of 3 MB', 'ClusterReport', { ...report, properties: { big: 'x'.repeat(3_000_000) } }, 'ClusterReport bad.properties["big"]: "xxxxx'],
    ['capabilities without end', 'ClusterReport', { ...report, capabilities: { gpu: Array.from({ length: 65 }, (_, index) => `g${index}`) } }, 'ClusterReport bad.capabilities["gpu"]: has 65 items; at most 64'],
    ['more groups than labels have', 'ClusterReport', { ...report, requestedBy: Array.from({ length: 265 }, (_, index) => ({ label: 'team', value: String(index), ...nothing })) }, 'ClusterReport bad.requestedBy: has 265 items; at most 264'],
    ['less than nothing', 'ClusterReport', { ...report, resources: { capacity: nothing, allocatable: { ...nothing, cpuMilli: -1 } } }, 'ClusterReport bad.resources.allocatable.cpuMilli: -1 is not'],
    ['a text too long, quoting its beginning only', 'Question', { id: 'q', dnsName: 'n'.repeat(600), dnsType: 'A' }, `Question bad.dnsName: "${'n'.repeat(60)}…" has 600 characters; at most 512`],
  ])('leaves out a resource with %s, says why, and keeps its neighbours', (_name, type, value, text) => {
    const good = fc.sample(VALUES[type] as fc.Arbitrary<SyncValues[SyncType]>, { numRuns: 1, seed: 2 })[0]!;
    const neighbours = ['first', 'last'].map((name) => ({ name, version: 'v', value: good }));
    const sent: SyncMessage = { kind: 'delta', type, nonce: '1', removed: ['gone'], resources: [neighbours[0]!, { name: 'bad', version: 'v', value }, neighbours[1]!] };
    expect(decodeSyncMessage(encodeSyncMessage(sent))).toEqual({ ...sent, resources: neighbours, problems: [expect.stringContaining(text)] });
  });

  it('does not take a value of another type than the delta says', () => {
    const bytes = encodeSyncMessage(delta('PeerAddress', { cluster: 'oslo', address: 'x' }));
    // Delta → field 1, the type, is the first varint of the payload: PeerAddress (5) becomes Question (6).
    const changed = Uint8Array.from(bytes);
    const at = changed.indexOf(5, 3);
    changed[at] = 6;
    expect(decodeSyncMessage(changed)).toMatchObject({ resources: [], problems: ['Question a: carries "peerAddress" where its type needs "question"'] });
    changed[at] = 99;
    expect(decodeSyncMessage(changed)).toEqual({ kind: 'unknown', about: 'delta', typeNumber: 99, nonce: '1' });
    changed[at] = 0;
    expect(() => decodeSyncMessage(changed)).toThrow('delta.type: "RESOURCE_TYPE_UNSPECIFIED" is none of DesiredRevision, Bundle, ImportedFact');
  });

  it('about a type of a newer version says which, and its refusal comes back to the one that knows it', () => {
    const refusal = (typeNumber: number): Uint8Array => encodeSyncMessage({ kind: 'refusal', typeNumber, nonce: '', error: 'unknown type' });
    expect(decodeSyncMessage(refusal(12))).toEqual({ kind: 'ack', type: 'Bundle', nonce: '', error: 'unknown type' });
    expect(decodeSyncMessage(refusal(4711))).toEqual({ kind: 'unknown', about: 'ack', typeNumber: 4711, nonce: '' });
    // Subscribe (field 1): what is known, a name and a version, stands before type 99.
    expect(decodeSyncMessage(Uint8Array.of(10, 10, 18, 6, 10, 1, 97, 18, 1, 98, 8, 99))).toEqual({ kind: 'unknown', about: 'subscribe', typeNumber: 99, nonce: '' });
  });

  it('of 10 MB of properties is refused as a whole, with its size and nothing of its content', () => {
    const bytes = encodeSyncMessage(delta('ClusterReport', { ...report, properties: Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`p${index}`, 'x'.repeat(1000)])) }));
    expect(() => decodeSyncMessage(bytes)).toThrow(/^Sync message: has 10\d{6} bytes; at most 4194304 are allowed$/);
  });

  it('is refused when cut short, empty, too large or noise, always as InvalidRequest', () => {
    const bytes = encodeSyncMessage(delta('ExportFact', fact));
    const attempts = [new Uint8Array(0), new Uint8Array(MAX_MESSAGE_BYTES + 1), ...Array.from({ length: bytes.length - 1 }, (_, length) => bytes.slice(0, length))];
    for (const attempt of attempts) expect(() => decodeSyncMessage(attempt)).toThrow(TransportError);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      try {
        decodeSyncMessage(noise);
      } catch (error) {
        expect(error).toMatchObject({ reason: 'InvalidRequest', advice: 'never' });
      }
    }), { numRuns: 2000 });
  });
});
