/** A Mesh of three clusters with Cilium's own programs in each, from nothing. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { handsCases } from './hands-cases.ts';
import { idsCases } from './ids-cases.ts';
import { joiningCases } from './joining-cases.ts';
import { leavingCases } from './leaving-cases.ts';
import { ownTlsCases } from './own-tls-cases.ts';
import { type Scene, startScene } from './scene.ts';
import { freezeCases, verdictCases } from './verdict-cases.ts';
import { missingWorld } from './world.ts';

const missing = missingWorld();
if (missing !== undefined) console.log(`no Mesh is made of Cilium's own programs: ${missing}`);

describe.skipIf(missing !== undefined)('a Mesh of three clusters', () => {
  let scene: Scene | undefined;
  const current = (): Scene => scene as Scene;
  const ownTls = ownTlsCases(current);
  let broken = false;
  beforeAll(async () => {
    scene = await startScene();
    ownTls.prepare();
  });
  // Each begins where the one before has ended.
  beforeEach(({ skip }) => { if (broken) skip('one before it has failed'); });
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail' || scene === undefined) return;
    broken = true;
    const { stdout, stderr } = await scene.world.outcome('run', 'status');
    console.log([JSON.stringify((await scene.mesh())?.status), stdout, stderr, scene.world.lastLines()].join('\n'));
  });
  afterAll(async () => {
    await scene?.world.stop();
    ownTls.remove();
  });

  joiningCases(current);
  verdictCases(current);
  ownTls.givenCases();
  // While an agent comes to look at its Secret again.
  handsCases(current);
  freezeCases(current);
  ownTls.changedCases();
  idsCases(current);
  leavingCases(current);

  test('and nothing was asked for that the chart does not grant', () => {
    expect(current().world.refused()).toEqual([]);
    expect(current().world.surprises).toEqual([]);
  });
});
