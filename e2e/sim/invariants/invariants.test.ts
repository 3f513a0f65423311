/** Each rule must be able to fail: planted violations, beside what is allowed. */
import { expect, it } from 'vitest';
import { createAuthority, createCertificateRequest } from '../../../certs/index.ts';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { memoryKeyStore } from '../../../certs/testing/memory-key-store.ts';
import { seededRandom, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { createSimClock } from '../clock.ts';
import { assignedOnce } from './assigned-once.ts';
import { certificatesChain } from './certificates.ts';
import { dnsFreshness } from './dns-freshness.ts';
import { ownFacts } from './own-facts.ts';
import { personKept } from './person-kept.ts';
import { stageOrder } from './stage-order.ts';

it('stage order: too many at once, or a later stage early', () => {
  const run = (...targets: [string, number, 'Pending' | 'Assigned' | 'Soaking' | 'Done' | 'Skipped'][]) =>
    stageOrder.assert([{ name: 'run', maxConcurrency: [1, 2], targets: targets.map(([cluster, stage, phase]) => ({ cluster, stage, phase })) }]);
  expect(run(['a', 0, 'Done'], ['b', 1, 'Assigned'], ['c', 1, 'Soaking'], ['d', 1, 'Pending'])).toBeUndefined();
  expect(run(['a', 0, 'Assigned'], ['b', 0, 'Soaking'])).toMatch(/a, b are in flight in stage 0, which allows 1/);
  expect(run(['a', 0, 'Soaking'], ['b', 1, 'Assigned'])).toMatch(/b of stage 1 is Assigned while a of stage 0 is Soaking/);
  expect(run(['a', 2, 'Assigned'], ['b', 2, 'Assigned'])).toMatch(/allows 1/);
});

it('assigned once: a second assignment, a second end', () => {
  const assignments = [{ run: 'r1', cluster: 'a' }, { run: 'r2', cluster: 'a' }];
  const journal = (['Assigned', 'Soaking', 'Assigned', 'Soaking', 'Done'] as const).map((event) => ({ run: 'r1', cluster: 'a', event }));
  expect(assignedOnce.assert({ assignments, journal })).toBeUndefined();
  expect(assignedOnce.assert({ assignments: [...assignments, { run: 'r1', cluster: 'a' }], journal })).toMatch(/twice: a is assigned by r1/);
  expect(assignedOnce.assert({ assignments, journal: [...journal, { run: 'r1', cluster: 'a', event: 'Done' }] })).toMatch(/twice: Done a in r1/);
});

it('a person\'s value: overwritten', () => {
  const edit = { host: 'oslo', namespace: 'kube-system', name: 'cilium-clustermesh', key: 'berlin', value: 'mine' };
  expect(personKept.assert([{ ...edit, actual: 'mine' }])).toBeUndefined();
  expect(personKept.assert([{ ...edit, actual: 'theirs' }])).toMatch(/oslo: .*\.data\.berlin was a person's and is overwritten/);
});

it('own facts: another\'s identity, another\'s endpoint', () => {
  const good = { identities: [{ cluster: 'oslo', spiffeId: 'spiffe://x/cluster/oslo', ciliumName: 'oslo' }], imported: [{ holder: 'virginia', source: 'oslo', address: '10.20.0.21' }], own: { oslo: ['10.20.0.21'] } };
  expect(ownFacts.assert(good)).toBeUndefined();
  expect(ownFacts.assert({ ...good, identities: [{ cluster: 'oslo', spiffeId: 'spiffe://x/cluster/berlin', ciliumName: undefined }] })).toMatch(/has the identity/);
  expect(ownFacts.assert({ ...good, imported: [{ holder: 'virginia', source: 'oslo', address: '10.10.0.11' }] })).toMatch(/virginia holds 10.10.0.11 as oslo's/);
});

it('certificates: a chain of another root, no chain, a signature that does not fit', async () => {
  const chainOf = async (seed: string): Promise<{ chainPem: string; bundlePem: string }> => {
    const clock = createSimClock();
    const signer = deterministicSigner(seed);
    const authority = createAuthority({ clock, random: seededRandom(1), signer, keys: memoryKeyStore(), trustDomain: 'x', log: silentLog });
    await authority.open(new AbortController().signal);
    return authority.issueAgent('oslo', createCertificateRequest(signer.generate()));
  };
  const ours = await chainOf('ours');
  const foreign = await chainOf('foreign');
  const problem = (chainPem: string): string | undefined => certificatesChain().assert({ bundlePem: ours.bundlePem, chains: [{ where: 'here', chainPem }] });
  expect(problem(ours.chainPem)).toBeUndefined();
  expect(problem(foreign.chainPem)).toMatch(/is not signed by a published root/);
  expect(problem(ours.chainPem.slice(0, ours.chainPem.indexOf('-----END CERTIFICATE-----') + 26))).toMatch(/has 1 certificates/);
  const [leaf] = ours.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
  const [, otherIssuer] = foreign.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
  expect(problem(`${leaf}${otherIssuer}`)).toMatch(/is not signed by the next one/);
});

it('DNS freshness: an endpoint that is long unready, while a better one is there and could be known', () => {
  const rule = dnsFreshness({ namespace: 'shop', name: 'checkout' }, 'x');
  const bad = { cluster: 'berlin', address: '10.10.0.11', ready: false, since: 0 };
  const good = { cluster: 'oslo', address: '10.20.0.21', ready: true, since: 0 };
  const answer = { observer: 'virginia', addresses: ['10.10.0.11'], hears: { berlin: 0, oslo: 0 }, told: ['berlin', 'oslo'] };
  const seen = { now: 11_000, boundMilliseconds: 10_000, endpoints: [bad, good], answers: [answer] };
  expect(rule.assert(seen)).toMatch(/virginia answers 10.10.0.11 of berlin, unready for 11 s, while 10.20.0.21 of oslo is ready/);
  expect(rule.assert({ ...seen, now: 9000 })).toBeUndefined();
  expect(rule.assert({ ...seen, endpoints: [bad, { ...good, ready: false }] })).toBeUndefined();
  expect(rule.assert({ ...seen, endpoints: [{ ...bad, ready: true }, good] })).toBeUndefined();
  expect(rule.assert({ ...seen, answers: [{ ...answer, hears: { berlin: 5000, oslo: 0 } }] })).toBeUndefined();
  expect(rule.assert({ ...seen, answers: [{ ...answer, told: ['berlin'] }] })).toBeUndefined();
  expect(rule.assert({ ...seen, answers: [{ ...answer, addresses: ['10.20.0.21'] }] })).toBeUndefined();
});
