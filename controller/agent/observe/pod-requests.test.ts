import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ContainerFields, PodObject } from '../../../mesh/api/resources/core.ts';
import { holdsResources, podRequests } from './pod-requests.ts';

const container = (name: string, requests: Record<string, string>, more: Partial<ContainerFields> = {}): ContainerFields => ({ name, resources: { requests }, ...more });
const pod = (spec: PodObject['spec'], status: PodObject['status'] = {}): PodObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'shop', name: 'p' }, spec: { nodeName: 'n', ...spec }, status });
const cpu = (...given: Parameters<typeof pod>) => podRequests(pod(...given)).get('cpu') ?? 0;

describe('what a pod asks for', () => {
  test.each<[string, PodObject['spec'], number]>([
    ['containers together', { containers: [container('a', { cpu: '100m' }), container('b', { cpu: '1' })] }, 1.1],
    ['nothing', { containers: [{ name: 'a' }] }, 0],
    ['an init container that needs more than all containers', { containers: [container('a', { cpu: '1' })], initContainers: [container('i', { cpu: '3' }), container('j', { cpu: '2' })] }, 3],
    ['sidecars beside containers', { containers: [container('a', { cpu: '1' })], initContainers: [container('s', { cpu: '2' }, { restartPolicy: 'Always' })] }, 3],
    ['an init container beside the sidecars before it', { containers: [container('a', { cpu: '1' })], initContainers: [container('s', { cpu: '2' }, { restartPolicy: 'Always' }), container('i', { cpu: '5' })] }, 7],
    ['an init container before the sidecar', { containers: [container('a', { cpu: '1' })], initContainers: [container('i', { cpu: '2' }), container('s', { cpu: '2' }, { restartPolicy: 'Always' })] }, 3],
    ['overhead on top', { containers: [container('a', { cpu: '1' })], overhead: { cpu: '250m' } }, 1.25],
    ['the pod\'s own requests before its containers\'', { containers: [container('a', { cpu: '1' })], resources: { requests: { cpu: '4' } }, overhead: { cpu: '1' } }, 5],
  ])('%s', (_, spec, expected) => { expect(podRequests(pod(spec)).get('cpu') ?? 0).toBe(expected); });

  test('extended resources are never the pod\'s own', () => {
    expect(podRequests(pod({ containers: [container('a', { 'nvidia.com/gpu': '2' })], resources: { requests: { 'nvidia.com/gpu': '7' } } })).get('nvidia.com/gpu')).toBe(2);
  });

  test('during a resize the larger of what it has and what it wants, without what will never fit', () => {
    const containers = [container('a', { cpu: '3' })];
    expect(cpu({ containers }, { containerStatuses: [{ name: 'a', allocatedResources: { cpu: '1' }, resources: { requests: { cpu: '2' } } }] })).toBe(3);
    const conditions = [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }];
    expect(cpu({ containers }, { conditions, containerStatuses: [{ name: 'a', allocatedResources: { cpu: '1' }, resources: { requests: { cpu: '2' } } }] })).toBe(2);
    expect(cpu({ containers }, { conditions, containerStatuses: [{ name: 'a' }] })).toBe(3);
  });

  test('held from the binding to the end', () => {
    expect(holdsResources(pod({}, { phase: 'Pending' }))).toBe(true);
    expect(holdsResources(pod({ nodeName: '' }, { phase: 'Pending' }))).toBe(false);
    for (const phase of ['Succeeded', 'Failed']) expect(holdsResources(pod({}, { phase }))).toBe(false);
  });
});

test('any pod: at no moment of its life do its running containers ask for more, and at one moment for as much', () => {
  const amounts = fc.nat({ max: 20 });
  const inits = fc.array(fc.record({ amount: amounts, sidecar: fc.boolean() }), { maxLength: 5 });
  fc.assert(fc.property(fc.array(amounts, { maxLength: 4 }), inits, amounts, (main, init, overhead) => {
    // The twin plays the pod's life: each init container in its turn, then everything.
    const moments: number[] = [];
    let sidecars = 0;
    for (const { amount, sidecar } of init) {
      moments.push(sidecars + amount);
      if (sidecar) sidecars += amount;
    }
    moments.push(sidecars + main.reduce((sum, amount) => sum + amount, 0));
    expect(cpu({
      containers: main.map((amount, index) => container(`c${index}`, { cpu: String(amount) })),
      initContainers: init.map(({ amount, sidecar }, index) => container(`i${index}`, { cpu: String(amount) }, sidecar ? { restartPolicy: 'Always' } : {})),
      overhead: { cpu: String(overhead) },
    })).toBe(Math.max(...moments) + overhead);
  }));
});
