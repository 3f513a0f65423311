/** What holds between clusters of network namespaces, on kind. Takes minutes, and a container engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { meshOf, peeredByIsthmus } from '../datapath/bodies.ts';
import type { World } from '../datapath/world.ts';
import { missingKind, startKindWorld } from './kind.ts';

const CLUSTERS = ['a', 'b', 'c'];
const missing = await missingKind();
if (missing !== undefined) console.log(`no clusters are made with kind: ${missing}`);

describe.skipIf(missing !== undefined)('clusters of kind', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-kind-'));
  let world: World | undefined;
  beforeAll(async () => { world = await startKindWorld(CLUSTERS, folder, meshOf(CLUSTERS)); }, 1_200_000);
  afterAll(async () => {
    await world?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  peeredByIsthmus(() => {
    if (world === undefined) throw new Error('the clusters are not up');
    return world;
  }, { whole: true });
});
