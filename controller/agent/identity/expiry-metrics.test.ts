import { expect, test } from 'vitest';
import { createAuthority, createCertificateRequest } from '../../../certs/index.ts';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { memoryKeyStore } from '../../../certs/testing/memory-key-store.ts';
import { fakeMetrics, seededRandom, silentLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { measureExpiry } from './expiry-metrics.ts';

test('tells when the identity, each mesh certificate and the first root begin and end; what is not there has no series', async () => {
  const clock = manualClock();
  const signer = deterministicSigner('metrics');
  const authority = createAuthority({ clock, random: seededRandom(1), signer, keys: memoryKeyStore(), trustDomain: 'test', log: silentLog });
  await authority.open(new AbortController().signal);
  const { chainPem, bundlePem, trustDomain, notAfter } = authority.issueAgent('berlin', createCertificateRequest(signer.generate()));
  const metrics = fakeMetrics();
  let obtained = false;
  const identity = { current: () => { if (!obtained) throw new Error('used before obtain() resolved'); return { cluster: 'berlin', trustDomain, keyPem: '', chainPem, bundlePem }; } };
  const leaves = new Map([['server', { notBefore: 1000, notAfter: 9000 }]] as const);
  const stop = measureExpiry(metrics, identity, { leaves: () => leaves });
  const ends = (certificate: string) => metrics.value('isthmus_agent_certificate_not_after_timestamp_seconds', { certificate });
  expect([ends('identity'), ends('server'), ends('remote')]).toEqual([0, 9, 0]);
  obtained = true;
  expect([ends('identity'), metrics.value('isthmus_agent_trusted_roots')]).toEqual([notAfter / 1000, 1]);
  expect(ends('identity') - metrics.value('isthmus_agent_certificate_not_before_timestamp_seconds', { certificate: 'identity' })).toBe(86_460);
  expect(ends('root')).toBeGreaterThan(ends('identity') + 3000 * 86_400);
  stop();
});
