import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClusterStatusValue, StatusCondition } from '../model/cluster-status.ts';
import { toRfc3339 } from '../model/instant.ts';
import { profileOf } from './profile.ts';

const AT = toRfc3339(1000);
const condition = (type: string, status: StatusCondition['status'], reason = 'Any'): StatusCondition => ({ type, status, reason, message: '', lastTransitionTime: AT });
const MET = [condition('Joined', 'True'), condition('Connected', 'True'), condition('Applied', 'True', 'Healthy')];
const profile = (status: ClusterStatusValue | undefined, name = 'berlin'): ReturnType<typeof profileOf> => profileOf({ name, status, trustDomain: 'fleet.example', previous: [] }, 2000);
const property = (status: ClusterStatusValue, name: string): object | undefined => profile(status).status.properties.find((one) => one.name === name);

test.each([
  ['no status yet', undefined, 'Unknown', 'NotJoined'],
  ['no agent ever', { conditions: [condition('Joined', 'False')] }, 'Unknown', 'NotJoined'],
  ['an agent that is away', { conditions: [condition('Joined', 'True'), condition('Connected', 'False')], kubernetesVersion: 'v1.34.0', nodes: { total: 1, ready: 1 } }, 'Unknown', 'AgentNotConnected'],
  ['an agent that has said nothing', { conditions: MET }, 'Unknown', 'NotReported'],
  ['an agent in trouble', { conditions: [...MET.slice(0, 2), condition('Applied', 'False', 'Unhealthy')], kubernetesVersion: 'v1.34.0', nodes: { total: 1, ready: 1 } }, 'Unknown', 'AgentReportsTrouble'],
  ['an agent at work', { conditions: MET, kubernetesVersion: 'v1.34.0', nodes: { total: 3, ready: 1 } }, 'True', 'AgentReports'],
] as const)('health with %s is %s', (_what, status, expected, reason) => {
  expect(profile(status as ClusterStatusValue | undefined).status.conditions).toMatchObject([{ type: 'ControlPlaneHealthy', status: expected, reason }]);
});

test('a health that stays keeps its time, and conditions of others are not carried on', () => {
  const first = profile(undefined).status.conditions;
  const later = profileOf({ name: 'berlin', status: undefined, trustDomain: 't', previous: [...first, { ...condition('Other', 'True') }] }, 9000).status.conditions;
  expect(later).toEqual(first);
});

test('what was declared has no time of observation; region and zone have the names that others look for', () => {
  const status: ClusterStatusValue = {
    uid: '11111111-1111-4111-8111-111111111111', observedAt: { uid: AT, 'capabilities.zone': AT },
    properties: [{ name: 'display-name', value: 'Berlin', source: 'declared', observedAt: AT }, { name: 'region', value: 'eu', source: 'observed', observedAt: AT }, { name: 'example.com/tier', value: 'gold', source: 'declared', observedAt: AT }],
    capabilities: { zone: ['a', 'b'], region: ['elsewhere'] },
  };
  expect(profile(status).spec.displayName).toBe('Berlin');
  expect(property(status, 'topology.kubernetes.io/region')).toEqual({ name: 'topology.kubernetes.io/region', value: 'eu', lastObservedTime: AT });
  expect(property(status, 'topology.kubernetes.io/zone')).toEqual({ name: 'topology.kubernetes.io/zone', value: 'a,b', lastObservedTime: AT });
  expect(property(status, 'clusterset.k8s.io/cluster-id')).toMatchObject({ value: status.uid, lastObservedTime: AT });
  expect(property(status, 'example.com/tier')).toEqual({ name: 'example.com/tier', value: 'gold' });
});

test('whatever a cluster says, the API takes it', () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constantFrom('é😀'.repeat(600), 'x'.repeat(1023) + '😀', 'x'.repeat(1024), ''));
  const property = fc.record({ name: text, value: text, source: fc.constantFrom('declared' as const, 'observed' as const), observedAt: fc.constant(AT) });
  const status = fc.record({ properties: fc.array(property, { maxLength: 6 }), capabilities: fc.dictionary(fc.oneof(fc.constant('zone'), text), fc.array(text, { maxLength: 4 }), { maxKeys: 4 }), kubernetesVersion: text }, { requiredKeys: [] });
  fc.assert(fc.property(status, (given) => {
    const { status: { properties, conditions, version }, spec } = profile(given);
    expect(new Set(properties.map(({ name }) => name)).size).toBe(properties.length);
    for (const { name, value } of properties) {
      expect([name.length > 0, name.length <= 253, value.length > 0, value.length <= 1024]).toEqual([true, true, true, true]);
      expect(() => encodeURIComponent(value), 'no half of a character').not.toThrow();
    }
    expect(conditions).toHaveLength(1);
    expect(version?.kubernetes).not.toBe('');
    expect(spec.clusterManager).toEqual({ name: 'isthmus' });
  }));
});
