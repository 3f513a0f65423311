/** The rotation's part of the benchmark at a size at which its times mean nothing: what is counted is held. */
import { expect, test } from 'vitest';
import { measureRotation } from './rotation.ts';

test('a few agents go through all phases to the new root, and nothing fails for the sake of trust', async () => {
  const rotation = await measureRotation(4);
  expect(rotation.phases.map(({ phase }) => phase)).toEqual(['Init', 'UpdateClients', 'UpdateServers', 'Cleanup']);
  expect(rotation.arrived).toBe(4);
  // Each agent's own and what its cluster shows, once for clients and once for servers at least.
  expect(rotation.renewals).toBeGreaterThanOrEqual(4);
  expect(rotation.meshCertificates).toBeGreaterThanOrEqual(2 * 4 * 4);
  // A machine with much else to do may be late; it may not mistrust.
  expect(Object.keys(rotation.failures).filter((what) => !what.includes(': Unreachable: ') || /certificate|SPIFFE|CERT_/u.test(what))).toEqual([]);
});
