import { describe, expect, test } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { DriftDecisionObject } from '../../../mesh/api/resources/drift-policy.ts';
import { apiVersionOf, Cluster, DriftDecision } from '../../../mesh/api/resources/index.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { decideDrift, type DecideOptions } from './decide.ts';
import { listDrift } from './list.ts';

const PEERS = { object: 'Secret kube-system/cilium-clustermesh', path: '.data.oslo', expected: `sha256:${'a'.repeat(64)}`, actual: `sha256:${'b'.repeat(64)}`, manager: 'kubectl-edit', firstSeen: '2030-01-01T11:00:00.000Z', actor: 'ann, with kubectl-edit (Update)', class: 'suspicious' as const, heldUntil: '2030-01-08T11:00:00.000Z' };
const REMOTE = { ...PEERS, object: 'Secret kube-system/cilium-kvstoremesh', heldUntil: '2029-12-31T11:00:00.000Z' };
const KEY = { ...PEERS, object: 'Secret kube-system/clustermesh-apiserver-remote-cert', path: '.data.tls.key' };

async function fleet(drift: readonly object[], status: object = {}): Promise<TestEnvironment> {
  const environment = testEnvironment();
  const { client, signal } = environment;
  const created = await client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'berlin' }, spec: {} }, { fieldManager: 'test' }, signal);
  await client.update(Cluster, { ...created, status: { drift, ...status } } as ClusterObject, { fieldManager: 'test', subresource: 'status' }, signal);
  return environment;
}
const options = (over: Partial<DecideOptions> = {}): DecideOptions => ({ action: 'accept', cluster: 'berlin', object: PEERS.object, path: undefined, reason: 'the port moved', dryRun: false, ...over });
const decisions = async ({ client, signal }: TestEnvironment) => (await client.list<DriftDecisionObject>(DriftDecision, {}, signal)).items.map(({ spec }) => spec);

test('the list says how serious a change is, who made it and how long it holds, and how many more there are', async () => {
  const environment = await fleet([PEERS, REMOTE, { ...KEY, heldUntil: undefined, decision: 'berlin-revert-x' }], { driftOmitted: 3 });
  await listDrift(environment, undefined, 'table');
  expect(environment.printed().split('\n').map((line) => line.trimEnd().replaceAll(/ {2,}/g, '  '))).toEqual([
    'CLUSTER  OBJECT  PATH  CLASS  MANAGER  HELD UNTIL  FIRST SEEN',
    'berlin  Secret kube-system/cilium-clustermesh  .data.oslo  suspicious  kubectl-edit  2030-01-08T11:00:00Z  60m ago',
    'berlin  Secret kube-system/cilium-kvstoremesh  .data.oslo  suspicious  kubectl-edit  expired: decide  60m ago',
    'berlin  Secret kube-system/clustermesh-apiserver-remote-cert  .data.tls.key  suspicious  kubectl-edit  decided: berlin-revert-x  60m ago',
    '',
  ]);
  expect(environment.complained()).toBe('berlin: and 3 more, which are shown when these are gone\n');
  await expect(listDrift(environment, 'oslo', 'table')).rejects.toThrow('there is no cluster "oslo"');
});

describe('accept', () => {
  test.each(['Secret kube-system/cilium-clustermesh', 'secret/kube-system/cilium-clustermesh', 'cilium-clustermesh'])('%s makes exactly what was seen desired, with who and why', async (object) => {
    const environment = await fleet([PEERS, REMOTE]);
    await decideDrift(environment, options({ object }));
    expect(await decisions(environment)).toEqual([{ cluster: 'berlin', action: 'accept', changes: [{ object: PEERS.object, path: '.data.oslo', actual: PEERS.actual }], reason: 'the port moved', requestedBy: 'ada' }]);
    expect(environment.printed()).toContain('accept: sha256:bbbbbbbbbb becomes desired; sha256:aaaaaaaaaa is no longer written\n');
    expect(environment.printed()).toContain('berlin stays out of runs until these are decided as well: Secret kube-system/cilium-kvstoremesh .data.oslo\n');
    expect(environment.printed()).toMatch(/driftdecision\.isthmus\.dev\/berlin-accept-\w+ created\n$/);
  });

  test('with --dry-run says what will happen and decides nothing', async () => {
    const environment = await fleet([PEERS]);
    await decideDrift(environment, options({ dryRun: true }));
    expect(environment.printed()).toMatch(/changed by ann, with kubectl-edit \(Update\), seen first 60m ago[^]*created \(dry run\)\n$/);
    expect(await decisions(environment)).toEqual([]);
  });

  test.each([[undefined, true], ['2030-01-01T12:00:01Z', true], ['2030-01-01T12:00:00Z', false]])('of a cluster that is frozen until %s tells what it waits for: %s', async (until, told) => {
    const environment = await fleet([PEERS]);
    await environment.client.patch(Cluster, { name: 'berlin' }, { spec: { frozen: { reason: 'audit', ...(until === undefined ? {} : { until }) } } }, { type: 'merge', fieldManager: 'test' }, environment.signal);
    await decideDrift(environment, options());
    expect(environment.printed().includes('berlin is frozen (audit): the run waits for the end of that.\n')).toBe(told);
  });

  test.each([
    [{ object: KEY.object }, 'holds a private key, which the hub may not know'],
    [{ object: 'Secret kube-system/other' }, 'has no drift at "Secret kube-system/other"; it has "Secret kube-system/cilium-clustermesh" --path .data.oslo'],
    [{ path: '.data.rome' }, '--path .data.rome'],
    [{ cluster: 'atlantis' }, 'there is no cluster "atlantis"'],
    [{ reason: ' ' }, '--reason'],
  ])('refuses %j with a way out', async (over, words) => {
    const environment = await fleet([PEERS, KEY]);
    await expect(decideDrift(environment, options(over))).rejects.toThrow(words);
    expect(await decisions(environment)).toEqual([]);
  });
});

describe('revert', () => {
  test('of everything leaves what cannot be reverted, and says so', async () => {
    const environment = await fleet([PEERS, { ...REMOTE, actual: 'unknown' }, { ...KEY, object: 'Service shop/derived-1', path: '.spec.ports', reason: 'Contended' }]);
    await decideDrift(environment, options({ action: 'revert', object: undefined }));
    expect((await decisions(environment))[0]?.changes).toEqual([{ object: PEERS.object, path: '.data.oslo', actual: PEERS.actual }]);
    expect(environment.complained()).toContain('left as it is: Service shop/derived-1 .spec.ports: is written again by itself');
    expect(environment.printed()).toContain('revert: sha256:bbbbbbbbbb is written over, unless it is changed again before; then the newer change stays\n');
  });

  test('where there is nothing says so', async () => {
    await expect(decideDrift(await fleet([]), options({ action: 'revert', object: undefined }))).rejects.toThrow('cluster berlin has no drift');
  });
});
