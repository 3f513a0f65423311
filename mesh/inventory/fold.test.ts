import { describe, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { clusterStatus } from '../api/resources/cluster.ts';
import type { ClusterStatusValue } from '../model/cluster-status.ts';
import { canonicalJson } from '../model/canonical.ts';
import { ECHOES, fieldsOf } from '../model/cluster-fields.ts';
import type { HistoryEntry } from '../model/history.ts';
import { toRfc3339 } from '../model/instant.ts';
import { authorsOf } from './authors.ts';
import { changesOf } from './changes.ts';
import { type ClusterFacts, foldCluster } from './fold.ts';
import { matchesQuery, parseQuery } from './query.ts';
import { viewCluster } from './view.ts';

const AGENT = 'spiffe://example.org/cluster/oslo';
const unknown: ClusterFacts = {
  name: 'oslo', declared: {}, report: null, reportedAt: null, reportedBy: null, applied: null, assignment: null, identity: null, joinedAt: null, connected: false, connectedSince: null, exports: null,
};
const full: ClusterFacts = {
  name: 'oslo', declared: { region: 'europe', owner: 'net' }, reportedAt: 2_000, reportedBy: AGENT,
  report: {
    properties: { country: 'no', owner: 'agent', 'cilium-version': '0.0.0' }, kubernetesVersion: '1.33.1', agentVersion: '0.1.0', nodes: { total: 2, ready: 2 }, peerAddress: '192.0.2.2:1',
    cilium: { version: '1.18.12', clusterName: 'oslo', clusterId: 2, maxConnectedClusters: 511, podCidrs: ['10.2.0.0/16', 'fd02::/48'], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', endpoint: { ips: ['192.0.2.2'], port: 2379 } },
  },
  applied: { id: 'sha256-b', appliedAt: 3_000, healthy: true, message: '', drift: [] },
  assignment: { cluster: 'oslo', desiredId: 'sha256-b', run: 'europe-1', stage: 'canary', assignedAt: 2_500 },
  identity: { spiffeId: AGENT, certificateSerial: '01', issuer: 'CN=issuing', notAfter: 86_400_000 }, joinedAt: 1_000,
  connected: true, connectedSince: 1_500, exports: ['shop/checkout', 'shop/cart'],
};
const conditions = (status: ClusterStatusValue) => Object.fromEntries((status.conditions ?? []).map(({ type, status: value, reason }) => [type, `${value} ${reason}`]));

/** Rows that people see, with the owner and the runs of a made-up Cluster object. */
function changed(before: ClusterStatusValue, after: ClusterStatusValue, facts: Partial<ClusterFacts> = {}): HistoryEntry[] {
  const of = (status: ClusterStatusValue, declared: Readonly<Record<string, string>>) => fieldsOf({ metadata: { name: 'oslo' }, spec: { properties: declared }, status });
  const [old, fields] = [of(before, full.declared), of(after, full.declared)];
  const managedFields = [{ manager: 'kubectl-edit', time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': { 'f:properties': { 'f:region': {} } } } }];
  const run = () => ({ requestedBy: 'ada', reason: 'upgrade', approvedBy: [] });
  const rows = changesOf({ cluster: 'oslo', at: 9_000, before: old, after: fields, authorOf: authorsOf({ agent: AGENT, managedFields, before: old, after: fields, assignment: { ...full, ...facts }.assignment, run }) });
  return rows.filter(({ field }) => !ECHOES.includes(field) && !field.startsWith('observedAt.'));
}

test('the value type is the schema\'s', () => {
  expectTypeOf<ClusterStatusValue>().toEqualTypeOf<z.infer<typeof clusterStatus>>();
  expect(clusterStatus.safeParse(foldCluster(full, undefined, 4_000).status).error).toBeUndefined();
});

test('a cluster nobody has heard of', () => {
  const { status } = foldCluster(unknown, undefined, 1_000);
  expect(conditions(status)).toEqual({ Applied: 'True NothingAssigned', Connected: 'False NeverConnected', Consistent: 'Unknown NotReported', InSync: 'Unknown NotReported', Joined: 'False NotJoined', Ready: 'False NotJoined' });
  expect(status.conditions?.find(({ type }) => type === 'Ready')?.message).toContain('isthmus join oslo');
});

test('everything known: ready, and queries see declared, derived and reported properties', () => {
  const { status } = foldCluster(full, undefined, 4_000);
  expect(conditions(status)).toEqual({ Applied: 'True Healthy', Connected: 'True Connected', Consistent: 'False PropertyContradiction', InSync: 'True InSync', Joined: 'True Joined', Ready: 'True Ready' });
  expect(status.current).toEqual({ id: 'sha256-b', appliedAt: '1970-01-01T00:00:03.000Z', by: 'run/europe-1' });
  const parsed = parseQuery('region=europe,owner=net,country=no,cilium-version=1.18.*,cilium-cluster-id=2,pod-cidrs=*fd02::/48,kubernetes-version,agent-version');
  expect('query' in parsed && matchesQuery(parsed.query, viewCluster('oslo', {}, status))).toBe(true);
});

test('the same facts later: the same object', () => {
  const first = foldCluster(full, undefined, 4_000);
  const again = foldCluster({ ...full, reportedAt: 50_000 }, first.status, 60_000);
  expect(again.status).toBe(first.status);
});

test('a restarted hub believes what it believed, and plans from it', () => {
  const { status } = foldCluster(full, undefined, 4_000);
  const restarted = foldCluster({ ...unknown, declared: full.declared }, status, 5_000);
  expect(conditions(restarted.status)).toMatchObject({ Applied: 'True Healthy', Connected: 'False Disconnected', InSync: 'True InSync', Ready: 'False Disconnected' });
  expect({ ...restarted.status, conditions: [] }).toEqual({ ...status, conditions: [] });
  expect(changed(status, restarted.status).map(({ field, by }) => `${field} ${by}`)).toEqual(['conditions.Connected hub', 'conditions.Ready hub']);
  const view = viewCluster('oslo', {}, restarted.status);
  expect(view).toMatchObject({ joined: true, assignedId: 'sha256-b', report: { cilium: full.report?.cilium } });
});

test('a cluster that was cut off is shown and planned as one that has not joined, until it has joined anew', () => {
  const { status } = foldCluster(full, undefined, 4_000);
  const revocation = { at: toRfc3339(5_000), reason: 'stolen laptop', clusters: 2, usersRemoved: 0, podsReplaced: 0 };
  const cut = foldCluster({ ...full, revocation }, status, 6_000).status;
  expect(conditions(cut)).toMatchObject({ Joined: 'False Revoked', Ready: 'False Revoked' });
  expect(cut.conditions?.find(({ type }) => type === 'Joined')?.message).toBe('was cut off: stolen laptop; to let it in again, make a new token with "isthmus join oslo"');
  expect(viewCluster('oslo', {}, cut)).toMatchObject({ joined: false, revoked: true, facts: { revoked: { value: true, observedAt: 5_000 } } });
  expect(changed(status, cut, { revocation }).filter(({ field }) => field === 'revocation').map(({ by }) => by)).toEqual(['hub']);
  const back = foldCluster(full, cut, 7_000).status;
  expect([back.revocation, viewCluster('oslo', {}, back).joined]).toEqual([undefined, true]);
});

test('a key that asks to join is shown, and Joined says what to do; a cluster that has joined stays so meanwhile', () => {
  const pending = { keySha256: 'ab'.repeat(32), since: toRfc3339(1_000), by: 'join token join-oslo-1' };
  const joined = (status: ClusterStatusValue) => status.conditions?.find(({ type }) => type === 'Joined');
  const asks = foldCluster({ ...unknown, pending }, undefined, 2_000).status;
  expect(asks.pending).toEqual(pending);
  expect(joined(asks)).toMatchObject({ status: 'False', reason: 'Pending', message: expect.stringContaining(`fingerprint ${pending.keySha256} asks to join by join token join-oslo-1`) as string });
  expect(asks.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'Pending' });
  const { status } = foldCluster(full, undefined, 3_000);
  const again = foldCluster({ ...full, pending }, status, 4_000).status;
  expect(joined(again)).toMatchObject({ status: 'True', reason: 'Joined', message: expect.stringContaining('isthmus cluster accept') as string });
  expect(foldCluster(full, again, 5_000).status.pending).toBeUndefined();
});


describe('one row per change, with its author', () => {
  const { status } = foldCluster(full, undefined, 4_000);
  const rows = (facts: Partial<ClusterFacts>) => changed(status, foldCluster({ ...full, ...facts }, status, 9_000).status, facts).map(({ field, before, after, by, run }) => [field, before, after, run === null ? by : `${by} in ${run}`]);
  const report = full.report!;
  const property = (value: string, source: string, observedAt: string) => canonicalJson({ value, source, observedAt });
  const [early, reported, late] = [4_000, 2_000, 9_000].map(toRfc3339) as [string, string, string];
  const condition = (conditionStatus: string, reason: string, at = late) => canonicalJson({ status: conditionStatus, reason, lastTransitionTime: at });
  test.each<[string, Partial<ClusterFacts>, unknown[][]]>([
    ['declared property', { declared: { ...full.declared, region: 'asia' } }, [['properties.region', property('europe', 'declared', early), property('asia', 'declared', late), 'kubectl-edit']]],
    ['reported property', { report: { ...report, properties: { ...report.properties, country: 'se' } } }, [['properties.country', property('no', 'observed', reported), property('se', 'observed', reported), AGENT]]],
    ['Cilium upgrade', { report: { ...report, cilium: { ...report.cilium!, version: '1.19.6' } } }, [['cilium.version', '"1.18.12"', '"1.19.6"', AGENT]]],
    ['nodes', { report: { ...report, nodes: { total: 2, ready: 1 } } }, [['nodes', '{"ready":2,"total":2}', '{"ready":1,"total":2}', AGENT]]],
    ['exports', { exports: [] }, [['exportCount', '2', '0', AGENT], ['exports', '["shop/cart","shop/checkout"]', '[]', AGENT]]],
    ['assignment', { assignment: { ...full.assignment!, desiredId: 'sha256-c', run: 'europe-2' } }, [
      ['conditions.Applied', condition('True', 'Healthy', early), condition('False', 'Applying'), 'ada in europe-2'],
      ['conditions.Ready', condition('True', 'Ready', early), condition('False', 'Applying'), 'hub'],
      ['desired', '{"id":"sha256-b","run":"europe-1","stage":"canary"}', '{"id":"sha256-c","run":"europe-2","stage":"canary"}', 'ada in europe-2'],
    ]],
  ])('%s', (_, facts, expected) => { expect(rows(facts)).toEqual(expected); });

  test('drift', () => {
    const drift = [{ object: 'Secret kube-system/cilium-clustermesh', path: '.data.berlin', expected: 'sha256:1', actual: 'sha256:2', manager: 'kubectl-edit', firstSeen: 8_000 }];
    const folded = foldCluster({ ...full, applied: { ...full.applied!, drift } }, status, 9_000);
    expect(changed(status, folded.status).map(({ field }) => field)).toEqual(['conditions.InSync', 'conditions.Ready', 'drift']);
    expect(conditions(folded.status)).toMatchObject({ Applied: 'True Healthy', InSync: 'False Drift', Ready: 'False Drift' });
    expect(folded.status.conditions?.find(({ type }) => type === 'InSync')?.message).toBe('Secret kube-system/cilium-clustermesh .data.berlin was changed by kubectl-edit; set it back, or annotate the object isthmus.dev/drift=revert');
  });
});

test('the run that brought a state stays named while the next one waits', () => {
  const { status } = foldCluster(full, undefined, 4_000);
  const next = foldCluster({ ...full, assignment: { ...full.assignment!, desiredId: 'sha256-c', run: 'europe-2' } }, status, 9_000);
  expect(next.status.current?.by).toBe('run/europe-1');
});

test('everything is bounded', () => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`p${index}`, 'x'.repeat(5000)]));
  const { status } = foldCluster({ ...full, declared: many, report: { ...full.report!, properties: many, cilium: { ...full.report!.cilium!, podCidrs: Array<string>(500).fill('10.0.0.0/8') } }, exports: Object.keys(many) }, undefined, 4_000);
  expect(clusterStatus.safeParse(status).error).toBeUndefined();
  expect(status.exportCount).toBe(1000);
  expect(Object.keys(fieldsOf({ metadata: { name: 'oslo' }, status })).length).toBeLessThan(256);
});

test('what is told of how a cluster can be peered is read back as it was told', () => {
  const told = { ...full.report!.cilium!, nodeCidrs: ['192.0.2.0/30'], serviceCidrs: ['10.96.0.0/12'], remoteUsers: 'NotMounted' as const, serverNames: ['*.mesh.cilium.io'], foreignTrust: { roots: ['a', 'b'], signedBy: ['a'] }, release: { tool: 'Argo CD' as const, name: 'cilium', byLabelAlone: true as const }, settings: { 'routing-mode': 'native' } };
  const { status } = foldCluster({ ...full, report: { ...full.report!, cilium: told } }, undefined, 1_000);
  expect(viewCluster('oslo', {}, JSON.parse(JSON.stringify(status)) as typeof status).report?.cilium).toEqual(told);
});
