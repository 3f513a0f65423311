/** Clusters of a scenario that begins with `fleet NUMBER`: c01, c02, … in three regions in turn, the first of each a canary. */
import type { DemoClusterDefinition } from '../../controller/demo/clusters.ts';

const REGIONS = ['asia', 'europe', 'us'] as const;
/** Their ranges of addresses are told apart by one octet. */
const MOST_CLUSTERS = 99;

export function generatedClusters(count: number): readonly DemoClusterDefinition[] {
  if (!Number.isInteger(count) || count < 0 || count > MOST_CLUSTERS) throw new Error(`a fleet of ${count}: give a number up to ${MOST_CLUSTERS}`);
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    return {
      name: `c${String(number).padStart(2, '0')}`, labels: { region: REGIONS[index % REGIONS.length]!, stage: index < REGIONS.length ? 'canary' : 'production' },
      properties: { 'cilium-auth-mode': 'cluster' }, ciliumVersion: '1.18.12', clusterId: number, podCidr: `10.${number}.0.0/16`, serviceCidr: `10.${100 + number}.0.0/16`,
      endpoints: [`10.${number}.0.11`], nodes: [{ cpu: '8', memory: '32Gi' }], pods: [], storageClasses: [],
    };
  });
}
