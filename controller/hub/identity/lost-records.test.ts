/** The records are lost, or somebody who may write there took a revocation away: what the Clusters declare counts. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCertificateRequest } from '../../../certs/index.ts';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { openSqliteRecords } from '../../adapters/records/sqlite.ts';
import { threeClusters } from '../testing/three-clusters.ts';

const never = new AbortController().signal;
let { bench }: Awaited<ReturnType<typeof threeClusters>> = {} as never;
beforeEach(async () => { ({ bench } = await threeClusters()); });
afterEach(() => bench.stopHub());

// Declared at the time of the revocation; and as of a time before the cluster joined.
test.each([0, 86_400_000])('a hub whose records are empty refuses whom its Clusters say was revoked', async (earlier) => {
  const stolen = { cluster: 'berlin', spiffeId: 'spiffe://test/cluster/berlin', certificateSerial: '1', notBefore: bench.clock.now() - 60_000 };
  const renewal = async (): Promise<string> => {
    const answer = bench.handler()!.renew(stolen, createCertificateRequest(deterministicSigner('thief').generate()), never).then(() => 'renewed', (error: Error) => error.message);
    await bench.clock.advance(500);
    return answer;
  };
  await bench.clock.advance(1000);
  await bench.kubernetes.patch(Cluster, { name: 'berlin' }, { spec: { revoked: { at: toRfc3339(bench.clock.now() - earlier), reason: 'stolen laptop' } } }, { type: 'merge', fieldManager: 'person' }, never);
  await bench.clock.advance(500);
  expect(await renewal()).toContain('was revoked');
  await bench.stopHub();
  await bench.startHub(await openSqliteRecords(':memory:'));
  await bench.clock.advance(2000);
  expect(await renewal()).toContain('was revoked');
  expect(bench.metrics.value('isthmus_hub_revocations_unfinished')).toBe(1);
});
