/** Packets of real pods through Cilium's eBPF datapath, between clusters that nobody but Isthmus has peered. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { missingHarness, WHOLE } from './harness.ts';
import { type DatapathWorld, startWorld } from './fleet.ts';
import { meshOf, peeredByIsthmus } from './bodies.ts';

const CLUSTERS = ['a', 'b', 'c'];
const missing = missingHarness();
if (missing !== undefined) console.log(`no packets are sent between real datapaths: ${missing}`);

describe.skipIf(missing !== undefined)('clusters of network namespaces', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-datapath-'));
  let world: DatapathWorld | undefined;
  const given = (): DatapathWorld => {
    if (world === undefined) throw new Error('the clusters are not up');
    return world;
  };

  beforeAll(async () => { world = await startWorld(CLUSTERS, folder, { prefix: 'idp', objects: meshOf(CLUSTERS) }); }, 900_000);
  afterEach(({ task }) => { if (task.result?.state === 'fail') console.log(world?.said(), world?.harness.lastLines()); });
  afterAll(async () => {
    await world?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  peeredByIsthmus(given, { whole: WHOLE });
});
