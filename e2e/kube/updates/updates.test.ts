/** The thread of staged updates on four real kube-apiservers, by kubectl and the command line, with the rights of the charts alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../controller/demo/eventually.ts';
import { findHelm } from '../../charts/helm.ts';
import { missingAssets } from '../apiserver.ts';
import { onPath } from '../assets.ts';
import { prepareUpstream } from '../upstream/prepare.ts';
import { type Place, startPlace } from './place.ts';

const helm = findHelm() ?? '';
const missing = missingAssets() ?? (helm === '' ? 'helm is neither in KUBEBUILDER_ASSETS nor on PATH' : onPath('kubectl') === undefined ? 'kubectl is not on PATH' : undefined);
if (missing !== undefined) console.log(`staged updates are not tried on real kube-apiservers: ${missing}`);

describe.skipIf(missing !== undefined)('staged updates on real kube-apiservers', () => {
  let place: Place;

  beforeAll(async () => {
    await prepareUpstream();
    const start = performance.now();
    // An older definition there allows less.
    place = await startPlace({ helm, oldest: { virginia: 60 } });
    for (const { name, labels, startAgent } of place.fleet.clusters) {
      const made = await place.isthmus('admin', 'join', name, ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]), '-o', 'token');
      expect(made.status, made.stderr).toBe(0);
      await startAgent(made.stdout.trim());
    }
    console.log(`started in ${Math.round(performance.now() - start)} ms`);
  });
  afterAll(async () => { await place?.stop(); });

  test('three clusters are connected', async () => {
    await eventually('three clusters', 20_000, async () => {
      const { stdout } = await place.kubectl('ben', ['get', 'clusters.isthmus.dev', '-o', 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Connected")].status} {end}']);
      return stdout.trim() === 'True True True';
    });
    expect(place.surprises).toEqual([]);
  });
});
