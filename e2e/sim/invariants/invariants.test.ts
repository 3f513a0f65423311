/** Each rule must be able to fail: planted violations, beside what is allowed. */
import { expect, it } from 'vitest';
import { createAuthority, createCertificateRequest } from '../../../certs/index.ts';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { memoryKeyStore } from '../../../certs/testing/memory-key-store.ts';
import { seededRandom, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { NEW_RUN_STATE, type RunState, type RunTarget, type StageValue, type StrategyValue, type TargetPhase } from '../../../mesh/model/rollout.ts';
import { createSimClock } from '../clock.ts';
import type { SavedStep } from '../ports.ts';
import { assignedOnce } from './assigned-once.ts';
import { budgetProblem } from './budget.ts';
import { bundlesAssigned } from './bundles-assigned.ts';
import { certificatesChain } from './certificates.ts';
import { dnsFreshness } from './dns-freshness.ts';
import { ownFacts } from './own-facts.ts';
import { personKept } from './person-kept.ts';
import { stageOrder } from './stage-order.ts';
import { withinWindows } from './within-windows.ts';

type Row = readonly [cluster: string, stage: number, phase: TargetPhase, group?: number];
const rows = (list: readonly Row[]): readonly RunTarget[] => list.map(([cluster, stage, phase, group]) => (
  { cluster, stage, phase, ...(group === undefined ? {} : { group }), fromId: 'a', toId: 'b', assignedAt: null, healthyAt: null, finishedAt: null, message: '' }));
const stepOf = (strategy: Partial<StrategyValue>, list: readonly Row[], state: Partial<RunState> = {}): SavedStep => (
  { run: 'run', strategy: { name: 's', stages: [], progressDeadlineSeconds: 1, ...strategy }, targets: rows(list), state: { ...NEW_RUN_STATE, ...state }, assigned: [] });
const stage = (name: string, more: Partial<StageValue>): StageValue => ({ name, clusters: {}, maxConcurrency: 1, soakSeconds: 0, ...more });

it('budget: too many at once in a stage, a group, the run, the stage of those that remain', () => {
  const two = { stages: [stage('first', {}), stage('second', { maxConcurrency: '50%', groups: [{ name: 'east', clusters: {}, maxConcurrency: 1 }] })] };
  expect(budgetProblem(stepOf(two, [['a', 0, 'Done'], ['b', 1, 'Assigned'], ['c', 1, 'RollingBack'], ['d', 1, 'Pending'], ['e', 1, 'Done']]))).toBeUndefined();
  expect(budgetProblem(stepOf(two, [['a', 0, 'Assigned'], ['b', 0, 'Soaking']]))).toMatch(/a, b are in flight in stage first, which allows 1/);
  expect(budgetProblem(stepOf(two, [['b', 1, 'Assigned'], ['c', 1, 'Assigned'], ['d', 1, 'Pending']]))).toMatch(/stage second, which allows 1/);
  expect(budgetProblem(stepOf(two, [['b', 1, 'Assigned', 0], ['c', 1, 'Assigned', 0], ['d', 1, 'Pending'], ['e', 1, 'Done']]))).toMatch(/group east of stage second, which allows 1/);
  expect(budgetProblem(stepOf(two, [['a', 2, 'Assigned'], ['b', 2, 'Assigned']]))).toMatch(/stage remaining, which allows 1/);
  expect(budgetProblem(stepOf({ ...two, maxConcurrency: 1 }, [['a', 0, 'Assigned'], ['b', 1, 'Soaking']]))).toMatch(/the run, which allows 1/);
  const back: readonly Row[] = [['a', 0, 'RollingBack'], ['b', 0, 'RollingBack']];
  const rollback = { rollback: { scope: 'Run' as const, at: 0, reason: '' } };
  expect(budgetProblem(stepOf(two, back, rollback))).toMatch(/which allows 1/);
  expect(budgetProblem(stepOf({ ...two, rollback: { maxConcurrency: 2 } }, back, rollback))).toBeUndefined();
});

it('stage order: a later stage early', () => {
  const begins = (list: readonly Row[], there: readonly string[] = []) => stageOrder().assert([{ step: stepOf({}, list), earlier: 0, stage: 1, isThere: (cluster) => there.includes(cluster) }]);
  expect(begins([['a', 0, 'Done'], ['b', 1, 'Assigned']])).toBeUndefined();
  expect(begins([['a', 0, 'Soaking'], ['b', 1, 'Assigned']])).toMatch(/stage 1 begins while a of stage 0 is Soaking/);
  expect(begins([['a', 0, 'Pending'], ['b', 1, 'Assigned']])).toBeUndefined();
  expect(begins([['a', 0, 'Pending'], ['b', 1, 'Assigned']], ['a'])).toMatch(/stage 1 begins while a of stage 0 is Pending/);
});

it('within its window: a change while it is closed', () => {
  expect(withinWindows().assert([])).toBeUndefined();
  expect(withinWindows().assert([{ run: 'run', cluster: 'a', at: 0, reason: 'ChangeWindow nights is closed' }])).toMatch(/run changes a while ChangeWindow nights is closed/);
});

it('only what was assigned: a package that came by itself', () => {
  const seen = (assigned: readonly string[]) => bundlesAssigned.assert([{ cluster: 'a', packages: ['dns 1.0.0'], assigned: new Set(assigned) }]);
  expect(seen(['dns 1.0.0', 'cni 1.0.0'])).toBeUndefined();
  expect(seen(['dns 2.0.0'])).toMatch(/a has dns 1.0.0, which no run assigned to it/);
});

it('assigned once: a second assignment, a second end', () => {
  const assignments = [{ run: 'r1', cluster: 'a', desiredId: 'new' }, { run: 'r1', cluster: 'a', desiredId: 'old' }, { run: 'r2', cluster: 'a', desiredId: 'new' }];
  const journal = (['Assigned', 'Soaking', 'Assigned', 'Soaking', 'Done'] as const).map((event) => ({ run: 'r1', cluster: 'a', event }));
  expect(assignedOnce.assert({ assignments, journal })).toBeUndefined();
  expect(assignedOnce.assert({ assignments: [...assignments, { run: 'r1', cluster: 'a', desiredId: 'new' }], journal })).toMatch(/twice: a is assigned new by r1/);
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
  const named = (ciliumName: string) => ownFacts.assert({ ...good, identities: [{ cluster: 'oslo', spiffeId: undefined, ciliumName }], own: { ...good.own, berlin: [] } });
  expect([named('lund'), named('berlin')]).toEqual([undefined, 'Cluster oslo has the Cilium facts of berlin']);
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
  expect(problem(foreign.chainPem)).toMatch(/is not signed by one of these roots/);
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
