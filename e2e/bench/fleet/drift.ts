/** What a look at everything that is managed in one cluster costs, beside the cheapest comparison that could tell that anything differs. */
import { isDeepStrictEqual } from 'node:util';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { reviewManaged, writtenDigests } from '../../../mesh/drift/diff.ts';
import type { ManagedObject } from '../../../mesh/model/managed.ts';
import { quantile } from '../kube/figures.ts';

export interface DriftFigures { readonly drifted: number; readonly review: number; readonly compare: number }

const KEYS = 6;
const managed = (index: number): ManagedObject => ({
  kind: index % 2 === 0 ? 'Secret' : 'ConfigMap', namespace: 'kube-system', name: `managed-${index}`,
  data: Object.fromEntries(Array.from({ length: KEYS }, (_, key) => [`peer-${key}`, `endpoints:\n- https://peer-${key}.example.com:2379\n`.padEnd(400, `object ${index} `)])),
});

/** `objects` Secrets and ConfigMaps of 2.4 KiB, every hundredth changed by hand. */
export function measureDrift(objects: number, rounds: number): DriftFigures {
  const desired = Array.from({ length: objects }, (_, index) => managed(index));
  const actual = desired.map((object, index) => (index % 100 === 7 ? { ...object, data: { ...object.data, 'peer-3': 'edited' } } : structuredClone(object)));
  const written = desired.map((object) => writtenDigests(object, sha256Hex));
  const managers = Object.fromEntries(Array.from({ length: KEYS }, (_, key) => [`peer-${key}`, key === 3 ? 'kubectl-edit' : 'isthmus-agent']));
  let drifted = 0;
  const timed = (work: () => void): number => {
    const times = Array.from({ length: rounds }, () => {
      const start = performance.now();
      work();
      return performance.now() - start;
    });
    return quantile(times, 0.5);
  };
  const review = timed(() => { drifted = desired.filter((object, index) => reviewManaged(object, { object: actual[index]!, managers }, written[index]!, [], 0, sha256Hex).drift.length > 0).length; });
  let different = 0;
  const compare = timed(() => { different = desired.filter((object, index) => !isDeepStrictEqual(object.data, actual[index]?.data)).length; });
  if (drifted !== different) throw new Error(`${different} objects differ, drift is seen in ${drifted}`);
  return { drifted, review, compare };
}
