import { expect, test } from 'vitest';
import { CertificateAuthority } from '../../../mesh/api/resources/index.ts';
import { threeClusters } from '../testing/three-clusters.ts';

const HOUR = 3_600_000;
const never = new AbortController().signal;

test('tells when roots, issuing CAs and the hub\'s own certificate begin and end, and how many agents have little left', async () => {
  const { bench, agents } = await threeClusters();
  const began = bench.clock.now() / 1000;
  const value = (name: string, labels?: Readonly<Record<string, string>>) => bench.metrics.value(`isthmus_hub_${name}`, labels);
  const issuing = { kind: 'Issuing', generation: '1', state: 'active' };
  expect(value('authority_not_after_timestamp_seconds', { ...issuing, kind: 'Root' }) - began).toBeGreaterThan(3649 * 86_400);
  expect(value('authority_not_after_timestamp_seconds', issuing) - value('authority_not_before_timestamp_seconds', issuing)).toBeGreaterThanOrEqual(90 * 86_400);
  const server = value('server_certificate_not_after_timestamp_seconds');
  expect(Math.round((server - value('server_certificate_not_before_timestamp_seconds')) / 3600)).toBe(24);
  const ending = (connected: boolean) => ['third', 'tenth', 'none'].map((left) => value('agent_certificates_ending', { left, connected: String(connected) }));
  expect([ending(true), ending(false)]).toEqual([[0, 0, 0], [0, 0, 0]]);
  agents.berlin.disconnect();
  await bench.clock.advance(17 * HOUR);
  expect([ending(true), ending(false)]).toEqual([[2, 0, 0], [1, 0, 0]]);
  await bench.clock.advance(5 * HOUR);
  expect([ending(true), ending(false)]).toEqual([[0, 2, 0], [0, 1, 0]]);
  await bench.clock.advance(2 * HOUR + 1);
  expect([ending(true), ending(false)]).toEqual([[0, 0, 2], [0, 0, 1]]);
  // It makes its own anew whether or not anybody calls.
  expect(value('server_certificate_not_after_timestamp_seconds')).toBeGreaterThan(server);
  expect(Object.keys(bench.metrics.all()).filter((name) => name.includes('ending{') && name.includes('berlin'))).toEqual([]);
  await bench.kubernetes.patch(CertificateAuthority, { name: 'fleet' }, { spec: { tainted: [{ of: 'Issuing', generation: 1, reason: 'copied' }] } }, { type: 'merge', fieldManager: 'person' }, never);
  await bench.clock.advance(1000);
  expect(value('authority_problem', { reason: 'TaintedTrusted' })).toBe(1);
  await bench.stopHub();
});
