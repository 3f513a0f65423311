/** The worlds of one test file: each ends with the test that made it. */
import { afterEach } from 'vitest';
import { createWorld, type World } from './world.ts';

/** To be called where a file begins. */
export function testWorlds(): { readonly made: () => Promise<World>; readonly started: () => Promise<World> } {
  const worlds: World[] = [];
  afterEach(async () => { for (const world of worlds.splice(0)) await world.stop(); });

  async function made(): Promise<World> {
    const world = await createWorld();
    worlds.push(world);
    return world;
  }
  return {
    made,
    async started() {
      const world = await made();
      await world.start();
      return world;
    },
  };
}
