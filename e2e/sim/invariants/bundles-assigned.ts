/** A package is in a cluster only where a run has assigned it there. */
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { NAMESPACE } from '../fleet.ts';
import type { Invariant } from './invariant.ts';

interface Seen { readonly cluster: string; readonly packages: readonly string[]; readonly assigned: ReadonlySet<string> }

const INVENTORY = /^isthmus-bundle-(.+)$/;

export const bundlesAssigned: Invariant<readonly Seen[]> = {
  name: 'only what was assigned',
  capture: ({ members, assignments, bundlesOf }) => members.map(({ name, readAll }) => ({
    cluster: name,
    packages: readAll<ConfigMapObject>(ConfigMap).filter(({ metadata }) => metadata.namespace === NAMESPACE).flatMap(({ metadata, data }) => (INVENTORY.test(metadata.name) ? [`${data?.['package']} ${data?.['version']}`] : [])),
    assigned: new Set(assignments.filter(({ cluster }) => cluster === name).flatMap(({ desiredId }) => bundlesOf(desiredId))),
  })),
  assert(all) {
    for (const { cluster, packages, assigned } of all) {
      const found = packages.find((one) => !assigned.has(one));
      if (found !== undefined) return `${cluster} has ${found}, which no run assigned to it`;
    }
    return undefined;
  },
  print: (all) => all.map(({ cluster, packages, assigned }) => `${cluster} has ${packages.join(', ')}; was assigned ${[...assigned].join(', ')}`).join('\n'),
};
