import { describe, expect, it } from 'vitest';
import { exportOf, reportOf } from '../testing/bench.ts';
import { resourceProblem } from './validate.ts';

const problem = (type: Parameters<typeof resourceProblem>[0], name: string, value: unknown): string | undefined => resourceProblem(type, { name, version: '1', value: value as never });
const peered = (peering: object): object => ({ id: 'x', appliedAt: 1, healthy: true, message: '', drift: [], peering: { reads: [], waiting: [], ...peering } });

describe('resourceProblem', () => {
  it('takes what a cluster says of itself', () => {
    expect(problem('ExportFact', 'shop/checkout', exportOf('berlin'))).toBeUndefined();
    expect(problem('ClusterReport', 'berlin', reportOf(1))).toBeUndefined();
  });

  it.each<[string, Parameters<typeof resourceProblem>[0], string, unknown, string]>([
    ['an export under a wrong name', 'ExportFact', 'shop/cart', exportOf('berlin'), 'name: is not "shop/checkout"'],
    ['a name that is no DNS label', 'ExportFact', 'shop/Checkout', exportOf('berlin', 'Checkout'), 'name: "Checkout" is not a DNS label'],
    ['too many endpoints', 'ExportFact', 'shop/checkout', { ...exportOf('berlin'), endpoints: Array.from({ length: 501 }, () => ({ addresses: [], ready: true, ports: [] })) }, 'endpoints: 501 given'],
    ['a property too long', 'ClusterReport', 'berlin', { ...reportOf(1), properties: { region: 'x'.repeat(1025) } }, 'properties.region: has 1025 characters'],
    ['too many properties', 'ClusterReport', 'berlin', { ...reportOf(1), properties: Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`p${index}`, ''])) }, 'properties: 129 given'],
    ['an answer under a wrong name', 'Answer', 'a', { id: 'b', lines: [], records: [], rcode: '' }, 'id:'],
    ['more addresses of a mesh than its status may hold', 'ClusterReport', 'berlin', { ...reportOf(1), cilium: { ...reportOf(1).cilium, endpoint: { ips: Array.from({ length: 17 }, () => '10.0.0.1'), port: 1 } } }, 'cilium.endpoint.ips: 17 given'],
    ['an address that is none', 'ClusterReport', 'berlin', { ...reportOf(1), cilium: { ...reportOf(1).cilium, endpoint: { ips: ['1'.repeat(46)], port: 1 } } }, 'is no address'],
    ['a name of a mesh that is too long', 'ClusterReport', 'berlin', { ...reportOf(1), cilium: { ...reportOf(1).cilium, endpoint: { address: 'a'.repeat(254), port: 1 } } }, 'cilium.endpoint.address: has 254'],
    ['a time without an RFC 3339 form', 'AppliedReport', 'berlin', { id: 'x', appliedAt: Date.UTC(10_000, 0), healthy: true, message: '', drift: [] }, 'appliedAt: 253402300800000 is after'],
    ['drift seen at such a time', 'AppliedReport', 'berlin', { id: 'x', appliedAt: 1, healthy: true, message: '', drift: [{ object: 'Secret a/b', path: '', expected: '', actual: '', manager: '', firstSeen: 8.64e15 }] }, 'is after the year 9999'],
    ['more peers than a mesh has', 'AppliedReport', 'berlin', peered({ reads: Array.from({ length: 512 }, (_, index) => `c${index}`) }), 'peering.reads: 512 given, at most 511'],
    ['a peer by no name', 'AppliedReport', 'berlin', peered({ waiting: [{ peer: 'Oslo!', reason: '' }] }), 'peering.waiting: "Oslo!" is not a DNS label'],
    ['a reason without an end', 'AppliedReport', 'berlin', peered({ waiting: [{ peer: 'oslo', reason: 'x'.repeat(201) }] }), 'reason of oslo has 201'],
  ])('refuses %s', (_, type, name, value, expected) => {
    expect(problem(type, name, value)).toContain(expected);
  });
});
