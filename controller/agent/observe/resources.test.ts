import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeObject } from '../../../mesh/api/resources/core.ts';
import { MAX_LABEL_VALUES, OTHER_VALUES, WITHOUT_LABEL } from '../../../mesh/model/cluster.ts';
import { DEFAULT_GPU_RESOURCES } from './defaults.ts';
import { capabilitiesOf, gpuTest, matters, nodeResources, type PodShare, requestsOf } from './resources.ts';

const isGpu = gpuTest(DEFAULT_GPU_RESOURCES);
const node = (name: string, capacity: Record<string, string> | undefined, labels: Record<string, string> = {}, allocatable = capacity): NodeObject => ({
  apiVersion: 'v1', kind: 'Node', metadata: { name, labels },
  status: { nodeInfo: { kubeletVersion: 'v1.33.1', architecture: 'arm64', operatingSystem: 'linux' }, ...(capacity === undefined ? {} : { capacity, allocatable: allocatable ?? capacity }) },
});
const share = (more: Partial<PodShare> = {}): PodShare => ({ namespace: 'shop', labels: {}, cpuMilli: 100, memoryBytes: 10, gpus: {}, ...more });

describe('nodes', () => {
  test('are summed by Kubernetes\' quantities; GPUs by the resource\'s name, whoever makes them', () => {
    const nodes = [
      node('a', { cpu: '4', memory: '16Gi', pods: '110', 'nvidia.com/gpu': '8', 'hugepages-2Mi': '0' }, {}, { cpu: '3920m', memory: '15Gi', pods: '110', 'nvidia.com/gpu': '7' }),
      node('b', { cpu: '2500m', memory: '1000000k', pods: '10', 'amd.com/gpu': '1', 'gpu.intel.com/xe': '2', 'nvidia.com/mig-1g.5gb': '7' }),
    ];
    expect(nodeResources(nodes, isGpu)).toEqual({
      capacity: { cpuMilli: 6500, memoryBytes: 16 * 2 ** 30 + 1e9, pods: 120, gpus: { 'amd.com/gpu': 1, 'gpu.intel.com/xe': 2, 'nvidia.com/gpu': 8 } },
      allocatable: { cpuMilli: 6420, memoryBytes: 15 * 2 ** 30 + 1e9, pods: 120, gpus: { 'amd.com/gpu': 1, 'gpu.intel.com/xe': 2, 'nvidia.com/gpu': 7 } },
    });
  });

  test('that have not said what they have make the sum unknown; no nodes make it nothing', () => {
    expect(nodeResources([node('a', { cpu: '4' }), node('b', undefined)], isGpu)).toBeUndefined();
    expect(nodeResources([], isGpu)?.capacity).toEqual({ cpuMilli: 0, memoryBytes: 0, pods: 0, gpus: {} });
  });

  test('tell capabilities: what is there, sorted, and what is known not to be there; unknown is left out', () => {
    const labels = { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-b' };
    const nodes = [node('a', { 'nvidia.com/gpu': '1', 'nvidia.com/mig-1g.5gb': '7', 'example.com/none': '0', 'attachable.kubernetes.io/disk': '3' }, labels), node('b', {}, { ...labels, 'topology.kubernetes.io/zone': 'eu-a' })];
    expect(capabilitiesOf(nodes, ['fast', 'archive'], isGpu)).toEqual({
      architecture: ['arm64'], 'extended-resource': ['nvidia.com/gpu', 'nvidia.com/mig-1g.5gb'], gpu: ['nvidia.com/gpu'], 'kubelet-version': ['v1.33.1'], 'operating-system': ['linux'],
      region: ['eu'], 'storage-class': ['archive', 'fast'], zone: ['eu-a', 'eu-b'],
    });
    expect(capabilitiesOf([], undefined, isGpu)).not.toHaveProperty('storage-class');
  });
});

describe('requests', () => {
  test('count under the pod\'s label, else its namespace\'s, else none', () => {
    const { requestedBy } = requestsOf([share({ labels: { team: 'a' } }), share(), share({ namespace: 'bank' })], (name) => (name === 'shop' ? { team: 'b' } : undefined), ['team']);
    expect(requestedBy.map(({ value, pods }) => [value, pods])).toEqual([[WITHOUT_LABEL, 1], ['a', 1], ['b', 1]]);
  });

  test('any pods: each label\'s groups sum to the whole, and the largest stand by themselves', () => {
    const pods = fc.array(fc.record({
      namespace: fc.constantFrom('x', 'y'), labels: fc.dictionary(fc.constantFrom('team', 'app'), fc.nat({ max: 150 }).map(String), { noNullPrototype: true }),
      cpuMilli: fc.nat({ max: 1000 }), memoryBytes: fc.nat(), gpus: fc.dictionary(fc.constantFrom('a/gpu', 'b/gpu'), fc.nat({ max: 8 }), { noNullPrototype: true }),
    }), { maxLength: 300, size: 'max' });
    fc.assert(fc.property(pods, (shares) => {
      const { requested, requestedBy } = requestsOf(shares, (name) => (name === 'x' ? { team: 'of-x' } : {}), ['team', 'app']);
      expect(requested.pods).toBe(shares.length);
      for (const label of ['team', 'app']) {
        const groups = requestedBy.filter((group) => group.label === label);
        for (const field of ['cpuMilli', 'memoryBytes', 'pods'] as const) expect(groups.reduce((sum, group) => sum + group[field], 0)).toBe(requested[field]);
        const values = groups.filter(({ value }) => value !== OTHER_VALUES && value !== WITHOUT_LABEL);
        expect(values.length).toBeLessThanOrEqual(MAX_LABEL_VALUES);
        const twin = new Map<string, number>();
        for (const one of shares) {
          const value = one.labels[label] ?? (label === 'team' && one.namespace === 'x' ? 'of-x' : WITHOUT_LABEL);
          twin.set(value, (twin.get(value) ?? 0) + one.cpuMilli);
        }
        for (const { value, cpuMilli } of values) expect(cpuMilli).toBe(twin.get(value));
        const least = Math.min(...values.map(({ cpuMilli }) => cpuMilli));
        for (const [value, cpuMilli] of twin) if (value !== WITHOUT_LABEL && !values.some((group) => group.value === value)) expect(cpuMilli).toBeLessThanOrEqual(least);
      }
    }), { numRuns: 30 });
  });

  test('matter from 1 % of allocatable on, in sum or of one group; what there is matters always', () => {
    const amounts = (cpuMilli: number, gpus: Record<string, number> = {}) => ({ cpuMilli, memoryBytes: 0, pods: 10, gpus });
    const state = (requested: number, byTeam: Record<string, number> = {}, capacity = 10_000) => ({
      resources: { capacity: amounts(capacity), allocatable: amounts(10_000), requested: amounts(requested) },
      requestedBy: Object.entries(byTeam).map(([value, cpuMilli]) => ({ label: 'team', value, ...amounts(cpuMilli) })),
    });
    expect(matters(undefined, state(0))).toBe(true);
    expect(matters(state(1000), state(1099))).toBe(false);
    expect(matters(state(1000), state(1100))).toBe(true);
    expect(matters(state(1000, { a: 500, b: 500 }), state(1000, { a: 450, b: 550 }))).toBe(false);
    expect(matters(state(1000, { a: 500, b: 500 }), state(1000, { a: 300, b: 700 }))).toBe(true);
    expect(matters(state(1000), state(1000, {}, 10_001))).toBe(true);
    expect(matters(state(1000), { resources: { capacity: amounts(10_000), allocatable: amounts(10_000) } })).toBe(true);
    expect(matters({}, {})).toBe(false);
    const gpus = (count: number) => ({ resources: { capacity: amounts(1), allocatable: amounts(1, { 'a/gpu': 8 }), requested: amounts(0, { 'a/gpu': count }) } });
    expect(matters(gpus(0), gpus(1))).toBe(true);
  });
});
