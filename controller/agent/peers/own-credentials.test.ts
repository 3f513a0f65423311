import { expect, test } from 'vitest';
import type { PeerState } from '../../../mesh/model/desired.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { fakeMetrics, seededRandom, silentLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { createOwnCredentials } from './own-credentials.ts';

const peer = (name: string, secretName?: string): PeerState => ({ name, clusterId: 2, endpoint: { address: 'x.example', port: 2379, ...(secretName === undefined ? {} : { tls: { secretName, trust: 'Mesh' as const } }) } });

test('only Secrets that are named are read, each once for all of its peers, and no more when nobody names them; a refusal says which right is missing', async () => {
  const clock = manualClock();
  const asked: string[] = [];
  const kubernetes = { async get(_kind: unknown, { name }: { readonly name: string }) { asked.push(name); throw new KubernetesError(403, 'Forbidden', 'no'); } } as unknown as KubernetesClient;
  const own = createOwnCredentials({ ports: { clock, random: seededRandom(1), metrics: fakeMetrics(), log: silentLog, kubernetes, digest: sha256Hex }, config: { ciliumNamespace: 'kube-system' } });
  const stop = new AbortController();
  void own.start(stop.signal);
  let told = 0;
  own.subscribe(() => { told += 1; });
  const [oslo, paris, rome] = [peer('oslo', 'shared'), peer('paris', 'shared'), peer('rome')] as const;
  expect(own.of(oslo)).toEqual({ missing: 'Secret kube-system/shared, with which it is to be read, has not been read yet' });
  own.want([oslo, paris, rome]);
  await clock.advance(100);
  expect(asked).toEqual(['shared']);
  expect(own.of(paris)).toEqual({ missing: 'Secret kube-system/shared may not be read by this agent: name it in cilium.peerSecrets of its chart' });
  expect(own.of(rome)).toBeUndefined();
  await clock.advance(20_000);
  expect([asked.length, told]).toEqual([5, 1]);
  own.want([rome]);
  await clock.advance(60_000);
  expect(asked).toHaveLength(5);
  stop.abort();
});
