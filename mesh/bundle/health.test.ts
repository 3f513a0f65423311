/** The cases of kstatus' own tests (sigs.k8s.io/cli-utils, pkg/kstatus/status), by what they show, and where ours are stricter. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { healthRuleProblem, judgeHealth, type ObjectHealth } from './health.ts';

type State = ObjectHealth['state'];
const object = (apiVersion: string, kind: string, spec: object = {}, status: object = {}, metadata: object = {}) => ({ apiVersion, kind, metadata: { name: 'one', generation: 1, ...metadata }, spec, status });
const condition = (type: string, status: string, more: object = {}) => ({ type, status, ...more });
const seen = { observedGeneration: 1 };
const progress = condition('Progressing', 'True', { reason: 'NewReplicaSetAvailable' });
const available = condition('Available', 'True');
const deployment = (spec: object, status: object = {}) => object('apps/v1', 'Deployment', spec, status);
const all = (count: number) => ({ replicas: count, updatedReplicas: count, readyReplicas: count, availableReplicas: count });
const statefulSet = (spec: object, status: object = {}) => object('apps/v1', 'StatefulSet', spec, status);
const daemonSet = (status: object, spec = {}) => object('apps/v1', 'DaemonSet', spec, status);
const scheduled = (count: number) => ({ desiredNumberScheduled: count, currentNumberScheduled: count, updatedNumberScheduled: count, numberAvailable: count, numberReady: count });
const pod = (status: object) => object('v1', 'Pod', {}, status);
const flux = (status: object, spec = {}) => object('helm.toolkit.fluxcd.io/v2', 'HelmRelease', spec, status);
const source = { repoURL: 'https://example.com', helm: { valuesObject: { a: 1 } } };
const application = (status: object) => object('argoproj.io/v1alpha1', 'Application', { source }, status);
const synced = { status: 'Synced', comparedTo: { source } };
const capi = (status: object, spec = {}) => object('cluster.x-k8s.io/v1beta2', 'Cluster', spec, status);

const CASES: readonly (readonly [string, ReturnType<typeof object>, State, string?])[] = [
  ['a Deployment that was just made', deployment({}), 'progressing'],
  ['a Deployment with too few replicas', deployment({ replicas: 5 }, { ...seen, ...all(2), conditions: [progress, available] }), 'progressing', 'replicas made: 2 of 5'],
  ['a Deployment that is not updated', deployment({ replicas: 4 }, { ...seen, ...all(4), updatedReplicas: 2, conditions: [progress, available] }), 'progressing', 'replicas updated: 2 of 4'],
  ['a Deployment with replicas of before', deployment({ replicas: 4 }, { ...seen, ...all(4), replicas: 6, conditions: [progress, available] }), 'progressing', '2 replicas are yet to end'],
  ['a Deployment that is not available yet', deployment({ replicas: 4 }, { ...seen, ...all(4), availableReplicas: 3, conditions: [progress, available] }), 'progressing', 'replicas available: 3 of 4'],
  ['a Deployment that is not ready yet', deployment({ replicas: 4 }, { ...seen, ...all(4), readyReplicas: 3, conditions: [progress, available] }), 'progressing', 'replicas ready: 3 of 4'],
  ['a Deployment that gave up', deployment({}, { ...seen, conditions: [condition('Progressing', 'False', { reason: 'ProgressDeadlineExceeded', message: 'timed out' })] }), 'failed', 'ProgressDeadlineExceeded: timed out'],
  ['a Deployment whose condition says no', deployment({}, { ...seen, ...all(1), conditions: [progress, condition('Available', 'False', { reason: 'MinimumReplicasUnavailable' })] }), 'progressing', 'MinimumReplicasUnavailable'],
  ['a Deployment of a former generation', { ...deployment({}, { ...seen, ...all(1), conditions: [available] }), metadata: { name: 'one', generation: 2 } }, 'progressing', 'has seen generation 1 of 2'],
  ['a Deployment with a deadline that progresses', deployment({ progressDeadlineSeconds: 600 }, { ...seen, ...all(1), conditions: [condition('Progressing', 'True', { reason: 'ReplicaSetUpdated' }), available] }), 'progressing', 'ReplicaSetUpdated'],
  ['a Deployment with a deadline', deployment({ progressDeadlineSeconds: 600 }, { ...seen, ...all(1), conditions: [progress, available] }), 'current'],
  ['a Deployment without a deadline', deployment({ progressDeadlineSeconds: 2_147_483_647 }, { ...seen, ...all(1), conditions: [available] }), 'current'],
  ['a StatefulSet that was just made', statefulSet({}), 'progressing'],
  ['a StatefulSet that people update', statefulSet({ updateStrategy: { type: 'OnDelete' } }), 'current'],
  ['a StatefulSet with too few ready', statefulSet({ replicas: 4 }, { ...seen, replicas: 4, readyReplicas: 2, currentReplicas: 4 }), 'progressing', 'replicas ready: 2 of 4'],
  ['a StatefulSet with too many', statefulSet({ replicas: 4 }, { ...seen, replicas: 8, readyReplicas: 4, currentReplicas: 4 }), 'progressing', '4 replicas are yet to end'],
  ['a StatefulSet between two revisions', statefulSet({}, { ...seen, replicas: 1, readyReplicas: 1, currentReplicas: 1, currentRevision: 'a', updateRevision: 'b' }), 'progressing', 'revisions differ'],
  ['a StatefulSet at its partition', statefulSet({ replicas: 4, updateStrategy: { rollingUpdate: { partition: 2 } } }, { ...seen, replicas: 4, readyReplicas: 4, updatedReplicas: 2, currentReplicas: 2, currentRevision: 'a', updateRevision: 'b' }), 'current'],
  ['a StatefulSet before its partition', statefulSet({ replicas: 4, updateStrategy: { rollingUpdate: { partition: 2 } } }, { ...seen, replicas: 4, readyReplicas: 4, updatedReplicas: 1 }), 'progressing', 'replicas updated: 1 of 2'],
  ['a DaemonSet that was just made', daemonSet({}), 'progressing'],
  ['a DaemonSet that is not seen', daemonSet(scheduled(4)), 'progressing'],
  ['a DaemonSet with pods to update', daemonSet({ ...seen, ...scheduled(4), updatedNumberScheduled: 1 }), 'progressing', 'pods updated: 1 of 4'],
  ['a DaemonSet with pods to come', daemonSet({ ...seen, ...scheduled(4), numberAvailable: 1 }), 'progressing', 'pods available: 1 of 4'],
  ['a DaemonSet', daemonSet({ ...seen, ...scheduled(4) }), 'current'],
  ['a DaemonSet that nobody updates by itself', daemonSet({ ...seen, ...scheduled(4), updatedNumberScheduled: 0 }, { updateStrategy: { type: 'OnDelete' } }), 'current'],
  ['a ReplicaSet that cannot make pods', object('apps/v1', 'ReplicaSet', {}, { conditions: [condition('ReplicaFailure', 'True', { message: 'quota' })] }), 'progressing', 'quota'],
  ['a ReplicaSet', object('apps/v1', 'ReplicaSet', { replicas: 2 }, { ...all(2), fullyLabeledReplicas: 2 }), 'current'],
  ['a Job that has not begun', object('batch/v1', 'Job'), 'progressing'],
  ['a Job that runs', object('batch/v1', 'Job', {}, { startTime: '2030-01-01T00:00:00Z', active: 1 }), 'current'],
  ['a Job that failed', object('batch/v1', 'Job', {}, { conditions: [condition('Failed', 'True', { reason: 'BackoffLimitExceeded' })] }), 'failed', 'BackoffLimitExceeded'],
  ['a Job that is complete', object('batch/v1', 'Job', {}, { conditions: [condition('Complete', 'True')] }), 'current'],
  ['a Pod without a phase', pod({}), 'progressing'],
  ['a Pod that is ready', pod({ phase: 'Running', conditions: [condition('Ready', 'True')] }), 'current'],
  ['a Pod that runs and is not ready', pod({ phase: 'Running', conditions: [condition('Ready', 'False', { reason: 'ContainersNotReady' })] }), 'progressing', 'ContainersNotReady'],
  ['a Pod that crashes', pod({ phase: 'Running', containerStatuses: [{ name: 'app', state: { waiting: { reason: 'CrashLoopBackOff' } } }] }), 'failed', 'its container app crashes'],
  ['a Pod that has no node', pod({ phase: 'Pending', conditions: [condition('PodScheduled', 'False', { reason: 'Unschedulable', message: '0/3 nodes' })] }), 'progressing', 'Unschedulable: 0/3 nodes'],
  ['a Pod that has done its work', pod({ phase: 'Succeeded' }), 'current'],
  ['a Pod that failed', pod({ phase: 'Failed' }), 'failed'],
  ['a claim that waits', object('v1', 'PersistentVolumeClaim', {}, { phase: 'Pending' }), 'progressing', 'is Pending'],
  ['a claim that is bound', object('v1', 'PersistentVolumeClaim', {}, { phase: 'Bound' }), 'current'],
  ['a Service', object('v1', 'Service', { type: 'ClusterIP' }), 'current'],
  ['a load balancer without an address', object('v1', 'Service', { type: 'LoadBalancer' }), 'progressing'],
  ['a load balancer', object('v1', 'Service', { type: 'LoadBalancer', clusterIP: '10.0.0.1' }), 'current'],
  ['a definition that was just made', object('apiextensions.k8s.io/v1', 'CustomResourceDefinition'), 'progressing'],
  ['a definition that is being installed', object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {}, { conditions: [condition('Established', 'False', { reason: 'Installing' })] }), 'progressing'],
  ['a definition whose names are taken', object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {}, { conditions: [condition('NamesAccepted', 'False', { reason: 'PluralConflict' })] }), 'failed', 'PluralConflict'],
  ['a definition', object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {}, { conditions: [condition('Established', 'True')] }), 'current'],
  ['an APIService', object('apiregistration.k8s.io/v1', 'APIService', {}, { conditions: [available] }), 'current'],
  ['an APIService that nobody answers for', object('apiregistration.k8s.io/v1', 'APIService', {}, { conditions: [condition('Available', 'False', { reason: 'MissingEndpoints' })] }), 'progressing', 'MissingEndpoints'],
  ['a ConfigMap', object('v1', 'ConfigMap'), 'current'],
  ['any kind that is not ready', object('example.org/v1', 'Widget', {}, { conditions: [condition('Ready', 'False', { message: 'soon' })] }), 'progressing', 'soon'],
  ['any kind that stalls', object('example.org/v1', 'Widget', {}, { conditions: [condition('Stalled', 'True', { reason: 'Broken' })] }), 'failed', 'Broken'],
  ['any kind that reconciles', object('example.org/v1', 'Widget', {}, { conditions: [condition('Reconciling', 'True'), condition('Ready', 'True')] }), 'progressing', 'Reconciling'],
  ['any kind whose condition is of before', object('example.org/v1', 'Widget', {}, { conditions: [condition('Ready', 'True', { observedGeneration: 1 })] }, { generation: 2 }), 'progressing'],
  ['any kind that is being deleted', object('example.org/v1', 'Widget', {}, {}, { deletionTimestamp: '2030-01-01T00:00:00Z' }), 'progressing', 'is being deleted'],
  ['a HelmRelease that nobody has looked at', flux({ observedGeneration: -1 }), 'progressing', 'has not looked at it yet'],
  ['a HelmRelease without a word', flux({}), 'progressing', 'does not say yet whether it is Ready'],
  ['a HelmRelease that is suspended', flux({ ...seen, conditions: [condition('Ready', 'True')] }, { suspend: true }), 'progressing', 'is suspended'],
  ['a HelmRelease that failed to upgrade', flux({ ...seen, conditions: [condition('Ready', 'False', { reason: 'UpgradeFailed', message: 'timed out' })] }), 'progressing', 'UpgradeFailed: timed out'],
  ['a HelmRelease', flux({ ...seen, conditions: [condition('Ready', 'True', { observedGeneration: 1 })] }), 'current'],
  ['an Application healthy with the source of before', application({ sync: { status: 'Synced', comparedTo: { source: { repoURL: 'https://example.com' } } }, health: { status: 'Healthy' } }), 'progressing', 'has not compared the new source yet'],
  ['an Application out of sync', application({ sync: { ...synced, status: 'OutOfSync' }, health: { status: 'Healthy' } }), 'progressing', 'OutOfSync'],
  ['an Application whose sync failed', application({ sync: { ...synced, status: 'OutOfSync' }, operationState: { phase: 'Failed', message: 'denied' } }), 'failed', 'denied'],
  ['an Application that syncs', application({ sync: synced, operationState: { phase: 'Running' }, health: { status: 'Healthy' } }), 'progressing', 'a sync is running'],
  ['an Application that is degraded', application({ sync: synced, health: { status: 'Degraded', message: 'crash' } }), 'failed', 'crash'],
  ['an Application', application({ sync: synced, health: { status: 'Healthy' } }), 'current'],
  ['a Cluster whose topology waits', capi({ ...seen, conditions: [condition('TopologyReconciled', 'False', { reason: 'ControlPlaneUpgradePending' }), available] }), 'progressing', 'ControlPlaneUpgradePending'],
  ['a Cluster that rolls out', capi({ ...seen, conditions: [condition('TopologyReconciled', 'True'), available, condition('RollingOut', 'True')] }), 'progressing', 'RollingOut'],
  ['a Cluster with a topology and no word of it', capi({ ...seen, conditions: [available] }, { topology: {} }), 'progressing'],
  ['a Cluster that is paused', capi({ ...seen, conditions: [available] }, { paused: true }), 'progressing', 'is paused'],
  ['a Cluster', capi({ ...seen, conditions: [condition('TopologyReconciled', 'True'), available] }, { topology: {} }), 'current'],
  ['a Cluster of v1beta1', { ...capi({ ...seen, phase: 'Provisioned', conditions: [condition('Ready', 'True')] }), apiVersion: 'cluster.x-k8s.io/v1beta1' }, 'current'],
];

test.each(CASES.map(([name, given, state, message = '']) => ({ name, given, state, message })))('$name', ({ given, state, message }) => {
  const found = judgeHealth(given, []);
  expect([found.state, found.message]).toEqual([state, state === 'current' ? '' : expect.stringContaining(message)]);
});

test('whatever the JSON, there is an answer, and one without a status of this generation is never current by its conditions', () => {
  const kinds = fc.constantFrom(...CASES.map(([, { apiVersion, kind }]) => ({ apiVersion, kind })));
  fc.assert(fc.property(kinds, fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), fc.jsonValue(), (of, spec, status, metadata) => {
    expect(['current', 'progressing', 'failed']).toContain(judgeHealth({ ...of, spec, status, metadata }, [{ ...of, cel: 'self.status.ready == true' }]).state);
  }));
  fc.assert(fc.property(fc.constantFrom(...CASES), fc.integer({ min: 2, max: 9 }), ([, given], generation) => {
    const changed = { ...given, metadata: { ...given.metadata, generation } };
    const { observedGeneration } = given.status as { readonly observedGeneration?: number };
    if (observedGeneration !== undefined) expect(judgeHealth(changed, []).state).not.toBe('current');
  }));
});

describe('rules of bundles', () => {
  const settings = { ...object('v1', 'ConfigMap'), data: { size: '3', parts: ['a'] } };
  const judged = (cel: string, of = { apiVersion: 'v1', kind: 'ConfigMap' }) => judgeHealth(settings, [{ ...of, cel }]);
  test('count beside what the object says', () => {
    expect(judged('self.data.size == "3" && self.metadata.generation == 1')).toEqual({ state: 'current', message: '' });
    expect(judged('self.data.size == "4"')).toEqual({ state: 'progressing', message: 'its health rule is not true: self.data.size == "4"' });
    expect(judged('false', { apiVersion: 'v1', kind: 'Secret' }).state).toBe('current');
    expect(judgeHealth({ ...settings, apiVersion: 'apps/v2', kind: 'Deployment' }, [{ apiVersion: 'apps/v1', kind: 'Deployment', cel: 'true' }]).state).toBe('progressing');
  });
  test('that fail say why', () => {
    expect(judged('self.data.missing == "1"')).toMatchObject({ state: 'progressing', message: expect.stringMatching(/^its health rule .*missing/) });
    expect(judged('self.data.size')).toMatchObject({ state: 'progressing', message: expect.stringContaining('no truth value') });
    expect(judged('size(')).toMatchObject({ state: 'progressing', message: expect.stringContaining('is no CEL') });
    expect(healthRuleProblem('other == 1')).toContain('known are self');
    expect(healthRuleProblem('has(self.status) && self.status.ready')).toBeUndefined();
  });
});
