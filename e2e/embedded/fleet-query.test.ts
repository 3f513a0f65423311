import { startHub } from './hub-process.ts';
import { fleetQueryCases } from './fleet-query-cases.ts';

fleetQueryCases('a hub with the embedded API', async (folder) => {
  const hub = await startHub(folder);
  return { hub, stop: async () => { await hub.stop(); } };
});
