/** A fleet to measure with: Cluster objects as hub and agents would have written them, the same ones every time. */
import { apiVersionOf, Cluster } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { seededRandom } from '../../../controller/runtime/testing/fakes.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';

/** When the fleet is looked at. */
export const NOW = Date.UTC(2026, 10, 1);
const DAY = 86_400_000;

const REGIONS = ['eu-west-1', 'eu-central-1', 'eu-north-1', 'us-east-1', 'us-west-2', 'ap-south-1', 'ap-east-1', 'sa-east-1'];
const TEAMS = Array.from({ length: 40 }, (_, index) => `team-${index}`);
const ENVIRONMENTS = ['production', 'production', 'staging', 'development'];
const STORAGE = ['ssd', 'ssd-encrypted', 'hdd', 'archive', 'local-nvme'];
const CERTIFICATIONS = ['pci', 'iso27001', 'soc2', 'hipaa'];

export const clusterName = (index: number): string => `cluster-${String(index).padStart(5, '0')}`;

/** About 5 KiB of JSON each. */
export function clusters(count: number): ClusterObject[] {
  const random = seededRandom(5);
  const below = (most: number): number => Math.floor(random.uniform() * most);
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const some = <T>(list: readonly T[]): T[] => list.filter(() => random.uniform() < 0.4);
  return Array.from({ length: count }, (_, index): ClusterObject => {
    const name = clusterName(index);
    const region = one(REGIONS);
    const [nodes, changedAt, joinedAt] = [3 + below(60), NOW - below(30 * DAY), NOW - 30 * DAY - below(700 * DAY)];
    const cpuMilli = nodes * 16_000;
    const generation = 1 + below(4);
    const amounts = (share: number, gpus: number): { cpuMilli: number; memoryBytes: number; pods: number; gpus: Record<string, number> } =>
      ({ cpuMilli: Math.floor(cpuMilli * share), memoryBytes: Math.floor(nodes * 68_719_476_736 * share), pods: Math.floor(nodes * 110 * share), gpus: gpus === 0 ? {} : { 'nvidia.com/gpu': gpus } });
    const ready = random.uniform() < 0.97;
    const gpus = random.uniform() < 0.1 ? 8 * nodes : 0;
    const declared = { 'cost-centre': `cc-${below(200)}`, certification: one(CERTIFICATIONS) };
    const observed = { country: region.slice(0, 2), 'cilium-version': `1.18.${below(13)}`, 'kubernetes-version': `1.3${3 + below(4)}.${below(10)}`, 'agent-version': `1.${below(8)}.${below(20)}`, 'cilium-cluster-id': String(1 + below(511)), 'pod-cidrs': `10.${below(256)}.0.0/16` };
    return {
      apiVersion: apiVersionOf(Cluster), kind: 'Cluster',
      metadata: { name, labels: { region, environment: one(ENVIRONMENTS), team: one(TEAMS), provider: one(['bare-metal', 'cloud-a', 'cloud-b']) } },
      spec: { properties: declared, ...(random.uniform() < 0.02 ? { frozen: { reason: 'a release is being prepared' } } : {}) },
      status: {
        identity: { spiffeId: `spiffe://bank.example/cluster/${name}`, certificateSerial: index.toString(16).padStart(32, '0'), issuer: `CN=isthmus issuing ${generation}`, notAfter: toRfc3339(NOW + below(DAY)), joinedAt: toRfc3339(joinedAt), trustDomain: 'bank.example', issuingCaGeneration: generation },
        uid: `${index.toString(16).padStart(8, '0')}-4c2a-4b1e-9f00-5d6a7c8b9e10`,
        properties: Object.entries({ ...declared, ...observed }).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ name: key, value, source: key in declared ? 'declared' as const : 'observed' as const, observedAt: toRfc3339(changedAt) })),
        cilium: { version: observed['cilium-version'], clusterName: name, clusterId: Number(observed['cilium-cluster-id']), maxConnectedClusters: 511, podCidrs: [observed['pod-cidrs']], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', endpoint: { address: `${name}.mesh.cilium.io`, port: 2379 } },
        kubernetesVersion: observed['kubernetes-version'], agentVersion: observed['agent-version'], nodes: { total: nodes, ready: ready ? nodes : nodes - 1 },
        capabilities: { architecture: random.uniform() < 0.3 ? ['amd64', 'arm64'] : ['amd64'], 'storage-class': some(STORAGE), zone: ['a', 'b', 'c'].map((zone) => `${region}${zone}`), gpu: gpus === 0 ? [] : [one(['a100', 'h100', 'l40s'])] },
        resources: { capacity: amounts(1, gpus), allocatable: amounts(0.94, gpus), requested: amounts(0.2 + 0.6 * random.uniform(), Math.floor(gpus / 2)) },
        requestedBy: TEAMS.slice(0, 5).map((team) => ({ label: 'team', value: team, ...amounts(0.1, 0) })),
        exports: Array.from({ length: below(8) }, (_service, service) => `shop/service-${service}`), exportCount: 3,
        current: { id: `sha256-${'0123456789abcdef'.repeat(4)}`, appliedAt: toRfc3339(changedAt), by: 'run/europe-12' },
        desired: { id: `sha256-${'0123456789abcdef'.repeat(4)}`, run: 'europe-12', stage: 'production' },
        conditions: ['Applied', 'Connected', 'InSync', 'Joined', 'Ready'].map((type) => ({
          type, status: ready ? 'True' as const : 'False' as const, reason: ready ? type : 'Disconnected', message: ready ? 'joined, connected, applied and in sync' : 'its agent is not connected', lastTransitionTime: toRfc3339(changedAt),
        })),
      },
    };
  });
}
